/**
 * A batch in memory: tables of typed columns over one string dictionary. Opening a batch copies nothing; columns are
 * views on its bytes.
 */
import { COLUMNS, type ColumnKind, type ColumnName } from './columns.ts'
import { TABLES, type TableName } from './schema.ts'
import { Strings } from './strings.ts'

export type ColumnData = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array | BigInt64Array

export interface Table {
  readonly name: TableName
  rowCount: number
  /** Columns the batch does not carry are absent in every row. */
  columns: Partial<Record<ColumnName, ColumnData>>
}

export interface Batch {
  /** Base of the `time` columns, ns since the Unix epoch. */
  baseNs: bigint
  strings: Strings
  tables: Partial<Record<TableName, Table>>
}

/** The value that means absent, by kind. */
export const ABSENT = {
  u8: 0xff,
  u16: 0xffff,
  u32: 0xffffffff,
  i32: -0x80000000,
  f64: Number.NaN,
  i64: -(2n ** 63n),
  str: 0,
  ref: 0xffffffff,
} as const satisfies Record<ColumnKind, number | bigint>

const ARRAYS = {
  u8: Uint8Array,
  u16: Uint16Array,
  u32: Uint32Array,
  i32: Int32Array,
  f64: Float64Array,
  i64: BigInt64Array,
  str: Uint32Array,
  ref: Uint32Array,
} as const

export function arrayOf(kind: ColumnKind, length: number): ColumnData {
  return new ARRAYS[kind](length)
}

/** A column whose rows are all absent. */
export function absentColumn(kind: ColumnKind, length: number): ColumnData {
  const data = arrayOf(kind, length)
  // Each array takes its own kind's value.
  return (data as Uint32Array).fill(ABSENT[kind] as number)
}

/** A view of the right type on bytes that start at an aligned position. */
export function arrayOn(kind: ColumnKind, buffer: ArrayBuffer, byteOffset: number, length: number): ColumnData {
  return new ARRAYS[kind](buffer, byteOffset, length)
}

export function elementBytes(kind: ColumnKind): number {
  return ARRAYS[kind].BYTES_PER_ELEMENT
}

export function emptyBatch(baseNs: bigint = 0n): Batch {
  return { baseNs, strings: new Strings(), tables: {} }
}

export const TABLE_NAMES = Object.keys(TABLES) as TableName[]

/** Tables whose rows are events, in schema order. */
export const EVENT_TABLES = TABLE_NAMES.filter((name) => TABLES[name].role === 'event')

/** Event tables that the batch carries with at least one row, in schema order. */
export function eventTables(batch: Batch): Table[] {
  const found: Table[] = []
  for (const name of EVENT_TABLES) {
    const table = batch.tables[name]
    if (table !== undefined && table.rowCount > 0) found.push(table)
  }
  return found
}

/** Rows of all event tables together. */
export function eventRows(batch: Batch): number {
  return eventTables(batch).reduce((sum, table) => sum + table.rowCount, 0)
}

/** One cell as a number, string or bigint; undefined when absent. */
export function readCell(
  batch: Batch,
  table: Table,
  row: number,
  name: ColumnName,
): number | string | bigint | undefined {
  const data = table.columns[name]
  if (data === undefined) return undefined
  const raw = data[row]
  if (raw === undefined) return undefined
  const kind = COLUMNS[name].kind
  if (kind === 'f64') return Number.isNaN(raw) ? undefined : raw
  if (raw === ABSENT[kind]) return undefined
  return kind === 'str' ? batch.strings.text(raw as number) : raw
}

/** A cell of a string column; undefined when absent. */
export function readText(batch: Batch, table: Table, row: number, name: ColumnName): string | undefined {
  const index = (table.columns[name] as Uint32Array | undefined)?.[row]
  return index === undefined || index === 0 ? undefined : batch.strings.text(index)
}

/** A cell of a numeric column (not i64); undefined when absent. */
export function readNumber(table: Table, row: number, name: ColumnName): number | undefined {
  const raw = table.columns[name]?.[row]
  if (raw === undefined || typeof raw === 'bigint') return undefined
  return Number.isNaN(raw) || raw === ABSENT[COLUMNS[name].kind] ? undefined : raw
}

/** Event time of a row, ns since the Unix epoch. */
export function timeNs(batch: Batch, table: Table, row: number): bigint {
  const offset = (table.columns.time as Float64Array | undefined)?.[row] ?? 0
  return batch.baseNs + BigInt(Math.round(offset))
}

/** Event time of a row in whole ms since the Unix epoch. */
export function timeMs(batch: Batch, table: Table, row: number): number {
  return Number(timeNs(batch, table, row) / 1_000_000n)
}

/** Row of the process table behind an event row, or -1. */
export function processRow(table: Table, row: number): number {
  return refAt(table, row, 'process')
}

/** Row of the container table behind an event or process row: its own, or its process's; -1 for none (the host). */
export function containerRow(batch: Batch, table: Table, row: number): number {
  const own = refAt(table, row, 'container')
  if (own >= 0) return own
  const process = processRow(table, row)
  const processes = batch.tables.process
  return process >= 0 && processes !== undefined ? refAt(processes, process, 'container') : -1
}

function refAt(table: Table, row: number, name: ColumnName): number {
  const raw = (table.columns[name] as Uint32Array | undefined)?.[row]
  return raw === undefined || raw === ABSENT.ref ? -1 : raw
}
