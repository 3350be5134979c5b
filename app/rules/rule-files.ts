/** Finds rule files: the shipped ones first, then what the user names, folders in the order of their file names. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AppError } from '../../core/model/errors.ts'
import { appendedFile, type OutputAppend } from './appended-output.ts'
import { type RuleSelection, selectionFile } from './rule-selection.ts'

export interface RuleFile {
  name: string
  text: string
}

const SHIPPED = fileURLToPath(new URL('../../rules', import.meta.url))
const MAX_FILES = 2_000
const MAX_FILE_BYTES = 4 * 1024 * 1024

export interface RuleFileOptions {
  builtin: boolean
  /** Files and folders. */
  paths: readonly string[]
  /** Default: as the files have it. */
  select?: RuleSelection['select']
  leastPriority?: RuleSelection['leastPriority']
  appendOutput?: readonly OutputAppend[]
}

/** Throws AppError E_RULES_INVALID for a path that cannot be read. */
export function readRuleFiles(options: RuleFileOptions): RuleFile[] {
  const paths = [...(options.builtin ? [SHIPPED] : []), ...options.paths]
  const found = paths.flatMap((path) => filesAt(path))
  if (found.length > MAX_FILES) throw new AppError('E_RULES_INVALID', `More than ${MAX_FILES} rule files`)
  const files = found.map((path) => ({ name: shortName(path), text: readBounded(path) }))
  const { select = [], leastPriority = 'Debug', appendOutput = [] } = options
  const made = [selectionFile(files, { select, leastPriority }), appendedFile(files, appendOutput)]
  return [...files, ...made.filter((file) => file !== null)]
}

function filesAt(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    return readdirSync(path, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.ya?ml$/.test(name))
      .sort()
      .map((name) => join(path, name))
  } catch (cause) {
    throw new AppError('E_RULES_INVALID', `The rules at ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

function readBounded(path: string): string {
  try {
    const stats = statSync(path)
    // A FIFO in a folder would be waited for without end.
    if (!stats.isFile() && path !== '/dev/stdin') throw new Error('it is no regular file')
    const bytes = stats.size
    if (bytes > MAX_FILE_BYTES) throw new Error(`${bytes} bytes are more than a rule file may have`)
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AppError('E_RULES_INVALID', `The rules at ${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
}

/** Shipped files are named from the project's root, others as the user gave them. */
function shortName(path: string): string {
  return path.startsWith(SHIPPED) ? join('rules', relative(SHIPPED, path)) : path
}
