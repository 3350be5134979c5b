/** Passwords and tokens come in files, so that neither the configuration nor the environment holds one. */
import { readFileSync } from 'node:fs'
import { AppError } from '../core/model/errors.ts'

/** The text without its last line break; undefined where no file is named. Throws AppError E_CONFIG_INVALID. */
export function readSecret(path: string | undefined, key: string): string | undefined {
  if (path === undefined) return undefined
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/\r?\n$/, '')
  } catch (cause) {
    throw new AppError('E_CONFIG_INVALID', `${key}: ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  if (text === '') throw new AppError('E_CONFIG_INVALID', `${key}: ${path} is empty`)
  return text
}
