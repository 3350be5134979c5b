/**
 * The embedded search store: one SQLite file per UTC day and numbered part, and one for alerts. Writes run in the
 * caller's thread, queries in a reader thread, and neither waits for the other. Expiring is unlinking whole files.
 */
import assert from 'node:assert'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { createFields, type FieldTypes } from '../../core/language/kql/fields.ts'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Doc, DocKind, Hit, Refused, SearchStore } from '../../core/model/search-store.ts'
import { type Prepared, prepareDoc } from '../../core/search/prepare-document.ts'
import { type CorruptListener, type Database, isCorrupt, openDatabase, setAside } from './database.ts'
import { alertsPath, currentPart, fileBytes, listParts, partPath, unlinkDatabase } from './search/layout.ts'
import type { Found } from './search/part-reader.ts'
import { createPartWriter, type PartWriter } from './search/part-writer.ts'
import { createReaderClient } from './search/reader-client.ts'
import { partSchema } from './search/schema.ts'

export interface SqliteSearchStoreOptions {
  directory: string
  /** ECS name → type of every field that documents and queries use. */
  fields: FieldTypes
  /** For a process or thread that only searches: no checks at start, and writing is a mistake. Default false. */
  readOnly?: boolean
  /** Longest time one query may take. Default 30 s. */
  queryTimeoutMs?: number
  /** Bytes after which `currentPart` names the next part. Default 512 MiB. */
  maxPartBytes?: number
  onCorrupt?: CorruptListener
}

export interface StoreCounters {
  writtenDocs: number
  /** Already there, or alerts older than what is there. */
  repeatedDocs: number
  refusedDocs: number
  corruptFiles: number
  expiredFiles: number
}

export interface SqliteSearchStore extends SearchStore, Component {
  readonly counters: Readonly<StoreCounters>
  /** The part that new rows of a day belong to; stamped into envelopes. */
  currentPart(day: string): number
}

/** Part files open for writing: today's, yesterday's, and what arrives late. */
const MAX_WRITERS = 4
/** Pages in the log between checkpoints: index pages are written many times meanwhile, and copied once. */
const LOG_PAGES = 4_000
const CACHE_KIB = 64 * 1024

export function createSqliteSearchStore(options: SqliteSearchStoreOptions): SqliteSearchStore {
  const { directory, maxPartBytes = 512 * 1024 * 1024 } = options
  const fields = createFields(options.fields)
  const writers = new Map<string, PartWriter>()
  const queryTimeoutMs = options.queryTimeoutMs ?? 30_000
  const reader = createReaderClient({ directory, fields: options.fields, queryTimeoutMs })
  const counters: StoreCounters = { writtenDocs: 0, repeatedDocs: 0, refusedDocs: 0, corruptFiles: 0, expiredFiles: 0 }

  const onCorrupt: CorruptListener = (found) => {
    counters.corruptFiles += 1
    options.onCorrupt?.(found)
  }

  function openPart(path: string, check: boolean): Database {
    const schema = partSchema(path === alertsPath(directory) ? ['alert'] : ['event', 'detection'])
    const open = (at: string) =>
      openDatabase(at, {
        schema,
        synchronous: 'FULL',
        onCorrupt,
        check,
        logPages: LOG_PAGES,
        cacheKib: CACHE_KIB,
        // Alerts come and go; part files only grow and are unlinked whole.
        shrinkable: path === alertsPath(directory),
      })
    if (!existsSync(path)) {
      // Readers must never meet a file without its tables.
      unlinkDatabase(`${path}.new`)
      const made = open(`${path}.new`)
      createPartWriter(made, fields).close()
      renameSync(`${path}.new`, path)
    }
    return open(path)
  }

  function writer(path: string): PartWriter {
    let found = writers.get(path)
    writers.delete(path)
    found ??= createPartWriter(openPart(path, false), fields)
    writers.set(path, found)
    if (writers.size > MAX_WRITERS) {
      const [oldest, unused] = writers.entries().next().value!
      writers.delete(oldest)
      unused.close()
    }
    return found
  }

  function dropWriter(path: string): void {
    writers.get(path)?.close()
    writers.delete(path)
  }

  function guarded<T>(what: string, work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      const message = `the search store in ${directory} cannot ${what}: ${(error as Error).message}`
      throw new AppError('E_STORE_STORAGE', message, { retryable: true, cause: error })
    }
  }

  /** The newest part was being written when a crash came and is walked through; of the others the header is read. */
  function checkFiles(): void {
    const paths = listParts(directory).map(({ path }) => path)
    const newest = paths.at(-1)
    for (const path of [...paths, alertsPath(directory)]) {
      if (!existsSync(path)) continue
      try {
        openPart(path, path === newest || path === alertsPath(directory)).close()
      } catch (error) {
        if (!isCorrupt(error)) throw error
        if (existsSync(path)) setAside(path, error, onCorrupt)
      }
    }
  }

  return {
    counters,

    async start() {
      guarded('be opened', () => {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        if (!options.readOnly) checkFiles()
      })
    },

    async stop() {
      for (const path of [...writers.keys()]) dropWriter(path)
      await reader.stop()
    },

    async write(docs) {
      assert(!options.readOnly, 'the store was opened for reading')
      const refused: Refused[] = []
      const groups = new Map<string, Map<DocKind, Prepared[]>>()
      for (const doc of docs) {
        const prepared = prepareDoc(doc)
        if ('reason' in prepared) {
          refused.push(prepared)
          continue
        }
        const path = doc.kind === 'alert' ? alertsPath(directory) : partPath(directory, doc.day, doc.part)
        let kinds = groups.get(path)
        if (kinds === undefined) {
          kinds = new Map()
          groups.set(path, kinds)
        }
        const list = kinds.get(doc.kind)
        if (list === undefined) kinds.set(doc.kind, [prepared])
        else list.push(prepared)
      }
      guarded('be written', () => {
        for (const [path, kinds] of groups) {
          for (const [kind, group] of kinds) {
            const written = writer(path).write(kind, group)
            counters.writtenDocs += written
            counters.repeatedDocs += group.length - written
          }
        }
      })
      counters.refusedDocs += refused.length
      return refused
    },

    async search(query) {
      const { hits, next } = await reader.search(query)
      return { hits: hits.map(hit), ...(next === undefined ? {} : { next }) }
    },

    async get(kind, id) {
      const found = await reader.get(kind, id)
      return found === null ? null : hit(found)
    },

    async getAll(kind, ids) {
      if (ids.length === 0) return []
      return (await reader.getAll(kind, ids)).map((found) => (found === null ? null : hit(found)))
    },

    count: (query, by, everyMs) => reader.count(query, by, everyMs),

    async expire(beforeDay, maxBytes) {
      guarded('expire', () => {
        const remove = (path: string) => {
          dropWriter(path)
          unlinkDatabase(path)
          counters.expiredFiles += 1
        }
        for (const { path, day } of listParts(directory)) if (day < beforeDay) remove(path)
        const alerts = alertsPath(directory)
        const beforeMs = Date.parse(`${beforeDay}T00:00:00Z`)
        if (existsSync(alerts) && beforeMs > 0) writer(alerts).removeBefore('alert', beforeMs)
        const parts = listParts(directory)
        let held = parts.reduce((sum, { path }) => sum + fileBytes(path), fileBytes(alerts))
        for (const { path } of parts) {
          if (held <= maxBytes) break
          held -= fileBytes(path)
          remove(path)
        }
        // Alerts go last: they are few, and they are what people look at.
        if (held > maxBytes && existsSync(alerts)) writer(alerts).shrink('alert', maxBytes)
      })
      await reader.refresh()
    },

    currentPart: (day) => currentPart(directory, day, maxPartBytes),
  }
}

function hit({ id, timeMs, text }: Found): Hit {
  return { id, timeMs, body: JSON.parse(text) as Doc['body'] }
}
