/**
 * The columns of a table in a fixed order, so that a value is read by position: looking a column up by its name costs
 * more than reading it. Each kind of column is read in a place of its own, where V8 meets only one type of array.
 */
import { ABSENT, type ColumnData, type Table } from '../batch/batch.ts'
import { COLUMNS, type ColumnKind, type ColumnName } from '../batch/columns.ts'

/** By slot: the column's data, undefined where the table has none. */
export type ColumnSlots = readonly (ColumnData | undefined)[]

const NAMES = Object.keys(COLUMNS) as ColumnName[]
/** Where each column stands. */
export const SLOTS = Object.fromEntries(NAMES.map((name, slot) => [name, slot])) as Readonly<Record<ColumnName, number>>
const KINDS: readonly ColumnKind[] = NAMES.map((name) => COLUMNS[name].kind)
/** Of a table without columns. */
export const NO_SLOTS: ColumnSlots = new Array(NAMES.length).fill(undefined)

export function slotsOf(table: Table): ColumnSlots {
  const slots = NO_SLOTS.slice()
  for (const name in table.columns) slots[SLOTS[name as ColumnName]] = table.columns[name as ColumnName]
  return slots
}

/** A number in a row; undefined when absent, outside the table, or in a column of i64. */
export function numberAt(columns: ColumnSlots, slot: number, row: number): number | undefined {
  const data = columns[slot]
  if (data === undefined || row < 0) return undefined
  switch (KINDS[slot]) {
    case 'u8': {
      const value = (data as Uint8Array)[row]
      return value === ABSENT.u8 ? undefined : value
    }
    case 'u16': {
      const value = (data as Uint16Array)[row]
      return value === ABSENT.u16 ? undefined : value
    }
    case 'i32': {
      const value = (data as Int32Array)[row]
      return value === ABSENT.i32 ? undefined : value
    }
    case 'f64': {
      const value = (data as Float64Array)[row]
      return Number.isNaN(value) ? undefined : value
    }
    case 'i64':
      return undefined
    case 'str': {
      const value = (data as Uint32Array)[row]
      return value === ABSENT.str ? undefined : value
    }
    default: {
      const value = (data as Uint32Array)[row]
      return value === ABSENT.u32 ? undefined : value
    }
  }
}

/** The index of a text in a column of texts; 0 when absent. */
export function textIndexAt(data: ColumnData | undefined, row: number): number {
  return data === undefined || row < 0 ? 0 : ((data as Uint32Array)[row] ?? 0)
}

/** A row of another table in a column of references; -1 when absent. */
export function referenceAt(data: ColumnData | undefined, row: number): number {
  if (data === undefined || row < 0) return -1
  const value = (data as Uint32Array)[row]
  return value === undefined || value === ABSENT.ref ? -1 : value
}
