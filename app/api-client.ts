/** Talks to a running Seamark over its REST API, for the command line. */
import type { ProblemDocument } from '../api/problem.ts'
import { AppError, ERROR_CODES, type ErrorCode } from '../core/model/errors.ts'
import { safeText } from '../core/runtime/safe-text.ts'
import { apiAddress } from './api-address.ts'
import type { Config } from './config.ts'

/** `not ready`: it answers, and says what it lacks. */
export type ServerStatus = { state: 'ready' } | { state: 'not ready'; reason: string } | { state: 'down' }

const STATUS_MS = 5_000
const MAX_BEFORE_CHARS = 40
const MAX_AFTER_CHARS = 35

export class ApiClient {
  readonly base: string

  /** `url` instead of the address of the configuration's data directory. Throws AppError E_USAGE for no http(s) origin. */
  constructor(config: Config, url?: string) {
    this.base = url === undefined ? apiAddress(config) : originOf(url)
  }

  /** Throws AppError: E_API_UNAVAILABLE when nobody answers, else with the code of the API's problem document. */
  async get<T>(path: string, parameters: Record<string, string | undefined> = {}): Promise<T> {
    const response = await this.fetch(path, parameters, AbortSignal.timeout(30_000))
    return (await response.json()) as T
  }

  /** Never rejects; `down` is what nobody answers for, or something that is no Seamark. */
  async status(): Promise<ServerStatus> {
    try {
      const response = await fetch(`${this.base}/readyz`, { signal: AbortSignal.timeout(STATUS_MS) })
      const { checks } = (await response.json()) as { checks: { name: string; ok: boolean; reason?: string }[] }
      const failed = checks.filter(({ ok }) => !ok).map(({ name, reason }) => `${name}: ${reason ?? 'not ready'}`)
      return failed.length === 0 ? { state: 'ready' } : { state: 'not ready', reason: failed.join('; ') }
    } catch {
      return { state: 'down' }
    }
  }

  /** Server-sent events until the signal aborts or the server ends; `onOpen` when the subscription stands. */
  async *tail(
    parameters: Record<string, string | undefined>,
    signal: AbortSignal,
    onOpen: () => void = () => {},
  ): AsyncIterable<{ event: string; data: unknown }> {
    const response = await this.fetch('/api/v1/tail', parameters, signal)
    onOpen()
    const decoder = new TextDecoder()
    let pending = ''
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      pending += decoder.decode(chunk, { stream: true })
      for (let end = pending.indexOf('\n\n'); end >= 0; end = pending.indexOf('\n\n')) {
        const message = parseMessage(pending.slice(0, end))
        pending = pending.slice(end + 2)
        if (message !== null) yield message
      }
    }
  }

  private async fetch(
    path: string,
    parameters: Record<string, string | undefined>,
    signal: AbortSignal,
  ): Promise<Response> {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, value)
    let response: Response
    try {
      response = await fetch(`${this.base}${path}${query.size > 0 ? `?${query}` : ''}`, { signal })
    } catch (cause) {
      if (signal.aborted) throw cause
      const message = `No Seamark answers at ${this.base}; start one with: seamark up (another is found with --data-dir or --url)`
      throw new AppError('E_API_UNAVAILABLE', message, { retryable: true, cause })
    }
    if (response.ok) return response
    throw await failureOf(response, parameters)
  }
}

function originOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isOrigin = url !== null && /^https?:$/.test(url.protocol) && `${url.href}` === `${url.origin}/`
  if (!isOrigin)
    throw new AppError('E_USAGE', `--url takes an address such as http://127.0.0.1:7327, without a path, not '${text}'`)
  return url.origin
}

/** A refusal under the API's own code; a server that is not ours has none. */
async function failureOf(response: Response, parameters: Record<string, string | undefined>): Promise<AppError> {
  const problem = (await response.json().catch(() => ({}))) as Partial<ProblemDocument>
  const isKnown = typeof problem.code === 'string' && Object.hasOwn(ERROR_CODES, problem.code)
  const code: ErrorCode = isKnown ? problem.code! : response.status < 500 ? 'E_API_REQUEST' : 'E_API_INTERNAL'
  const message = problem.detail ?? problem.title ?? `the API answered ${response.status}`
  return new AppError(code, message + pointer(problem, parameters), { retryable: response.status === 503 })
}

/** The parameter at fault with a caret below the place, on lines of their own. */
function pointer({ errors }: Partial<ProblemDocument>, parameters: Record<string, string | undefined>): string {
  const [mistake] = Array.isArray(errors) ? errors : []
  const at = mistake?.position
  const text = mistake === undefined ? undefined : parameters[mistake.field]
  if (text === undefined || typeof at !== 'number' || !(at >= 0 && at <= text.length)) return ''
  // Only some of it, where it is long: the line must not wrap between text and caret.
  const from = Math.max(0, at - MAX_BEFORE_CHARS)
  const before = safeText(text.slice(from, at))
  return `\n    ${before}${safeText(text.slice(at, at + MAX_AFTER_CHARS))}\n    ${' '.repeat(before.length)}^`
}

function parseMessage(block: string): { event: string; data: unknown } | null {
  let event = 'message'
  const data: string[] = []
  for (const line of block.split('\n')) {
    if (line.startsWith('event:')) event = line.slice(6).trim()
    else if (line.startsWith('data:')) data.push(line.slice(5).trimStart())
  }
  return data.length === 0 ? null : { event, data: JSON.parse(data.join('\n')) }
}
