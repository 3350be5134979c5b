/**
 * Counts documents of one part by fields and time. Counts kept at write time answer where the question fits them, row
 * columns where those suffice, and the documents themselves otherwise; all three give the same numbers.
 */
import type { KqlNode } from '../../../core/language/kql/ast.ts'
import type { Fields } from '../../../core/language/kql/fields.ts'
import { type Counts, combinations, keysOf } from '../../../core/search/counts.ts'
import { checkDeadline, type PartReader, type Selection } from './part-reader.ts'
import type { Plan } from './plan.ts'
import { FORM, ROLLUP_MS, ROLLUPS, ROW_COLUMNS } from './schema.ts'

export function countPart(
  part: PartReader,
  fields: Fields,
  selection: Selection,
  by: readonly string[],
  everyMs: number | undefined,
  counts: Counts,
): void {
  const plan = part.plan(selection)
  if (plan.rows === '0') return
  const columns = by.map((field) => columnFor(part, fields, field))
  if (!plan.exact || columns.includes(-1)) {
    countDocuments(part, fields, selection, plan, by, everyMs, counts)
    return
  }
  const rollup = rollupFor(selection, by, everyMs)
  const firstMs = Math.ceil(selection.fromMs / ROLLUP_MS) * ROLLUP_MS
  const lastMs = Math.floor(selection.toMs / ROLLUP_MS) * ROLLUP_MS
  if (rollup < 0 || firstMs >= lastMs) {
    countRows(part, selection, plan, columns, everyMs, counts)
    return
  }
  countRollup(part, { ...selection, fromMs: firstMs, toMs: lastMs }, plan, rollup, columns, everyMs, counts)
  // The ragged ends of the range are counted row by row.
  countRows(part, { ...selection, toMs: firstMs }, plan, columns, everyMs, counts)
  countRows(part, { ...selection, fromMs: lastMs }, plan, columns, everyMs, counts)
}

/** The column that tells all values of a field; -1 where only the documents do. */
function columnFor({ meta, database }: PartReader, fields: Fields, field: string): number {
  if (!meta.columns.includes(field) || fields.find(field)?.type !== 'keyword') return -1
  const long = `SELECT 1 FROM dictionary WHERE field = ? AND form = ${FORM.long}`
  if (database.prepare(long).get(meta.coded[field]!) !== undefined) return -1
  return ROW_COLUMNS.findIndex((column) => column.field === field)
}

/** The smallest rollup that knows all the fields; -1 for none. */
function rollupFor({ kind, filter }: Selection, by: readonly string[], everyMs: number | undefined): number {
  if (kind === 'alert' || (everyMs !== undefined && everyMs % ROLLUP_MS !== 0)) return -1
  const needed = new Set(by)
  if (filter !== null) collectFields(filter, needed)
  let best = -1
  ROLLUPS.forEach((names, i) => {
    if (![...needed].every((field) => names.includes(field))) return
    if (best < 0 || names.length < ROLLUPS[best]!.length) best = i
  })
  return best
}

function collectFields(node: KqlNode, into: Set<string>): void {
  if (node.kind === 'and' || node.kind === 'or') for (const child of node.children) collectFields(child, into)
  else if (node.kind === 'not') collectFields(node.child, into)
  else if (node.kind !== 'all') into.add(node.field ?? '*')
}

function countRollup(
  part: PartReader,
  { kind, fromMs, toMs, deadline }: Selection,
  plan: Plan,
  rollup: number,
  columns: readonly number[],
  everyMs: number | undefined,
  counts: Counts,
): void {
  const names = ROLLUPS[rollup]!.map((name, i) => {
    const column = ROW_COLUMNS.findIndex(({ field }) => field === name)
    return `nullif(${'abc'[i]}, 0) AS c${column}`
  })
  const source = `(SELECT minute * ${ROLLUP_MS} AS time, ${names.join(', ')}, count AS n FROM ${kind}_rollups
    WHERE rollup = ${rollup} AND minute >= ${fromMs / ROLLUP_MS} AND minute < ${toMs / ROLLUP_MS})`
  sumGroups(part, source, plan.rows ?? '1', 'sum(n)', columns, everyMs, [], deadline, counts)
}

function countRows(
  part: PartReader,
  { kind, fromMs, toMs, deadline }: Selection,
  plan: Plan,
  columns: readonly number[],
  everyMs: number | undefined,
  counts: Counts,
): void {
  if (fromMs >= toMs) return
  const where = `time >= ? AND time < ? AND ${plan.rows ?? '1'}`
  sumGroups(part, `${kind}_rows`, where, 'count(*)', columns, everyMs, [fromMs, toMs], deadline, counts)
}

function sumGroups(
  part: PartReader,
  source: string,
  where: string,
  sum: string,
  columns: readonly number[],
  everyMs: number | undefined,
  values: readonly number[],
  deadline: number,
  counts: Counts,
): void {
  const groups = columns.map((column) => `c${column}`)
  if (everyMs !== undefined) groups.push(`time - time % ${everyMs}`)
  const select = groups.map((group, i) => `${group} AS g${i}`).concat(`${sum} AS n`)
  const names = groups.map((_, i) => `g${i}`)
  const text = `SELECT ${select.join(', ')} FROM ${source} WHERE ${where} ${names.length > 0 ? `GROUP BY ${names.join(', ')}` : ''}`
  const nameOf = codeNames(part)
  for (const row of part.database.handle.prepare(text).iterate(...values)) {
    checkDeadline(deadline)
    const count = row.n as number | null
    if (count === null || count === 0) continue
    const fromMs = everyMs === undefined ? undefined : (row[`g${columns.length}`] as number)
    const lists = columns.map((_, i) => nameOf(row[`g${i}`] as number | null))
    for (const key of combinations(lists)) counts.add(fromMs, key, count)
  }
}

/** The values behind a code; a document with several values counts under each. */
function codeNames({ database }: PartReader): (code: number | null) => readonly (string | null)[] {
  const known = new Map<number, readonly string[]>()
  return (code) => {
    if (code === null) return [null]
    let names = known.get(code)
    if (names === undefined) {
      const row = database.prepare('SELECT form, value FROM dictionary WHERE code = ?').get(code)
      const value = row?.value as string
      names = row?.form === FORM.list ? [...new Set(JSON.parse(value) as string[])] : [value]
      known.set(code, names)
    }
    return names
  }
}

function countDocuments(
  part: PartReader,
  fields: Fields,
  selection: Selection,
  plan: Plan,
  by: readonly string[],
  everyMs: number | undefined,
  counts: Counts,
): void {
  part.each(selection, plan, (body, timeMs) => {
    const fromMs = everyMs === undefined ? undefined : timeMs - (timeMs % everyMs)
    for (const key of keysOf(body, by, fields)) counts.add(fromMs, key, 1)
  })
}
