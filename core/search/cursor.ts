/** Where a page ended: time and id of its last hit, sealed to the query that it belongs to. */
import { createHash } from 'node:crypto'
import { AppError } from '../model/errors.ts'
import type { Query } from '../model/search-store.ts'

export interface Position {
  timeMs: number
  id: string
}

const MAX_CURSOR_CHARS = 4096

export function writeCursor(query: Query, { timeMs, id }: Position): string {
  return Buffer.from(JSON.stringify([fingerprint(query), timeMs, id])).toString('base64url')
}

/** Throws E_STORE_CURSOR for text that is no cursor, or the cursor of another query. */
export function readCursor(query: Query): Position | undefined {
  if (query.cursor === undefined) return undefined
  const [owner, timeMs, id] = parse(query.cursor)
  if (typeof timeMs !== 'number' || !Number.isFinite(timeMs) || typeof id !== 'string') {
    throw new AppError('E_STORE_CURSOR', 'the cursor is not one that a page returned')
  }
  if (owner !== fingerprint(query)) {
    throw new AppError('E_STORE_CURSOR', 'the cursor belongs to another query: kind, bounds, filter or order differ')
  }
  return { timeMs, id }
}

function parse(cursor: string): unknown[] {
  if (cursor.length > MAX_CURSOR_CHARS) return []
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    return Array.isArray(value) ? value : []
  } catch {
    return []
  }
}

function fingerprint({ kind, fromMs, toMs, filter, order }: Query): string {
  const text = JSON.stringify([kind, fromMs ?? null, toMs ?? null, filter ?? null, order ?? 'newest'])
  return createHash('sha256').update(text).digest('base64url').slice(0, 16)
}
