/**
 * Builds batches row by row, for sources that see few events (Docker, health) and for tests. The addon builds its
 * columns itself.
 */
import { ABSENT, arrayOf, type Batch, type Table } from './batch.ts'
import { COLUMNS, type ColumnName } from './columns.ts'
import { TABLES, type TableName } from './schema.ts'
import { Strings } from './strings.ts'

/** Strings are byte strings (`fromText` makes them). */
export type Row = Partial<Record<ColumnName, number | string | bigint>>

export class BatchBuilder {
  readonly baseNs: bigint
  private readonly strings = new Strings()
  private readonly rows = new Map<TableName, Row[]>()
  private ordinals = 0
  private eventCount = 0

  constructor(baseNs: bigint) {
    this.baseNs = baseNs
  }

  /** Adds a row and returns its index in its table. Event rows get the next ordinal unless they bring one. */
  add(table: TableName, row: Row): number {
    const rows = this.rows.get(table) ?? []
    this.rows.set(table, rows)
    const isEvent = TABLES[table].role === 'event'
    if (isEvent) this.eventCount++
    const complete = isEvent && row.ordinal === undefined ? { ...row, ordinal: this.ordinals++ } : row
    return rows.push(complete) - 1
  }

  /** Adds an event with its absolute time. */
  addEvent(table: TableName, atNs: bigint, row: Row): number {
    return this.add(table, { ...row, time: Number(atNs - this.baseNs) })
  }

  /** Events so far. */
  get rowCount(): number {
    return this.eventCount
  }

  build(): Batch {
    const tables: Partial<Record<TableName, Table>> = {}
    for (const [name, rows] of this.rows) tables[name] = tableOf(name, rows, this.strings)
    return { baseNs: this.baseNs, strings: this.strings, tables }
  }
}

/** A table of rows whose strings are interned in the dictionary given; columns no row has are left out. */
export function tableOf(name: TableName, rows: readonly Row[], strings: Strings): Table {
  const table: Table = { name, rowCount: rows.length, columns: {} }
  for (const column of TABLES[name].columns as readonly ColumnName[]) {
    if (!rows.some((row) => row[column] !== undefined)) continue
    const kind = COLUMNS[column].kind
    const data = arrayOf(kind, rows.length)
    rows.forEach((row, i) => {
      const value = row[column]
      if (value === undefined) data[i] = ABSENT[kind]
      else data[i] = typeof value === 'string' ? strings.intern(value) : value
    })
    table.columns[column] = data
  }
  return table
}
