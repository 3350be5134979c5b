/**
 * Takes some rows of a batch with everything they refer to: the processes with all their ancestors, the containers,
 * the strings. Used by the edge filter, by slices, and to split a poisoned batch. Ordinals are kept, so ids are too.
 */
import { ABSENT, arrayOf, type Batch, type Table } from './batch.ts'
import { COLUMNS, type ColumnName } from './columns.ts'
import { TABLES, type TableName } from './schema.ts'
import { Strings } from './strings.ts'

/** Rows to keep per event table, ascending. Tables left out keep none. */
export type Selection = Partial<Record<TableName, readonly number[] | Uint32Array>>

export function selectRows(batch: Batch, selection: Selection): Batch {
  const processes = new Renumbering(batch.tables.process?.rowCount ?? 0)
  const containers = new Renumbering(batch.tables.container?.rowCount ?? 0)
  const events = Object.entries(selection).flatMap(([name, rows]) => {
    const table = batch.tables[name as TableName]
    return table === undefined || rows.length === 0 ? [] : [{ table, rows }]
  })
  for (const { table, rows } of events) {
    noteReferences(table.columns.process, rows, processes)
    noteReferences(table.columns.container, rows, containers)
  }
  const processTable = batch.tables.process
  if (processTable !== undefined) {
    // Grows while it is walked: a parent found late is visited later.
    for (let i = 0; i < processes.rows.length; i++) {
      const row = [processes.rows[i]!]
      noteReferences(processTable.columns.parent, row, processes)
      noteReferences(processTable.columns.container, row, containers)
    }
  }
  const strings = new Renumbering(batch.strings.count)
  strings.of(0)
  const renumber = { process: processes, parent: processes, container: containers }
  const tables: Batch['tables'] = {}
  const take = (table: Table | undefined, rows: ArrayLike<number>) => {
    if (table !== undefined && rows.length > 0) tables[table.name] = gather(table, rows, strings, renumber)
  }
  take(processTable, processes.rows)
  take(batch.tables.container, containers.rows)
  for (const { table, rows } of events) take(table, rows)
  take(batch.tables.matches, matchesOf(batch.tables.matches, events))
  return { baseNs: batch.baseNs, strings: copyStrings(batch.strings, strings.rows), tables }
}

/** Old row → new row, in order of first use. */
class Renumbering {
  readonly rows: number[] = []
  /** By old row: its new one plus one, 0 for none so far. */
  private readonly numbers: Uint32Array

  constructor(rowCount: number) {
    this.numbers = new Uint32Array(rowCount)
  }

  of(old: number): number {
    const known = this.numbers[old]!
    if (known !== 0) return known - 1
    this.numbers[old] = this.rows.push(old)
    return this.rows.length - 1
  }
}

function noteReferences(column: Table['columns'][ColumnName], rows: ArrayLike<number>, into: Renumbering): void {
  if (column === undefined) return
  for (let i = 0; i < rows.length; i++) {
    const ref = (column as Uint32Array)[rows[i]!]!
    if (ref !== ABSENT.ref) into.of(ref)
  }
}

function gather(
  table: Table,
  rows: ArrayLike<number>,
  strings: Renumbering,
  references: Partial<Record<ColumnName, Renumbering>>,
): Table {
  const taken: Table = { name: table.name, rowCount: rows.length, columns: {} }
  for (const [name, data] of Object.entries(table.columns) as [
    ColumnName,
    NonNullable<Table['columns'][ColumnName]>,
  ][]) {
    const kind = COLUMNS[name].kind
    const out = arrayOf(kind, rows.length)
    const numbering = kind === 'str' ? strings : kind === 'ref' ? references[name] : undefined
    for (let i = 0; i < rows.length; i++) {
      const raw = data[rows[i]!]!
      out[i] = numbering === undefined || raw === ABSENT[kind] ? raw : numbering.of(raw as number)
    }
    taken.columns[name] = out
  }
  return taken
}

function copyStrings(from: Strings, indices: readonly number[]): Strings {
  const offsets = new Uint32Array(indices.length + 1)
  let total = 0
  indices.forEach((index, i) => {
    offsets[i] = total
    total += from.byteLength(index)
  })
  offsets[indices.length] = total
  const bytes = Buffer.allocUnsafe(total)
  indices.forEach((index, i) => void from.copyTo(bytes, offsets[i]!, index))
  return new Strings(offsets, bytes)
}

/** The match annotations whose row is among those taken. */
function matchesOf(matches: Table | undefined, events: { table: Table; rows: ArrayLike<number> }[]): number[] {
  if (matches === undefined) return []
  const kept = new Set<number>()
  for (const { table, rows } of events) {
    const ordinals = table.columns.ordinal as Uint32Array
    for (let i = 0; i < rows.length; i++) kept.add(TABLES[table.name].id * 2 ** 32 + ordinals[rows[i]!]!)
  }
  const found: number[] = []
  for (let i = 0; i < matches.rowCount; i++) {
    const key = matches.columns.matchTable![i] as number
    if (kept.has(key * 2 ** 32 + (matches.columns.matchOrdinal![i] as number))) found.push(i)
  }
  return found
}
