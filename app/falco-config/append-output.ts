/** `append_output` and `static_fields`: what a falco.yaml adds to the outputs of rules. */
import { isMap, isScalar, isSeq } from 'yaml'
import type { OutputAppend } from '../rules/appended-output.ts'
import { expandEnvironment } from './environment.ts'
import type { FalcoValues } from './values.ts'

const ENTRY =
  'append_output is a list of entries with "match" (source, rule, tags), "extra_output", "extra_fields" and "suggested_output"'
const FIELDS = 'extra_fields is a list of fields, and of names with a format'

/** Mistakes are noted. */
export function appendOutputOf(values: FalcoValues): OutputAppend[] {
  const node = values.nodeOf('append_output')
  const items = node === undefined ? [] : isSeq(node) ? node.items : [node]
  const appended = items.flatMap((item) => {
    const entry = isMap(item) ? entryOf(item.toJSON() as Record<string, unknown>) : ENTRY
    if (typeof entry === 'object') return [entry]
    values.mistake('append_output', entry)
    return []
  })
  const fields = staticFields(values)
  if (fields.length === 0 || !appended.some(({ suggestedOutput }) => suggestedOutput)) return appended
  const texts = fields.map(({ name, format }) => `${name.replaceAll('.', '_')}=${format}`)
  return [...appended, { extraOutput: texts.join(' '), extraFields: fields }]
}

/** Or what is wrong with it. */
function entryOf(raw: Record<string, unknown>): OutputAppend | string {
  const { match = {}, extra_output, extra_fields = [], suggested_output = false, ...others } = raw
  if (Object.keys(others).length > 0 || typeof suggested_output !== 'boolean') return ENTRY
  if (extra_output !== undefined && typeof extra_output !== 'string') return 'extra_output is a text'
  const matching = matchOf(match)
  if (matching === null) return 'match has "source" and "rule", each a text, and "tags", a list of texts'
  if (!Array.isArray(extra_fields)) return FIELDS
  const fields = extra_fields.map(fieldsOf)
  if (fields.includes(null)) return FIELDS
  return {
    match: matching,
    ...(extra_output === undefined || extra_output === '' ? {} : { extraOutput: expandEnvironment(extra_output) }),
    extraFields: fields.flatMap((some) => some ?? []),
    suggestedOutput: suggested_output,
  }
}

function matchOf(raw: unknown): NonNullable<OutputAppend['match']> | null {
  if (typeof raw !== 'object' || raw === null) return null
  const { source, rule, tags = [], ...others } = raw as Record<string, unknown>
  const isText = (value: unknown) => value === undefined || typeof value === 'string'
  if (Object.keys(others).length > 0 || !isText(source) || !isText(rule)) return null
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === 'string')) return null
  return {
    ...(source === undefined ? {} : { source: source as string }),
    ...(rule === undefined ? {} : { rule: rule as string }),
    tags,
  }
}

function fieldsOf(raw: unknown): NonNullable<OutputAppend['extraFields']>[number][] | null {
  if (typeof raw === 'string') return [raw]
  if (typeof raw !== 'object' || raw === null) return null
  const entries = Object.entries(raw)
  if (!entries.every(([, format]) => typeof format === 'string' && format !== '')) return null
  return entries.map(([name, format]) => ({ name, format: expandEnvironment(format as string) }))
}

function staticFields(values: FalcoValues): { name: string; format: string }[] {
  const node = values.nodeOf('static_fields')
  if (node === undefined) return []
  const entries = isMap(node) ? node.items : []
  const fields = entries.flatMap(({ key, value }) => {
    const text = isScalar(value) ? expandEnvironment(String(value.value)) : '%'
    // A percent sign would name a field.
    return text.includes('%') ? [] : [{ name: `static.${String(key)}`, format: text }]
  })
  if (!isMap(node) || fields.length < entries.length)
    values.mistake('static_fields', 'static_fields is a map of names to texts without a percent sign')
  return fields
}
