/**
 * Answers queries over all files of a store. It only reads, knows nothing of the writer, and runs in a thread of its
 * own in production (`reader-thread.ts`).
 */
import { existsSync, statSync } from 'node:fs'
import { createFields, type FieldTypes } from '../../../core/language/kql/fields.ts'
import { compileMatcher } from '../../../core/language/kql/matcher.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Bucket, DocKind, Query } from '../../../core/model/search-store.ts'
import { checkCount, checkLimit, MAX_LIMIT, timeBounds } from '../../../core/search/check-query.ts'
import { createCounts } from '../../../core/search/counts.ts'
import { readCursor, writeCursor } from '../../../core/search/cursor.ts'
import { SQLITE, sqliteCode } from '../database.ts'
import { countPart } from './count.ts'
import { alertsPath, listParts } from './layout.ts'
import { type Found, openPartReader, type PartReader, type Selection } from './part-reader.ts'
import { compilePrefilter } from './prefilter.ts'

export interface ReaderOptions {
  directory: string
  fields: FieldTypes
  /** Longest time one query may take. */
  queryTimeoutMs: number
}

/** Bodies are still JSON: parsing them is left to the thread that wants them. */
export interface FoundPage {
  hits: Found[]
  next?: string
}

export type CountQuery = Omit<Query, 'limit' | 'cursor' | 'order'>

export interface StoreReader {
  search(query: Query): FoundPage
  get(kind: DocKind, id: string): Found | null
  getAll(kind: DocKind, ids: readonly string[]): (Found | null)[]
  count(query: CountQuery, by: readonly string[], everyMs: number | undefined): Bucket[]
  /** Lets go of files that were removed, so that their space is freed. */
  refresh(): void
  close(): void
}

/** Open files kept; each holds a few descriptors and its own cache. */
const MAX_OPEN = 64

export function createReader(options: ReaderOptions): StoreReader {
  const { directory } = options
  const fields = createFields(options.fields)
  const open = new Map<string, { reader: PartReader; inode: number | undefined }>()

  function part(path: string): PartReader {
    const inode = inodeOf(path)
    let entry = open.get(path)
    open.delete(path)
    // Another thread may have removed the file and made it again.
    if (entry !== undefined && entry.inode !== inode) {
      entry.reader.close()
      entry = undefined
    }
    entry ??= { reader: openPartReader(path, fields), inode }
    open.set(path, entry)
    if (open.size > MAX_OPEN) {
      const [oldest, unused] = open.entries().next().value!
      open.delete(oldest)
      unused.reader.close()
    }
    return entry.reader
  }

  /** Newest part first. */
  function paths(kind: DocKind): string[] {
    if (kind === 'alert') return existsSync(alertsPath(directory)) ? [alertsPath(directory)] : []
    return listParts(directory)
      .reverse()
      .map(({ path }) => path)
  }

  /** Parts that hold something within the bounds, in the order in which a search meets them. */
  function partsWithin(selection: Selection, newest: boolean) {
    const found: { path: string; firstMs: number; lastMs: number }[] = []
    for (const path of paths(selection.kind)) {
      const range = part(path).range(selection.kind)
      if (range !== null && range.lastMs >= selection.fromMs && range.firstMs < selection.toMs) {
        found.push({ path, ...range })
      }
    }
    return found.sort((a, b) => (newest ? b.lastMs - a.lastMs : a.firstMs - b.firstMs))
  }

  function select({ kind, fromMs, toMs, filter }: CountQuery): Selection {
    return {
      kind,
      ...timeBounds(fromMs, toMs),
      filter: filter ?? null,
      matches: compileMatcher(filter ?? { kind: 'all' }, fields),
      mayMatch: compilePrefilter(filter ?? { kind: 'all' }, fields),
      deadline: performance.now() + options.queryTimeoutMs,
    }
  }

  function getAll(kind: DocKind, ids: readonly string[]): (Found | null)[] {
    const found = new Map<string, Found>()
    for (const path of paths(kind)) {
      const missing = new Set(ids.filter((id) => !found.has(id)))
      if (missing.size === 0) break
      for (const id of missing) {
        const one = part(path).get(kind, id)
        if (one !== null) found.set(id, one)
      }
    }
    return ids.map((id) => found.get(id) ?? null)
  }

  function guarded<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof AppError) throw error
      const retryable = sqliteCode(error) !== SQLITE.CORRUPT
      const message = `the search store in ${directory} cannot be read: ${(error as Error).message}`
      throw new AppError('E_STORE_STORAGE', message, { retryable, cause: error })
    }
  }

  return {
    search: (query) =>
      guarded(() => {
        checkLimit(query.limit)
        const { limit } = query
        const after = readCursor(query)
        const order = query.order ?? 'newest'
        const sign = order === 'newest' ? -1 : 1
        const selection = select(query)
        const window = { order, after, limit: limit + 1 }
        let found: Found[] = []
        for (const { path, firstMs, lastMs } of partsWithin(selection, order === 'newest')) {
          const worst = found[limit]
          if (worst !== undefined && ((order === 'newest' ? lastMs : firstMs) - worst.timeMs) * sign > 0) break
          found.push(...part(path).search(selection, window))
          found.sort((a, b) => sign * (a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1)))
          found = found.slice(0, limit + 1)
        }
        if (found.length <= limit) return { hits: found }
        const hits = found.slice(0, limit)
        return { hits, next: writeCursor(query, hits.at(-1)!) }
      }),

    get: (kind, id) => guarded(() => getAll(kind, [id])[0] ?? null),

    getAll: (kind, ids) =>
      guarded(() => {
        if (ids.length > MAX_LIMIT) throw new AppError('E_STORE_QUERY', `at most ${MAX_LIMIT} documents at once`)
        return getAll(kind, ids)
      }),

    count: (query, by, everyMs) =>
      guarded(() => {
        checkCount(by, everyMs)
        const selection = select(query)
        const counts = createCounts()
        for (const { path } of partsWithin(selection, true)) {
          countPart(part(path), fields, selection, by, everyMs, counts)
        }
        return counts
          .buckets()
          .map(({ fromMs, key, count }) => ({ key, count, ...(fromMs === undefined ? {} : { fromMs }) }))
      }),

    refresh() {
      for (const [path, { reader, inode }] of open) {
        if (inodeOf(path) === inode) continue
        open.delete(path)
        reader.close()
      }
    },

    close() {
      for (const { reader } of open.values()) reader.close()
      open.clear()
    },
  }
}

function inodeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
