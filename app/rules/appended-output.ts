/**
 * What the configuration adds to the outputs of rules: a rule file of its own behind all others, whose items append. So
 * what is published, versioned and tested is rule text and nothing else.
 */
import { parseOutput } from '../../core/language/output/format.ts'
import { SOURCE_NAMES, type SourceName } from '../../core/model/event.ts'
import { readRules } from '../../core/ruleset/load.ts'
import type { RuleText } from './rule-selection.ts'

/** As Falco's `append_output` has it. */
export interface OutputAppend {
  /** Rules for which all of it holds; all rules by default. */
  match?: { source?: string; rule?: string; tags?: string[] }
  /** Behind the output text. */
  extraOutput?: string
  /** Not in the text: a field, or a name and a format. */
  extraFields?: (string | { name: string; format: string })[]
  /** Container and pod, as Falco's container plugin suggests them. */
  suggestedOutput?: boolean
}

const SUGGESTED = [
  ...['container.id', 'container.name', 'container.image.repository', 'container.image.tag'],
  ...['k8s.pod.name', 'k8s.ns.name'],
]
  .map((name) => `${name.replaceAll('.', '_')}=%${name}`)
  .join(' ')

/** Null where it changes nothing. Rule files with mistakes are left to whoever loads them. */
export function appendedFile(files: readonly RuleText[], appended: readonly OutputAppend[]): RuleText | null {
  if (appended.length === 0) return null
  const items = readRules(files).rules.flatMap(({ definition: { name, tags }, source }) => {
    const matching = appended.filter(
      ({ match = {} }) =>
        (match.source === undefined || match.source === source) &&
        (match.rule === undefined || match.rule === name) &&
        (match.tags ?? []).every((tag) => tags.includes(tag)),
    )
    const texts = matching.flatMap(({ extraOutput, suggestedOutput }) => [
      ...(suggestedOutput === true ? [SUGGESTED] : []),
      ...(extraOutput === undefined ? [] : [extraOutput]),
    ])
    const output = texts.filter((text) => isFor(text, source)).join(' ')
    const fields = matching
      .flatMap(({ extraFields = [] }) => extraFields)
      .filter((field) => isFor(typeof field === 'string' ? `%${field}` : field.format, source))
      .map((field) => (typeof field === 'string' ? field : { [field.name]: field.format }))
    if (output === '' && fields.length === 0) return []
    return [
      {
        rule: name,
        ...(output === '' ? {} : { output }),
        ...(fields.length === 0 ? {} : { output_fields: fields }),
        override: {
          ...(output === '' ? {} : { output: 'append' }),
          ...(fields.length === 0 ? {} : { output_fields: 'append' }),
        },
      },
    ]
  })
  return items.length === 0 ? null : { name: '(appended by the configuration)', text: JSON.stringify(items, null, 1) }
}

/** Left out are fields of other sources only: what is wrong everywhere is told when the file is loaded. */
function isFor(format: string, source: SourceName): boolean {
  const isRight = (of: SourceName) => parseOutput(format, of).problems.every(({ severity }) => severity !== 'error')
  return isRight(source) || !SOURCE_NAMES.some(isRight)
}
