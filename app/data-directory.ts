/**
 * The data directory belongs to one Seamark at a time. The lock is a database lock, which the kernel releases however
 * the process ends.
 */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../core/model/errors.ts'

export interface DataDirectory {
  path: string
  release(): void
}

/** Creates the directory where it is missing. Throws AppError E_DATA_DIR_BUSY or E_DATA_DIR_UNAVAILABLE. */
export function claimDataDirectory(path: string): DataDirectory {
  try {
    makeDirectory(resolve(path))
  } catch (cause) {
    const message = `The data directory ${path} cannot be made: ${(cause as Error).message}. Choose another with --data-dir`
    throw new AppError('E_DATA_DIR_UNAVAILABLE', message, { cause })
  }
  const lock = openLock(path)
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    // 5 is SQLITE_BUSY; anything else is the file's or the disk's fault.
    if ((cause as { errcode?: number }).errcode !== 5) {
      const message = `The data directory ${path} cannot be locked: ${(cause as Error).message}`
      throw new AppError('E_DATA_DIR_UNAVAILABLE', message, { cause })
    }
    throw new AppError('E_DATA_DIR_BUSY', `Another Seamark uses ${path}; stop it, or choose another with --data-dir`, {
      cause,
    })
  }
  return { path, release: () => lock.close() }
}

function openLock(path: string): DatabaseSync {
  try {
    return new DatabaseSync(join(path, 'lock.db'))
  } catch (cause) {
    const message = `The data directory ${path} cannot be written: run as root, or choose another with --data-dir`
    throw new AppError('E_DATA_DIR_UNAVAILABLE', message, { cause })
  }
}

/** Node's own recursive mkdir never ends, and takes all memory, where a file system refuses with ENOENT as /proc does. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    makeDirectory(dirname(path))
    mkdirSync(path, { mode: 0o700 })
  }
}
