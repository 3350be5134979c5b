/** Files that others read at their start: whole or not at all, and untouched where they already say the same. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { AppError } from '../../core/model/errors.ts'

/** Throws AppError E_DATA_DIR_UNAVAILABLE. */
export function writeSafely(path: string, text: string, mode: number): void {
  try {
    if (readIfThere(path) === text) return
    mkdirSync(dirname(path), { recursive: true, mode: 0o750 })
    // Made anew, so that its mode is this one whatever was there.
    writeFileSync(`${path}.new`, text, { mode, flush: true })
    renameSync(`${path}.new`, path)
  } catch (cause) {
    throw new AppError('E_DATA_DIR_UNAVAILABLE', `${path} cannot be written: ${(cause as Error).message}`, { cause })
  }
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
