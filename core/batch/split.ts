/**
 * A batch as several that are each small enough to be opened. Seldom needed: what a host saw while nobody drained its
 * ring, with arguments as long as an attacker makes them.
 */
import { type Batch, eventRows, eventTables } from './batch.ts'
import { bodyBytes, MAX_EVENT_ROWS, MAX_MATCH_ROWS } from './body.ts'
import type { TableName } from './schema.ts'
import { type Selection, selectRows } from './select.ts'

export interface Split {
  /** In the order of their first rows. */
  parts: Batch[]
  /** Rows that are too large even by themselves. */
  leftOut: number
}

export function splitBatch(batch: Batch, maxBytes: number): Split {
  if (isSmallEnough(batch, maxBytes)) return { parts: [batch], leftOut: 0 }
  const rows = eventTables(batch).flatMap(({ name, columns }) =>
    Array.from(columns.ordinal as Uint32Array, (ordinal, row) => ({ name, row, ordinal })),
  )
  if (rows.length < 2) return { parts: [], leftOut: rows.length }
  rows.sort((a, b) => a.ordinal - b.ordinal)
  const half = rows.length >> 1
  const split: Split = { parts: [], leftOut: 0 }
  for (const some of [rows.slice(0, half), rows.slice(half)]) {
    const { parts, leftOut } = splitBatch(selectRows(batch, selectionOf(some)), maxBytes)
    split.parts.push(...parts)
    split.leftOut += leftOut
  }
  return split
}

function isSmallEnough(batch: Batch, maxBytes: number): boolean {
  const matches = batch.tables.matches?.rowCount ?? 0
  return eventRows(batch) <= MAX_EVENT_ROWS && matches <= MAX_MATCH_ROWS && bodyBytes(batch) <= maxBytes
}

function selectionOf(rows: readonly { name: TableName; row: number }[]): Selection {
  const selection: Partial<Record<TableName, number[]>> = {}
  for (const { name, row } of rows) {
    selection[name] ??= []
    selection[name].push(row)
  }
  for (const list of Object.values(selection)) list.sort((a, b) => a - b)
  return selection
}
