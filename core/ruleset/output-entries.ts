/**
 * `output_fields` of a rule, Seamark's own key: what a detection carries besides the fields of its output text. Each entry
 * is a field, with its native value, or a name and a format, whose value is text.
 */
import { type OutputEntry, parseOutput } from '../language/output/format.ts'
import type { SourceName } from '../model/event.ts'
import type { Problem } from '../model/problem.ts'
import type { EntryDefinition } from './definitions.ts'
import type { ItemReader } from './item-reader.ts'
import type { Scalar } from './rule-file.ts'

const MAX_ENTRIES = 100

/** Those of an item behind those known before; mistakes are noted. */
export function readOutputEntries(item: ItemReader, known: readonly EntryDefinition[]): EntryDefinition[] {
  const value = item.item.entries.get('output_fields')?.value
  if (value === undefined) return [...known]
  const entries = [...known]
  if (value.kind !== 'sequence') item.shape(item.keyOf('output_fields'), '"output_fields" is a list')
  else {
    for (const child of value.items) {
      if (child.kind === 'scalar') entries.push({ name: null, format: child.scalar })
      else if (child.kind === 'map') {
        for (const { key, value: format } of child.entries.values()) {
          if (format.kind === 'scalar') entries.push({ name: key.text, format: format.scalar })
          else item.shape(key, `"${key.text.slice(0, 60)}" is a text that may name fields`)
        }
      } else item.shape(child.at, 'an entry of "output_fields" is a field, or a name and a format')
    }
  }
  if (entries.length > MAX_ENTRIES)
    item.shape(item.keyOf('output_fields'), `"output_fields" has at most ${MAX_ENTRIES} entries`)
  return entries
}

/** Entries with a mistake are left out, and noted. */
export function outputEntries(
  definitions: readonly EntryDefinition[],
  source: SourceName,
  problems: Problem[],
): OutputEntry[] {
  return definitions.flatMap(({ name, format: scalar }) => {
    if (name === null && !/^[^\s%]+$/.test(scalar.text)) return noField(scalar, problems)
    const text = name === null ? `%${scalar.text}` : scalar.text
    const shift = name === null ? 1 : 0
    const { format, problems: mistakes } = parseOutput(text, source)
    for (const { at, ...what } of mistakes)
      problems.push(scalar.file.problem(scalar.offsetOf(Math.max(0, at - shift)), what))
    if (mistakes.some(({ severity }) => severity === 'error')) return []
    const [only, ...others] = format.parts
    const isField = others.length === 0 && only?.value?.source.kind === 'field'
    return name === null && !isField ? noField(scalar, problems) : [{ name, format }]
  })
}

function noField(scalar: Scalar, problems: Problem[]): [] {
  const message = `"${scalar.text.slice(0, 60)}" is no field`
  const hint = 'give a text a name: {name: text}'
  problems.push(scalar.file.problem(scalar.start, { code: 'E_RULE_OUTPUT', severity: 'error', message, hint }))
  return []
}
