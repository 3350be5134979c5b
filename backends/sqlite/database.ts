/**
 * Opens the SQLite files of the embedded backends: write-ahead log, full or normal syncing, statements prepared once.
 * A file that turns out to be damaged is renamed out of the way and reported, so that a start never fails on it twice.
 */
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'

/** Called once for each file that was found damaged; `movedTo` is where it can be looked at. */
export type CorruptListener = (found: { path: string; movedTo: string; reason: string }) => void

export interface OpenOptions {
  /** SQL that creates what is missing; run on every open. */
  schema: string
  /** `FULL` syncs at every commit; `NORMAL` may lose the last commits on power loss, never on a crash of the process. */
  synchronous: 'FULL' | 'NORMAL'
  onCorrupt?: CorruptListener
  /** Page cache, KiB. Default 4 MiB. */
  cacheKib?: number
  /** Walk the file's trees at open and set it aside when they are damaged. Default true. */
  check?: boolean
  /** Free pages can be given back to the disk (`incremental_vacuum`); takes effect when the file is made. */
  shrinkable?: boolean
  /** Pages in the log after which it is copied into the file. Default 1000 (SQLite's). */
  logPages?: number
}

export interface Database {
  readonly path: string
  readonly handle: DatabaseSync
  /** Prepared once per text. Rows are objects. */
  prepare(sql: string): StatementSync
  /** All or nothing; takes the write lock at once, so that it cannot fail half-way for want of it. */
  transaction<T>(work: () => T): T
  close(): void
}

export type { SQLInputValue }

/** How long a writer waits for another thread's commit. */
const BUSY_TIMEOUT_MS = 10_000

/** SQLite's primary result codes (sqlite.org/rescode.html). */
export const SQLITE = { BUSY: 5, READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const

/** The primary result code behind an error of node:sqlite; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const code = (error as { errcode?: unknown } | null)?.errcode
  return typeof code === 'number' ? code & 0xff : undefined
}

export function isCorrupt(error: unknown): boolean {
  const code = sqliteCode(error)
  return code === SQLITE.CORRUPT || code === SQLITE.NOTADB
}

/** Opens for reading and writing, creating the file. Throws what SQLite throws, except for damage. */
export function openDatabase(path: string, options: OpenOptions): Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const before = inode(path)
  try {
    return tryOpen(path, options)
  } catch (error) {
    if (!isCorrupt(error)) throw error
    // Another thread may have replaced the file while we looked at the damaged one.
    if (inode(path) === before) setAside(path, error, options.onCorrupt)
    return tryOpen(path, options)
  }
}

/** Opens an existing file for reading only; it must have been made by `openDatabase`. */
export function openReader(path: string, cacheKib = 8192): Database {
  const handle = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true })
  handle.exec(`PRAGMA cache_size = -${cacheKib}; PRAGMA mmap_size = 1073741824; PRAGMA query_only = 1`)
  return wrap(path, handle)
}

/** Renames a damaged file and its log; returns the new name. */
export function setAside(path: string, reason: unknown, onCorrupt?: CorruptListener): string {
  let movedTo = `${path}.corrupt`
  for (let n = 1; existsSync(movedTo); n++) movedTo = `${path}.corrupt-${n}`
  renameSync(path, movedTo)
  for (const suffix of ['-wal', '-shm']) if (existsSync(path + suffix)) renameSync(path + suffix, movedTo + suffix)
  onCorrupt?.({ path, movedTo, reason: reason instanceof Error ? reason.message : String(reason) })
  return movedTo
}

function tryOpen(path: string, options: OpenOptions): Database {
  const handle = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS })
  try {
    // Only an empty file takes it; on others it would be a needless write.
    const isNew = handle.prepare('PRAGMA page_count').get()?.page_count === 0
    if (options.shrinkable && isNew) handle.exec('PRAGMA auto_vacuum = INCREMENTAL')
    handle.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${options.synchronous}`)
    const logPages = options.logPages ?? 1000
    handle.exec(`PRAGMA wal_autocheckpoint = ${logPages}; PRAGMA journal_size_limit = ${logPages * 4096}`)
    handle.exec(`PRAGMA cache_size = -${options.cacheKib ?? 4096}; PRAGMA temp_store = MEMORY`)
    if (options.check ?? true) {
      const found = handle.prepare('PRAGMA quick_check(1)').get()?.quick_check
      if (found !== 'ok') throw Object.assign(new Error(`damaged: ${found}`), { errcode: SQLITE.CORRUPT })
    }
    handle.exec(options.schema)
  } catch (error) {
    handle.close()
    throw error
  }
  return wrap(path, handle)
}

function wrap(path: string, handle: DatabaseSync): Database {
  const statements = new Map<string, StatementSync>()
  return {
    path,
    handle,
    prepare(sql) {
      let statement = statements.get(sql)
      if (statement === undefined) {
        statement = handle.prepare(sql)
        statements.set(sql, statement)
      }
      return statement
    },
    transaction(work) {
      handle.exec('BEGIN IMMEDIATE')
      try {
        const result = work()
        handle.exec('COMMIT')
        return result
      } catch (error) {
        // SQLite itself has rolled back after some errors (disk full); a second ROLLBACK would hide the first error.
        if (handle.isTransaction) handle.exec('ROLLBACK')
        throw error
      }
    },
    close() {
      statements.clear()
      if (handle.isOpen) handle.close()
    },
  }
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino
}
