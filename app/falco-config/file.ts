/** A falco.yaml as it stands: its values, and where each of them is. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isMap, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml'
import { AppError } from '../../core/model/errors.ts'
import type { Problem } from '../../core/model/problem.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { filesOf, includesOf, merge, nodesBelow } from './include.ts'
import { placeOf } from './rule-paths.ts'
import { FalcoValues } from './values.ts'

export interface FalcoConfigFile {
  /** Null for an empty file. */
  root: YAMLMap | null
  locate: Locate
  values: FalcoValues
  /** What it includes and is not there. */
  missing: Problem[]
}

/** Where packages of Falco put rules, beside the configuration. */
export const USUAL_RULES: readonly string[] = ['falco_rules.yaml', 'falco_rules.local.yaml', 'rules.d']
const MAX_FILE_BYTES = 1024 * 1024

/** Where in the file a node stands; the beginning for none. */
export type Locate = (node: Node | null | undefined) => Problem['location']

/**
 * With what it includes. Throws AppError E_CONFIG_INVALID, with the place where there is one; `insteadOfRules` is the
 * advice for a file of rules that was given in its place.
 */
export function openFalcoConfig(path: string, insteadOfRules: string): FalcoConfigFile {
  const main = parseFile(path, insteadOfRules)
  const origins = new WeakMap<Node, Locate>()
  const locate: Locate = (node) => ((node ? origins.get(node) : undefined) ?? main.locate)(node)
  const values = new FalcoValues(main.root, locate)
  const missing: Problem[] = []
  for (const include of main.root === null ? [] : includesOf(main.root)) {
    if (include === null) {
      values.mistake('config_files', 'config_files is a list of paths, or of "path" and "strategy"')
      continue
    }
    const place = placeOf(include.path, path)
    const files = place === null ? null : filesOf(place)
    if (files === null) {
      const message = `${include.path} is not there`
      missing.push({ code: 'W_CONFIG_VALUE', severity: 'warning', message, location: main.locate(include.node) })
    }
    for (const file of files ?? []) {
      const { root, locate: locateThere } = parseFile(file, 'name it under rules_files')
      if (root === null) continue
      for (const node of nodesBelow(root)) origins.set(node, locateThere)
      merge(main.root!, root, include.strategy)
    }
  }
  return { root: main.root, locate, values, missing }
}

function parseFile(path: string, insteadOfRules: string): { root: YAMLMap | null; locate: Locate } {
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
  if (document.contents === null) return { root: null, locate }
  if (isRules(document.contents))
    throw new AppError('E_CONFIG_INVALID', `${path}: this is a rules file; ${insteadOfRules}`)
  if (!isMap(document.contents)) throw new AppError('E_CONFIG_INVALID', `${path}: it is no map of keys`)
  return { root: document.contents as YAMLMap, locate }
}

/** Rules files are lists of maps. */
function isRules(contents: unknown): boolean {
  if (!isSeq(contents)) return false
  return contents.items.some((item) => isMap(item) && RULE_KEYS.some((key) => item.has(key)))
}

const RULE_KEYS = ['rule', 'macro', 'list', 'required_engine_version', 'required_plugin_versions']

/** Files and folders of rules, as the file names them; those beside it where it names none. */
export function namedRules(path: string, values: FalcoValues): string[] {
  const named = [...values.texts('rules_files'), ...values.texts('rules_file')]
  if (named.length > 0) return named
  return USUAL_RULES.map((name) => join(dirname(path), name)).filter((one) => existsSync(one))
}
