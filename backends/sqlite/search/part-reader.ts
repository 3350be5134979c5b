/**
 * Reads one part file: pages in (time, id) order, single documents, and what both need from its blocks. Each call sees
 * one consistent state of the file, however much is written meanwhile.
 */
import type { KqlNode } from '../../../core/language/kql/ast.ts'
import type { Fields } from '../../../core/language/kql/fields.ts'
import type { Matcher } from '../../../core/language/kql/matcher.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { DocKind } from '../../../core/model/search-store.ts'
import type { Position } from '../../../core/search/cursor.ts'
import { type Database, openReader } from '../database.ts'
import { type Block, decodeBlock } from './block.ts'
import { type BlockTest, type Driver, type Plan, passes, planQuery, readsGrams } from './plan.ts'
import { type PartMeta, ROW_COLUMNS } from './schema.ts'

/** A document as it was found; `text` is its JSON. */
export interface Found {
  id: string
  timeMs: number
  text: string
}

export interface Selection {
  kind: DocKind
  /** Inclusive, exclusive. */
  fromMs: number
  toMs: number
  filter: KqlNode | null
  matches: Matcher
  /** A quick look at the JSON text; false where the document cannot match. */
  mayMatch: (json: string) => boolean
  /** `performance.now()` after which the query is given up. */
  deadline: number
}

export interface Window {
  order: 'newest' | 'oldest'
  after: Position | undefined
  limit: number
}

export interface PartReader {
  readonly database: Database
  readonly meta: PartMeta
  /** Event times of the first and last document; null when there is none. */
  range(kind: DocKind): { firstMs: number; lastMs: number } | null
  search(selection: Selection, window: Window): Found[]
  get(kind: DocKind, id: string): Found | null
  plan(selection: Selection): Plan
  /** Every document that matches, in no order. */
  each(selection: Selection, plan: Plan, found: (body: Record<string, unknown>, timeMs: number) => void): void
  close(): void
}

interface Row {
  seq: number
  time: number
  id: string
}

interface BlockRow {
  first: number
  count: number
  min_time: number
  max_time: number
  codes: Uint8Array
  grams: Uint8Array | null
}

/** Up to this many rows are looked at one by one rather than block by block. */
const FEW_ROWS = 5_000
const MAX_ESTIMATE = 20_000
const CACHED_BLOCKS = 64

export function openPartReader(path: string, fields: Fields): PartReader {
  const database = openReader(path)
  const meta = loadMeta(database)
  const { handle, prepare } = database

  function snapshot<T>(work: () => T): T {
    handle.exec('BEGIN')
    try {
      return work()
    } finally {
      handle.exec('COMMIT')
    }
  }

  function plan({ filter }: Selection): Plan {
    return filter === null
      ? { rows: null, exact: true, blocks: null, drivers: [] }
      : planQuery(filter, database, meta, fields)
  }

  /** How many rows the driver leads to, counted up to `MAX_ESTIMATE`. */
  function estimate(kind: DocKind, { column, codes }: Driver, { fromMs, toMs }: Selection): number {
    const count = prepare(`SELECT count(*) AS n FROM (SELECT 1 FROM ${kind}_rows
      WHERE c${column} = ? AND time >= ? AND time < ? LIMIT ${MAX_ESTIMATE})`)
    let rows = 0
    for (const code of codes) rows += count.get(code, fromMs, toMs)?.n as number
    return rows
  }

  function bestDriver(selection: Selection, drivers: readonly Driver[]): { driver: Driver; rows: number } | undefined {
    let best: { driver: Driver; rows: number } | undefined
    for (const driver of drivers) {
      if (!ROW_COLUMNS[driver.column]!.indexed) continue
      const rows = estimate(selection.kind, driver, selection)
      if (best === undefined || rows < best.rows) best = { driver, rows }
    }
    return best
  }

  function loader(kind: DocKind): (seq: number) => string {
    const cache = new Map<number, Block>()
    const read = prepare(`SELECT first, data FROM ${kind}_data WHERE first <= ? ORDER BY first DESC LIMIT 1`)
    const locate = prepare(`SELECT first FROM ${kind}_data WHERE first <= ? ORDER BY first DESC LIMIT 1`)
    return (seq) => {
      const first = locate.get(seq)?.first as number
      let block = cache.get(first)
      if (block === undefined) {
        block = decodeBlock(read.get(seq)?.data as Uint8Array)
        if (cache.size >= CACHED_BLOCKS) cache.delete(cache.keys().next().value!)
        cache.set(first, block)
      }
      return block.text(seq - first)
    }
  }

  /** Rows in order, through an index; the matcher decides where the plan is not exact. */
  function searchRows(selection: Selection, window: Window, { rows, exact }: Plan, index: string): Found[] {
    const { kind, matches, mayMatch, deadline } = selection
    const direction = window.order === 'newest' ? 'DESC' : 'ASC'
    const { where, values } = bounds(selection, window)
    // Not remembered: the text holds the query's codes.
    const statement = handle.prepare(`SELECT seq, time, id FROM ${kind}_rows INDEXED BY ${kind}_${index}
      WHERE ${where} AND ${rows ?? '1'} ORDER BY time ${direction}, id ${direction}`)
    const load = loader(kind)
    const found: Found[] = []
    for (const row of statement.iterate(...values) as unknown as Iterable<Row>) {
      checkDeadline(deadline)
      const text = load(row.seq)
      if (!exact && !(mayMatch(text) && matches(JSON.parse(text) as Record<string, unknown>))) continue
      found.push({ id: row.id, timeMs: row.time, text })
      if (found.length >= window.limit) break
    }
    return found
  }

  function candidateBlocks({ kind, fromMs, toMs, deadline }: Selection, test: BlockTest): BlockRow[] {
    const blocks: BlockRow[] = []
    const grams = readsGrams(test) ? 'grams' : 'NULL AS grams'
    const statement = prepare(`SELECT first, count, min_time, max_time, codes, ${grams} FROM ${kind}_blocks
      WHERE max_time >= ? AND min_time < ?`)
    for (const row of statement.iterate(fromMs, toMs) as unknown as Iterable<BlockRow>) {
      checkDeadline(deadline)
      if (passes(test, row)) blocks.push(row)
    }
    return blocks
  }

  /** Blocks by time until none that is left can hold anything earlier in the order than what was found. */
  function searchBlocks(selection: Selection, window: Window, plan: Plan): Found[] {
    const { kind, matches, mayMatch, deadline } = selection
    const newest = window.order === 'newest'
    const sign = newest ? -1 : 1
    const blocks = candidateBlocks(selection, plan.blocks)
    blocks.sort((a, b) => (newest ? b.max_time - a.max_time : a.min_time - b.min_time))
    const { where, values } = bounds(selection, window)
    const rowsOf = handle.prepare(`SELECT seq, time, id FROM ${kind}_rows
      WHERE seq BETWEEN ? AND ? AND ${where} AND ${plan.rows ?? '1'}`)
    const read = prepare(`SELECT data FROM ${kind}_data WHERE first = ?`)
    let found: Found[] = []
    for (const { first, count, min_time, max_time } of blocks) {
      checkDeadline(deadline)
      const last = found.length < window.limit ? undefined : found.at(-1)!
      const beyond = (time: number) => last !== undefined && (time - last.timeMs) * sign > 0
      if (beyond(newest ? max_time : min_time)) break
      const rows = (rowsOf.all(first, first + count - 1, ...values) as unknown as Row[]).filter(
        ({ time }) => !beyond(time),
      )
      if (rows.length === 0) continue
      const block = decodeBlock(read.get(first)?.data as Uint8Array)
      for (const { seq, time, id } of rows) {
        const text = block.text(seq - first)
        const fits = plan.exact || (mayMatch(text) && matches(JSON.parse(text) as Record<string, unknown>))
        if (fits) found.push({ id, timeMs: time, text })
      }
      found.sort((a, b) => sign * (a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1)))
      found = found.slice(0, window.limit)
    }
    return found
  }

  return {
    database,
    meta,
    plan: (selection) => snapshot(() => plan(selection)),

    range(kind) {
      const row = prepare(`SELECT min(time) AS first FROM ${kind}_rows`).get()
      if (row?.first === null) return null
      const last = prepare(`SELECT max(time) AS last FROM ${kind}_rows`).get()?.last as number
      return { firstMs: row?.first as number, lastMs: last }
    },

    search: (selection, window) =>
      snapshot(() => {
        const made = plan(selection)
        if (made.rows === '0') return []
        const best = bestDriver(selection, made.drivers)
        if (best !== undefined && (best.rows <= FEW_ROWS || (made.exact && best.driver.codes.length === 1))) {
          return searchRows(selection, window, made, `c${best.driver.column}`)
        }
        return made.exact && made.blocks === null
          ? searchRows(selection, window, made, 'time')
          : searchBlocks(selection, window, made)
      }),

    get: (kind, id) =>
      snapshot(() => {
        const row = prepare(`SELECT seq, time, id FROM ${kind}_rows WHERE id = ?`).get(id) as unknown as Row | undefined
        return row === undefined ? null : { id, timeMs: row.time, text: loader(kind)(row.seq) }
      }),

    each: (selection, made, found) =>
      snapshot(() => {
        const { kind, fromMs, toMs, matches, mayMatch, deadline } = selection
        const rowsOf = handle.prepare(`SELECT seq, time FROM ${kind}_rows
          WHERE seq BETWEEN ? AND ? AND time >= ? AND time < ? AND ${made.rows ?? '1'}`)
        const read = prepare(`SELECT data FROM ${kind}_data WHERE first = ?`)
        for (const { first, count } of candidateBlocks(selection, made.blocks)) {
          checkDeadline(deadline)
          const rows = rowsOf.all(first, first + count - 1, fromMs, toMs) as unknown as Row[]
          if (rows.length === 0) continue
          const block = decodeBlock(read.get(first)?.data as Uint8Array)
          for (const { seq, time } of rows) {
            const text = block.text(seq - first)
            if (!made.exact && !mayMatch(text)) continue
            const body = JSON.parse(text) as Record<string, unknown>
            if (made.exact || matches(body)) found(body, time)
          }
        }
      }),

    close: database.close,
  }
}

function bounds({ fromMs, toMs }: Selection, { order, after }: Window): { where: string; values: (number | string)[] } {
  if (after === undefined) return { where: 'time >= ? AND time < ?', values: [fromMs, toMs] }
  return order === 'newest'
    ? {
        where: 'time >= ? AND time < ? AND time <= ? AND NOT (time = ? AND id >= ?)',
        values: [fromMs, toMs, after.timeMs, after.timeMs, after.id],
      }
    : {
        where: 'time >= ? AND time < ? AND time >= ? AND NOT (time = ? AND id <= ?)',
        values: [fromMs, toMs, after.timeMs, after.timeMs, after.id],
      }
}

export function checkDeadline(deadline: number): void {
  if (performance.now() < deadline) return
  throw new AppError('E_STORE_QUERY', 'the query takes too long: narrow its time range or its filter')
}

function loadMeta(database: Database): PartMeta {
  const stored = database.prepare("SELECT value FROM meta WHERE name = 'fields'").get()?.value
  return stored === undefined ? { columns: [], coded: {}, hashed: [] } : (JSON.parse(stored as string) as PartMeta)
}
