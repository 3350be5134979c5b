/**
 * Exceptions of a rule. Their values become checks that the rule's condition must not meet:
 * `and not ((f1 op1 v11 and f2 op2 v12) or …)`.
 */
import { COMPARISONS, isOneOf, LIST_OPERATORS, MODIFIERS, STRING_OPERATORS } from '../language/condition/ast.ts'
import type { ExceptionDefinition, ExceptionRow } from './definitions.ts'
import { type ItemReader, scalarsOf } from './item-reader.ts'
import type { Scalar } from './rule-file.ts'
import type { Item, ItemMap } from './yaml-items.ts'

const EXCEPTION_KEYS = ['name', 'fields', 'comps', 'values']

/** Reads `exceptions:`. `known` holds the rule's exceptions so far when more are appended to them; else it is null. */
export function readExceptions(item: ItemReader, known: readonly ExceptionDefinition[] | null): ExceptionDefinition[] {
  const value = item.item.entries.get('exceptions')?.value
  const result = [...(known ?? [])]
  if (value === undefined || (value.kind === 'scalar' && value.isNull)) return result
  if (value.kind !== 'sequence') {
    item.shape(item.keyOf('exceptions'), '"exceptions" is a list')
    return result
  }
  const named = new Set<string>()
  for (const entry of value.items) {
    const name = entry.kind === 'map' ? scalarAt(entry, 'name') : undefined
    if (entry.kind !== 'map' || name === undefined || name.text === '') {
      item.shape(item.keyOf('exceptions'), 'every exception is a map with a name')
      continue
    }
    if (named.has(name.text)) {
      item.warn(
        'W_RULE_EXCEPTION_REPEATED',
        'LOAD_EXCEPTION_NAME_NOT_UNIQUE',
        name,
        `exception "${name.text}" stands here twice`,
      )
    }
    named.add(name.text)
    item.expectKeys(EXCEPTION_KEYS, entry, `exception "${name.text}"`)
    const existing = known?.findIndex((exception) => exception.name === name.text) ?? -1
    if (existing >= 0) {
      const grown = withMoreValues(item, entry, result[existing]!)
      if (grown !== null) result[existing] = grown
      continue
    }
    const made = readException(item, entry, name)
    if (made === null) continue
    if (known !== null && !hasValues(entry)) {
      item.invalid(name, `exception "${name.text}" is new to the rule and appended without values`)
      continue
    }
    result.push(made)
  }
  return result
}

function withMoreValues(item: ItemReader, entry: ItemMap, known: ExceptionDefinition): ExceptionDefinition | null {
  for (const key of ['fields', 'comps']) {
    const given = entry.entries.get(key)
    if (given !== undefined) {
      item.invalid(given.key, `exception "${known.name}" exists already: only values can be appended to it`)
      return null
    }
  }
  const values = entry.entries.get('values')
  if (values === undefined || !hasValues(entry)) {
    item.warn(
      'W_RULE_APPEND_NOTHING',
      'LOAD_APPEND_NO_VALUES',
      entry.entries.get('name')!.key,
      `exception "${known.name}" is appended without values`,
    )
    return null
  }
  const rows = readRows(item, values.value, known)
  return rows === null ? null : { ...known, rows: [...known.rows, ...rows] }
}

function readException(item: ItemReader, entry: ItemMap, name: Scalar): ExceptionDefinition | null {
  const given = entry.entries.get('fields')
  if (given === undefined) {
    item.invalid(name, `exception "${name.text}" has no fields`)
    return null
  }
  const isSingle = given.value.kind === 'scalar'
  const fields = given.value.kind === 'scalar' ? [given.value.scalar] : scalarsOf(given.value)
  if (fields === null || fields.length === 0) {
    item.invalid(given.key, `"fields" of exception "${name.text}" is a field or a list of fields`)
    return null
  }
  const operators = readOperators(item, entry, name, isSingle, fields.length)
  if (operators === null) return null
  const shape = { name: name.text, at: name, isSingle, fields, operators, rows: [] }
  const values = entry.entries.get('values')
  if (values === undefined || !hasValues(entry)) return shape
  const rows = readRows(item, values.value, shape)
  return rows === null ? null : { ...shape, rows }
}

function readOperators(
  item: ItemReader,
  entry: ItemMap,
  name: Scalar,
  isSingle: boolean,
  count: number,
): string[] | null {
  const comps = entry.entries.get('comps')
  if (comps === undefined) return new Array<string>(count).fill(isSingle ? 'in' : '=')
  const given = comps.value.kind === 'scalar' ? [comps.value.scalar] : scalarsOf(comps.value)
  if (given === null || (comps.value.kind === 'scalar') !== isSingle || given.length !== count) {
    item.invalid(comps.key, `exception "${name.text}" needs as many comps as fields`)
    return null
  }
  for (const operator of given) {
    const words = operator.text.trim().split(/\s+/)
    const [first = '', modifier] = words
    const isList =
      isOneOf(LIST_OPERATORS, first) ||
      (modifier !== undefined && isOneOf(STRING_OPERATORS, first) && isOneOf(MODIFIERS, modifier))
    const isPlain =
      words.length === 1 && (isOneOf(STRING_OPERATORS, first) || isOneOf(COMPARISONS, first) || first === '==')
    if (words.length > 2 || !(isList || (isPlain && !isSingle))) {
      item.invalid(
        operator,
        `"${operator.text}" is no operator for exception "${name.text}"`,
        isSingle ? 'one of in, pmatch, intersects' : undefined,
      )
      return null
    }
  }
  return given.map((operator) => operator.text.trim())
}

function readRows(item: ItemReader, values: Item, shape: ExceptionDefinition): ExceptionRow[] | null {
  const where = values.kind === 'scalar' ? values.scalar : values.at
  if (values.kind !== 'sequence') {
    item.shape(where, `"values" of exception "${shape.name}" is a list`)
    return null
  }
  if (shape.isSingle) {
    const cells = values.items.flatMap((value) => (value.kind === 'scalar' ? [value.scalar] : []))
    if (cells.length < values.items.length) {
      item.invalid(where, `"values" of exception "${shape.name}" is a flat list of values`)
      return null
    }
    return cells.length === 0 ? [] : [{ cells: [cells], at: where }]
  }
  const rows: ExceptionRow[] = []
  for (const row of values.items) {
    const at = row.kind === 'scalar' ? row.scalar : row.at
    if (row.kind !== 'sequence' || row.items.length !== shape.fields.length) {
      item.invalid(at, `each row of exception "${shape.name}" needs ${shape.fields.length} values`)
      return null
    }
    const cells = row.items.map((cell) => (cell.kind === 'scalar' ? cell.scalar : scalarsOf(cell)))
    if (cells.includes(null)) {
      item.shape(at, `a value of exception "${shape.name}" is a text or a list of texts`)
      return null
    }
    rows.push({ cells: cells as (Scalar | Scalar[])[], at })
  }
  return rows
}

/** One field, operator and value as the text of a check. */
export function checkText(field: string, operator: string, cell: Scalar | Scalar[]): string {
  const words = operator.split(/\s+/)
  const wantsList = words.length > 1 || isOneOf(LIST_OPERATORS, words[0]!)
  if (Array.isArray(cell)) return `${field} ${operator} (${cell.map((value) => quoteIfNeeded(value.text)).join(', ')})`
  const text = cell.text.trim()
  if (!wantsList) return `${field} ${operator} ${quoteIfNeeded(text)}`
  return `${field} ${operator} ${text.startsWith('(') ? text : `(${quoteIfNeeded(text)})`}`
}

function quoteIfNeeded(text: string): string {
  const quoted = /^(["']).*\1$/s.test(text) && text.length > 1
  if (quoted || (text !== '' && !/[\s()"'=,]/.test(text))) return text
  return `"${text
    .replace(/[\\"]/g, (character) => `\\${character}`)
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')}"`
}

function scalarAt(map: ItemMap, key: string): Scalar | undefined {
  const value = map.entries.get(key)?.value
  return value?.kind === 'scalar' ? value.scalar : undefined
}

function hasValues(exception: ItemMap): boolean {
  const value = exception.entries.get('values')?.value
  if (value === undefined || (value.kind === 'scalar' && value.isNull)) return false
  return value.kind !== 'sequence' || value.items.length > 0
}
