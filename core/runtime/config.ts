/**
 * Reads configuration: one YAML file checked against a schema, defaults filled in, unknown keys refused, frozen. What is
 * wrong is told as problems with file, line and column. Keys are snake_case in files and camelCase in code.
 */
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import { nearestName } from '../language/nearest-name.ts'
import type { Problem } from '../model/problem.ts'

/** The type a snake_case configuration has in code. */
export type CamelKeys<T> = T extends readonly (infer Item)[]
  ? CamelKeys<Item>[]
  : T extends object
    ? { readonly [K in keyof T as K extends string ? Camel<K> : K]: CamelKeys<T[K]> }
    : T

type Camel<S extends string> = S extends `${infer Head}_${infer Tail}` ? `${Head}${Capitalize<Camel<Tail>>}` : S

export interface ConfigSource {
  file: string
  text: string
}

export interface LoadedConfig<T> {
  /** Null when there are problems. */
  config: T | null
  problems: Problem[]
}

/** What is wrong with a value that is none of those allowed, where more can be said of it than that. */
export type ExplainValue = (key: string, value: string) => { message: string; hint?: string | undefined } | null

/**
 * @param environment dotted path → raw text, already picked from a closed list of variables; wins over the file.
 * @param explain asked about texts at keys that take one of several, such as `store.keep`.
 */
export function loadConfig<T>(
  schema: TSchema,
  source: ConfigSource,
  environment: ReadonlyMap<string, string> = new Map(),
  explain: ExplainValue = () => null,
): LoadedConfig<T> {
  const lines = new LineCounter()
  const document = parseDocument(source.text, { lineCounter: lines, maxAliasCount: 10 } as never)
  const locate = (path: readonly string[]) => {
    const parent = document.getIn(path.slice(0, -1), true)
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1)) : undefined
    const node = (pair?.key ?? document.getIn(path, true)) as { range?: [number, number, number] } | undefined
    const { line, col } = lines.linePos(node?.range?.[0] ?? 0)
    return { file: source.file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems: Problem[] = document.errors.map((error) => ({
    code: 'E_CONFIG_YAML',
    severity: 'error',
    message: error.message.split('\n')[0] ?? 'not YAML',
    location: { file: source.file, line: error.linePos?.[0].line ?? 1, column: error.linePos?.[0].col ?? 1 },
  }))
  if (problems.length > 0) return { config: null, problems }
  const raw: unknown = document.toJS({ maxAliasCount: 10 }) ?? {}
  const merged = typeof raw === 'object' && raw !== null && !Array.isArray(raw) ? structuredClone(raw) : raw
  if (typeof merged === 'object' && merged !== null) {
    for (const [path, text] of environment) assign(merged as Record<string, unknown>, path.split('.'), text)
  }
  const complete = Value.Default(schema, merged)
  for (const error of Value.Errors(schema, complete)) {
    const problem =
      error.keyword === 'enum' ? describeChoice(error, complete, locate, explain) : describe(error, locate, schema)
    if (problem !== null) problems.push(problem)
  }
  problems.sort((a, b) => a.location.line - b.location.line || a.location.column - b.location.column)
  return problems.length > 0 ? { config: null, problems } : { config: freeze(camelKeys(complete)) as T, problems }
}

interface SchemaError {
  keyword: string
  instancePath: string
  message: string
  params: unknown
}

function describe(
  error: SchemaError,
  locate: (path: readonly string[]) => Problem['location'],
  schema: TSchema,
): Problem | null {
  // The keyword `additionalProperties` says the same once more, naming the keys.
  if (error.keyword === 'boolean') return null
  const path = error.instancePath.split('/').slice(1)
  if (error.keyword === 'additionalProperties') {
    const keys = (error.params as { additionalProperties: string[] }).additionalProperties
    const meant = nearestName(keys[0] ?? '', keysAt(schema, path))
    return {
      code: 'E_CONFIG_KEY',
      severity: 'error',
      message: `unknown key ${keys.map((key) => `"${[...path, key].join('.')}"`).join(', ')}`,
      location: locate([...path, keys[0] ?? '']),
      hint:
        meant === undefined
          ? 'docs/reference/config.md lists every key'
          : `did you mean "${[...path, meant].join('.')}"?`,
    }
  }
  return {
    code: 'E_CONFIG_VALUE',
    severity: 'error',
    message: `${path.join('.') || 'the file'}: ${error.message}`,
    location: locate(path),
  }
}

/** A value that is none of those allowed; entries of lists go by the key of their list. */
function describeChoice(
  error: SchemaError,
  config: unknown,
  locate: (path: readonly string[]) => Problem['location'],
  explain: ExplainValue,
): Problem {
  const path = error.instancePath.split('/').slice(1)
  const key = path.filter((part) => !/^\d+$/.test(part)).join('.')
  const value = path.reduce<unknown>((node, part) => (node as Record<string, unknown> | null)?.[part], config)
  const allowed = (error.params as { allowedValues: unknown[] }).allowedValues.map(String)
  const explained = typeof value === 'string' ? explain(key, value) : null
  const near = typeof value === 'string' ? nearestName(value, allowed) : undefined
  const shown = typeof value === 'object' ? 'this' : JSON.stringify(value).slice(0, MAX_SHOWN_CHARS)
  const some = allowed.length > MAX_SHOWN_CHOICES ? 'docs/reference/config.md says what it takes' : allowed.join(', ')
  const hint = explained !== null ? explained.hint : near === undefined ? some : `did you mean "${near}"?`
  return {
    code: 'E_CONFIG_VALUE',
    severity: 'error',
    message: `${key}: ${explained?.message ?? `${shown} is none of its values`}`,
    location: locate(path),
    ...(hint === undefined ? {} : { hint }),
  }
}

const MAX_SHOWN_CHARS = 80
const MAX_SHOWN_CHOICES = 12

/** The keys that a section of the schema knows. */
function keysAt(schema: TSchema, path: readonly string[]): string[] {
  let node = schema as { properties?: Record<string, TSchema> }
  for (const part of path) node = (node.properties?.[part] ?? {}) as typeof node
  return Object.keys(node.properties ?? {})
}

/** Numbers and booleans are taken as such, everything else as text. */
function assign(target: Record<string, unknown>, path: readonly string[], text: string): void {
  const [head, ...rest] = path
  if (head === undefined) return
  if (rest.length === 0) {
    target[head] = /^-?\d+$/.test(text) ? Number(text) : text === 'true' ? true : text === 'false' ? false : text
    return
  }
  const next = target[head]
  const child = typeof next === 'object' && next !== null ? (next as Record<string, unknown>) : {}
  target[head] = child
  assign(child, rest, text)
}

function camelKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camelKeys)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      camelKeys(child),
    ]),
  )
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) {
    for (const child of Object.values(value)) freeze(child)
    Object.freeze(value)
  }
  return value
}
