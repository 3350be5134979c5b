/**
 * The data directory belongs to one Seamark at a time. The lock is a database lock, which the kernel releases however
 * the process ends.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { AppError } from '../core/model/errors.ts'

export interface DataDirectory {
  path: string
  release(): void
}

/** Creates the directory where it is missing. Throws AppError E_DATA_DIR_BUSY or E_QUEUE_STORAGE. */
export function claimDataDirectory(path: string): DataDirectory {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const message = `The data directory ${path} cannot be made: ${(cause as Error).message}. Choose another with --data-dir`
    throw new AppError('E_QUEUE_STORAGE', message, { cause })
  }
  const lock = new DatabaseSync(join(path, 'lock.db'))
  try {
    lock.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE')
  } catch (cause) {
    lock.close()
    throw new AppError('E_DATA_DIR_BUSY', `Another Seamark uses ${path}; stop it, or choose another with --data-dir`, {
      cause,
    })
  }
  return { path, release: () => lock.close() }
}
