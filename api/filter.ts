/** Reads what the query string says: KQL and times, with mistakes that name the parameter. */
import { ApiProblem } from '../core/http/problem.ts'
import type { KqlNode } from '../core/language/kql/ast.ts'

/** The outcome of parsing; `at` is the position in the text, from 0. */
export type ParsedKql =
  | { ok: true; node: KqlNode }
  | { ok: false; message: string; at: number; hint: string | undefined }
export type ParseKql = (text: string) => ParsedKql

/** Null for a field that documents have, else what is wrong with it. */
export type CheckField = (name: string) => { message: string; hint?: string } | null

/** The filter as a tree; undefined for none. */
export function readFilter(text: string | undefined, parseKql: ParseKql): KqlNode | undefined {
  if (text === undefined || text.trim() === '') return undefined
  const parsed = parseKql(text)
  if (parsed.ok) return parsed.node.kind === 'all' ? undefined : parsed.node
  const { message, at, hint } = parsed
  const detail = `filter, character ${at + 1}: ${message}${hint === undefined ? '' : ` (${hint})`}`
  throw new ApiProblem(400, 'E_API_QUERY', detail, [
    { field: 'filter', message, position: at, ...(hint === undefined ? {} : { hint }) },
  ])
}

/** The fields of a list; a mistake names the first that no document has. */
export function readFields(list: string | undefined, parameter: string, checkField: CheckField): string[] {
  const names = list?.split(',') ?? []
  for (const name of names) {
    const mistake = checkField(name)
    if (mistake === null) continue
    const { message, hint } = mistake
    const detail = `${parameter}: ${message}${hint === undefined ? '' : ` (${hint})`}`
    throw new ApiProblem(400, 'E_API_REQUEST', detail, [{ field: parameter, ...mistake }])
  }
  return names
}

const TIME = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2}))?$/

/** ISO 8601 to ms since the Unix epoch; a date alone is its midnight in UTC, finer parts are cut off. */
export function readTime(text: string | undefined, field: string): number | undefined {
  if (text === undefined) return undefined
  const ms = TIME.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(ms)) {
    const message = 'must be an ISO 8601 time with its zone, such as 2026-11-22T09:30:00.000Z'
    throw new ApiProblem(400, 'E_API_REQUEST', `${field}: ${message}`, [{ field, message }])
  }
  return ms
}

/** The bounds of a query, as the store takes them. */
export function readBounds({ from, to }: { from?: string; to?: string }): { fromMs?: number; toMs?: number } {
  const fromMs = readTime(from, 'from')
  const toMs = readTime(to, 'to')
  if (fromMs !== undefined && toMs !== undefined && fromMs > toMs) {
    const message = 'must not be later than to'
    throw new ApiProblem(400, 'E_API_REQUEST', `from: ${message}`, [{ field: 'from', message }])
  }
  return { ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) }
}
