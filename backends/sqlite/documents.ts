/**
 * Small mutable state of the embedded shape: one SQLite file shared by threads and processes. Versions come from one
 * counter for the whole file, so that a key that was removed and made again never repeats a version.
 */
import assert from 'node:assert'
import { mkdirSync, realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Component } from '../../core/model/component.ts'
import type { DocumentChange, Documents, Versioned } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { type CorruptListener, type Database, openDatabase } from './database.ts'
import { openWakeUp, type WakeUp } from './wake-up.ts'

export interface SqliteDocumentsOptions {
  directory: string
  /** How often other processes' changes are looked for while somebody watches. Default 250 ms. */
  pollMs?: number
  /** Removals that watchers can still learn of; far more than fit between two polls. Default 100,000. */
  rememberRemovals?: number
  onCorrupt?: CorruptListener
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS documents (space TEXT, key TEXT, value TEXT NOT NULL, version INTEGER NOT NULL,
    PRIMARY KEY (space, key)) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS documents_version ON documents (space, version);
  CREATE TABLE IF NOT EXISTS removals (version INTEGER PRIMARY KEY, space TEXT NOT NULL, key TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
  INSERT OR IGNORE INTO counter VALUES (1, 0);
`

const FILE = 'documents.db'

/** Most documents of one scan. */
export const MAX_SCAN = 10_000

/** Whether there is a file of documents; true, too, where one may not look. */
export function hasSqliteDocuments(directory: string): boolean {
  try {
    return statSync(join(directory, FILE), { throwIfNoEntry: false }) !== undefined
  } catch {
    return true
  }
}

export function createSqliteDocuments(options: SqliteDocumentsOptions): Documents & Component {
  const { directory, pollMs = 250, rememberRemovals = 100_000 } = options
  let opened: { database: Database; wakeUp: WakeUp; name: string } | undefined
  const waiters = new Set<() => void>()

  function use<T>(work: (database: Database) => T): T {
    assert(opened !== undefined, 'the documents are not started')
    try {
      return work(opened.database)
    } catch (error) {
      throw storageError(directory, error)
    }
  }

  /** One statement, so that all are of the same moment. */
  function readAll(space: string, keys: readonly string[]): Map<string, Versioned> {
    const text = `SELECT documents.key, documents.value, documents.version FROM json_each(?2) AS wanted
      CROSS JOIN documents ON documents.space = ?1 AND documents.key = wanted.value`
    const rows = use(({ prepare }) => prepare(text).all(space, JSON.stringify(keys)))
    return new Map(rows.map((row) => [row.key as string, versioned(row)]))
  }

  function read(space: string, key: string): Versioned | null {
    const row = use(({ prepare }) =>
      prepare('SELECT key, value, version FROM documents WHERE space = ? AND key = ?').get(space, key),
    )
    return row === undefined ? null : versioned(row)
  }

  /** All or none: everything is looked at before anything is written. */
  function commit(changes: readonly DocumentChange[]): boolean {
    const texts = changes.map(({ value }) => (value === undefined ? null : JSON.stringify(value)))
    assert(!texts.includes(undefined as never), 'a document must be JSON')
    const keys = new Set(changes.map(({ space, key }) => JSON.stringify([space, key])))
    assert(keys.size === changes.length, 'a commit changes each key once')
    const changed = use((database) =>
      database.transaction(() => {
        const isCurrent = changes.every(({ space, key, value, ifVersion }) => {
          const version = versionOf(database, space, key)
          // What is not there cannot be removed.
          return version === ifVersion && !(value === undefined && version === 0)
        })
        if (isCurrent) changes.forEach((change, i) => void write(database, change, texts[i]!))
        return isCurrent
      }),
    )
    if (changed) {
      for (const space of new Set(changes.map((change) => change.space))) opened?.wakeUp.send(space)
      for (const wake of waiters) wake()
    }
    return changed
  }

  /** 0 for what is not there. */
  function versionOf({ prepare }: Database, space: string, key: string): number {
    const row = prepare('SELECT version FROM documents WHERE space = ? AND key = ?').get(space, key)
    return (row?.version as number | undefined) ?? 0
  }

  /** `text` null removes. */
  function write(database: Database, { space, key }: DocumentChange, text: string | null): void {
    const { prepare } = database
    const version = nextVersion(database)
    if (text !== null) {
      prepare('INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)').run(space, key, text, version)
      return
    }
    prepare('DELETE FROM documents WHERE space = ? AND key = ?').run(space, key)
    prepare('INSERT INTO removals VALUES (?, ?, ?)').run(version, space, key)
    prepare(
      'DELETE FROM removals WHERE version <= (SELECT version FROM removals ORDER BY version DESC LIMIT 1 OFFSET ?)',
    ).run(rememberRemovals)
  }

  function nextVersion(database: Database): number {
    return database.prepare('UPDATE counter SET version = version + 1 RETURNING version').get()?.version as number
  }

  /** Keys of the space that changed after `version`, with the version up to which the answer is complete. */
  function changesAfter(space: string, version: number): { keys: string[]; version: number } {
    return use(({ prepare }) => {
      const latest = prepare('SELECT version FROM counter').get()?.version as number
      if (latest === version) return { keys: [], version }
      const rows = prepare(`SELECT key, version FROM documents WHERE space = ?1 AND version > ?2 AND version <= ?3
        UNION ALL SELECT key, version FROM removals WHERE version > ?2 AND version <= ?3 AND space = ?1
        ORDER BY version`).all(space, version, latest)
      return { keys: [...new Set(rows.map((row) => row.key as string))], version: latest }
    })
  }

  return {
    async start() {
      if (opened !== undefined) return
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        const path = join(directory, FILE)
        const { onCorrupt } = options
        const database = openDatabase(path, {
          schema: SCHEMA,
          synchronous: 'FULL',
          ...(onCorrupt ? { onCorrupt } : {}),
        })
        const name = `seamark-documents:${realpathSync(directory)}`
        const wakeUp = openWakeUp(name, () => {
          for (const wake of waiters) wake()
        })
        opened = { database, wakeUp, name }
      } catch (error) {
        throw storageError(directory, error)
      }
    },

    async stop() {
      opened?.wakeUp.close()
      opened?.database.close()
      opened = undefined
      for (const wake of waiters) wake()
    },

    get: async (space, key) => read(space, key),

    async getAll(wanted) {
      const spaces = new Map<string, Map<string, Versioned>>()
      for (const space of new Set(wanted.map((one) => one.space))) {
        const keys = wanted.filter((one) => one.space === space).map(({ key }) => key)
        spaces.set(space, readAll(space, keys))
      }
      return wanted.map(({ space, key }) => spaces.get(space)!.get(key) ?? null)
    },

    async put(space, key, value, ifVersion) {
      assert(value !== undefined, 'a document must be JSON')
      return commit([{ space, key, value, ifVersion }])
    },

    remove: async (space, key, ifVersion) => commit([{ space, key, value: undefined, ifVersion }]),

    commit: async (changes) => changes.length === 0 || commit(changes),

    async scan(space, after, limit) {
      const bounded = Math.max(0, Math.min(limit, MAX_SCAN))
      const text = 'SELECT key, value, version FROM documents WHERE space = ? AND key > ? ORDER BY key LIMIT ?'
      return use(({ prepare }) => prepare(text).all(space, after, bounded)).map(versioned)
    },

    watch(space, signal) {
      // Taken now rather than at the first `next()`, or changes in between would be missed.
      let seen = use(({ prepare }) => prepare('SELECT version FROM counter').get()?.version as number)
      return (async function* () {
        while (!signal.aborted && opened !== undefined) {
          const { keys, version } = changesAfter(space, seen)
          seen = version
          for (const key of keys) {
            if (signal.aborted) return
            yield key
          }
          if (keys.length === 0) await changeOrPoll(waiters, pollMs, signal)
        }
      })()
    },
  }
}

function changeOrPoll(waiters: Set<() => void>, pollMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      waiters.delete(finish)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, pollMs)
    waiters.add(finish)
    signal.addEventListener('abort', finish)
  })
}

function versioned(row: Record<string, unknown>): Versioned {
  return { key: row.key as string, value: JSON.parse(row.value as string), version: row.version as number }
}

function storageError(directory: string, error: unknown): unknown {
  if (error instanceof assert.AssertionError || error instanceof AppError) return error
  const message = `the documents in ${directory} cannot be used: ${(error as Error).message}`
  return new AppError('E_STORE_STORAGE', message, { retryable: true, cause: error })
}
