/**
 * Small mutable state of the embedded shape: one SQLite file shared by threads and processes. Versions come from one
 * counter for the whole file, so that a key that was removed and made again never repeats a version.
 */
import assert from 'node:assert'
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Component } from '../../core/model/component.ts'
import type { Documents, Versioned } from '../../core/model/documents.ts'
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

/** Most documents of one scan. */
export const MAX_SCAN = 10_000

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

  function change(space: string, work: (database: Database) => boolean): boolean {
    const changed = use((database) => database.transaction(() => work(database)))
    if (changed) {
      opened?.wakeUp.send(space)
      for (const wake of waiters) wake()
    }
    return changed
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
        const path = join(directory, 'documents.db')
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

    async get(space, key) {
      const row = use(({ prepare }) =>
        prepare('SELECT key, value, version FROM documents WHERE space = ? AND key = ?').get(space, key),
      )
      return row === undefined ? null : versioned(row)
    },

    async put(space, key, value, ifVersion) {
      const text = JSON.stringify(value)
      assert(text !== undefined, 'a document must be JSON')
      return change(space, (database) => {
        if (ifVersion === 0) {
          const insert = database.prepare('INSERT OR IGNORE INTO documents VALUES (?, ?, ?, ?)')
          const current = database.prepare('SELECT 1 FROM documents WHERE space = ? AND key = ?').get(space, key)
          return current === undefined && insert.run(space, key, text, nextVersion(database)).changes === 1
        }
        const current = database.prepare('SELECT version FROM documents WHERE space = ? AND key = ?').get(space, key)
        if (current?.version !== ifVersion) return false
        const update = database.prepare('UPDATE documents SET value = ?, version = ? WHERE space = ? AND key = ?')
        return update.run(text, nextVersion(database), space, key).changes === 1
      })
    },

    async remove(space, key, ifVersion) {
      return change(space, (database) => {
        const remove = database.prepare('DELETE FROM documents WHERE space = ? AND key = ? AND version = ?')
        if (remove.run(space, key, ifVersion).changes === 0) return false
        const version = nextVersion(database)
        database.prepare('INSERT INTO removals VALUES (?, ?, ?)').run(version, space, key)
        database
          .prepare(
            'DELETE FROM removals WHERE version <= (SELECT version FROM removals ORDER BY version DESC LIMIT 1 OFFSET ?)',
          )
          .run(rememberRemovals)
        return true
      })
    },

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
