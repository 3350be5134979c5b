/** Talks to a running Seamark over its REST API, for the command line. */
import { AppError } from '../core/model/errors.ts'
import { apiAddress } from './api-address.ts'
import type { Config } from './config.ts'

export interface Problem {
  title?: string
  detail?: string
  status?: number
}

export class ApiClient {
  readonly base: string

  constructor(config: Config) {
    this.base = apiAddress(config)
  }

  /** Throws AppError E_API_UNAVAILABLE when nobody answers, E_USAGE for what the API refuses (4xx). */
  async get<T>(path: string, parameters: Record<string, string | undefined> = {}): Promise<T> {
    const response = await this.fetch(path, parameters, AbortSignal.timeout(30_000))
    return (await response.json()) as T
  }

  async isUp(): Promise<boolean> {
    try {
      await this.get('/readyz')
      return true
    } catch {
      return false
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
      const message = `No Seamark answers at ${this.base}; start one with: seamark up (one with a data directory of its own is found with --data-dir)`
      throw new AppError('E_API_UNAVAILABLE', message, { retryable: true, cause })
    }
    if (response.ok) return response
    const problem = (await response.json().catch(() => ({}))) as Problem
    const message = problem.detail ?? problem.title ?? `the API answered ${response.status}`
    throw new AppError(response.status < 500 ? 'E_USAGE' : 'E_API_UNAVAILABLE', message, {
      retryable: response.status >= 500,
    })
  }
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
