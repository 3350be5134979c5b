/**
 * Finds the events of a batch that cannot be judged, or made into documents, by halving: with everything else it is
 * done, and each of them becomes a batch of its own, to be kept with its reason.
 */
import { type Batch, eventTables } from './batch.ts'
import type { TableName } from './schema.ts'
import { type Selection, selectRows } from './select.ts'

export interface Isolated<T> {
  /** What the judgeable rows gave, in parts. */
  judged: T[]
  /** The judgeable rows; null where there are none. */
  good: Batch | null
  bad: { batch: Batch; rows: number; error: unknown }[]
}

interface Row {
  table: TableName
  row: number
}

/** Beyond this many it is not an event that is poisoned; what is left stays together. */
const MAX_BAD = 32

export function isolate<T>(batch: Batch, judge: (part: Batch) => T): Isolated<T> {
  const result: Isolated<T> = { judged: [], good: null, bad: [] }
  const good: Row[] = []

  function take(rows: readonly Row[]): void {
    const part = select(batch, rows)
    try {
      result.judged.push(judge(part))
      good.push(...rows)
    } catch (error) {
      if (rows.length === 1 || result.bad.length >= MAX_BAD) {
        result.bad.push({ batch: part, rows: rows.length, error })
        return
      }
      const half = rows.length >> 1
      take(rows.slice(0, half))
      take(rows.slice(half))
    }
  }

  const rows = eventTables(batch).flatMap(({ name, rowCount }) =>
    Array.from({ length: rowCount }, (_, row): Row => ({ table: name, row })),
  )
  if (rows.length > 0) take(rows)
  if (good.length > 0) result.good = select(batch, good)
  return result
}

function select(batch: Batch, rows: readonly Row[]): Batch {
  const selection: Selection & Partial<Record<TableName, number[]>> = {}
  for (const { table, row } of rows) {
    const list = selection[table]
    if (list === undefined) selection[table] = [row]
    else (list as number[]).push(row)
  }
  return selectRows(batch, selection)
}
