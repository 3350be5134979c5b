/** A falco.yaml as it stands: its values, and where each of them is. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMap, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { AppError } from '../../core/model/errors.ts'
import type { Problem } from '../../core/model/problem.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { FalcoValues } from './values.ts'

export interface FalcoConfigFile {
  /** Null for an empty file. */
  root: YAMLMap | null
  locate: Locate
  values: FalcoValues
}

/** Where packages of Falco put rules, beside the configuration. */
export const USUAL_RULES: readonly string[] = ['falco_rules.yaml', 'falco_rules.local.yaml', 'rules.d']
const MAX_FILE_BYTES = 1024 * 1024

/** Where in the file a node stands; the beginning for none. */
export type Locate = (node: Node | null | undefined) => Problem['location']

/** Throws AppError E_CONFIG_INVALID, with the place where there is one. */
export function openFalcoConfig(path: string): FalcoConfigFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw new AppError('E_CONFIG_INVALID', `${path} cannot be read: ${(cause as Error).message}`, { cause })
  }
  if (text.length > MAX_FILE_BYTES)
    throw new AppError('E_CONFIG_INVALID', `${path} has more than ${MAX_FILE_BYTES} bytes`)
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const locate: Locate = (node) => {
    const { line, col } = lines.linePos(node?.range?.[0] ?? 0)
    return { file: path, line: Math.max(1, line), column: Math.max(1, col) }
  }
  const [error] = document.errors
  if (error !== undefined) {
    const location = { file: path, line: error.linePos?.[0].line ?? 1, column: error.linePos?.[0].col ?? 1 }
    const message = error.message.split('\n')[0] ?? 'not YAML'
    throw new AppError(
      'E_CONFIG_INVALID',
      formatProblems([{ code: 'E_CONFIG_YAML', severity: 'error', message, location }]),
    )
  }
  if (document.contents === null) return { root: null, locate, values: new FalcoValues(null, locate) }
  if (!isMap(document.contents)) throw new AppError('E_CONFIG_INVALID', `${path}: it is no map of keys`)
  const root = document.contents as YAMLMap
  return { root, locate, values: new FalcoValues(root, locate) }
}

/** Files and folders of rules, as the file names them; those beside it where it names none. */
export function namedRules(path: string, values: FalcoValues): string[] {
  const named = [...values.texts('rules_files'), ...values.texts('rules_file')]
  if (named.length > 0) return named
  return USUAL_RULES.map((name) => join(dirname(path), name)).filter((one) => existsSync(one))
}
