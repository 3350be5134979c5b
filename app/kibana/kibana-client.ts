/**
 * Talks to Kibana's HTTP API: status, import and export of saved objects. Answers are bounded in size and time, and every
 * failure is an AppError that says what to do about it.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../../core/model/errors.ts'
import { backoffMs } from '../../core/runtime/backoff.ts'

export interface KibanaOptions {
  /** Origin, with Kibana's base path where it has one. */
  url: string
  username?: string | undefined
  password?: string | undefined
  /** Without it, the default space. */
  space?: string | undefined
}

/** An object as Kibana names it in its answers. */
export interface ObjectName {
  type: string
  id: string
}

export interface ImportAnswer {
  success: boolean
  /** `destinationId` is the id under which it was stored, where that is another. */
  successResults?: (ObjectName & { destinationId?: string })[]
  errors?: (ObjectName & { error: { type: string } & Record<string, unknown> })[]
}

const REQUEST_MS = 60_000
const STATUS_MS = 5_000
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const RETRY = { firstMs: 250, maxMs: 5_000 }
const MAX_QUOTED_CHARS = 300

export class KibanaClient {
  readonly url: string
  private readonly headers: Record<string, string>
  private readonly prefix: string

  /** Throws AppError E_USAGE for an address or a space that cannot be one. */
  constructor({ url, username, password, space }: KibanaOptions) {
    this.url = addressOf(url)
    if (space !== undefined && !/^[a-z0-9_-]{1,200}$/.test(space))
      throw new AppError('E_USAGE', `--space takes the id of a space (a-z, 0-9, _ and -), not '${space}'`)
    this.prefix = space === undefined || space === 'default' ? '' : `/s/${space}`
    const login = username === undefined ? undefined : Buffer.from(`${username}:${password ?? ''}`).toString('base64')
    // Kibana refuses what changes something without the first.
    this.headers = { 'kbn-xsrf': 'seamark', ...(login === undefined ? {} : { authorization: `Basic ${login}` }) }
  }

  /**
   * Resolves when Kibana says that it is available; AppError E_KIBANA_UNAVAILABLE when it does not within `waitMs`.
   * `onWait` is told once for each state that is waited in.
   */
  async waitUntilAvailable(waitMs: number, onWait: (state: string) => void = () => {}): Promise<void> {
    const deadline = performance.now() + waitMs
    let last = ''
    for (let attempt = 1; ; attempt++) {
      const before = last
      last = await this.availability()
      if (last === 'available' || last === 'degraded') return
      if (last !== before) onWait(last)
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) break
      await sleep(Math.min(backoffMs(attempt, RETRY), leftMs))
    }
    const message = `Kibana at ${this.url} is not ready: ${last}`
    throw new AppError('E_KIBANA_UNAVAILABLE', message, { retryable: true })
  }

  /** The level that Kibana gives itself, or why there is none. Throws where waiting will not help. */
  private async availability(): Promise<string> {
    let response: Response
    try {
      response = await fetch(`${this.url}/api/status`, {
        headers: this.headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(STATUS_MS),
      })
    } catch (error) {
      return reasonOf(error)
    }
    const text = await readText(response)
    if (response.status === 401 || response.status === 403) throw refused(response.status, text)
    const { status } = (parseOr(text, {}) ?? {}) as { status?: { overall?: { level?: unknown } } }
    const level = status?.overall?.level
    return typeof level === 'string' ? level : `it answered ${response.status}`
  }

  /** Throws AppError: E_KIBANA_REFUSED, E_KIBANA_UNAVAILABLE. */
  async importObjects(objects: readonly ObjectName[]): Promise<ImportAnswer> {
    const form = new FormData()
    const lines = objects.map((object) => `${JSON.stringify(object)}\n`).join('')
    form.append('file', new Blob([lines], { type: 'application/ndjson' }), 'seamark.ndjson')
    const { ok, status, text } = await this.post('/api/saved_objects/_import?overwrite=true', form)
    const answer = parseOr(text, null) as ImportAnswer | null
    if (!ok || typeof answer?.success !== 'boolean') throw refused(status, text)
    return answer
  }

  /** Which of them Kibana does not have, and which references of theirs lead nowhere. Throws as `importObjects`. */
  async findMissing(objects: readonly ObjectName[]): Promise<ObjectName[]> {
    const body = JSON.stringify({
      objects: objects.map(({ type, id }) => ({ type, id })),
      includeReferencesDeep: true,
    })
    const { ok, status, text } = await this.post('/api/saved_objects/_export', body)
    if (!ok) {
      // An export that names what is not there is refused as a whole, with a list of it.
      const { attributes } = (parseOr(text, {}) ?? {}) as { attributes?: { objects?: ObjectName[] } }
      if (status !== 400 || !Array.isArray(attributes?.objects)) throw refused(status, text)
      return attributes.objects
    }
    const lines = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => parseOr(line, {}) as Partial<ObjectName> & { missingReferences?: ObjectName[] })
    const found = new Set(lines.map(({ type, id }) => `${type}/${id}`))
    const absent = objects.filter(({ type, id }) => !found.has(`${type}/${id}`))
    return [...absent, ...lines.flatMap(({ missingReferences = [] }) => missingReferences)]
  }

  private async post(path: string, body: FormData | string): Promise<{ ok: boolean; status: number; text: string }> {
    const json = typeof body === 'string' ? { 'content-type': 'application/json' } : {}
    try {
      const response = await fetch(`${this.url}${this.prefix}${path}`, {
        method: 'POST',
        headers: { ...this.headers, ...json },
        body,
        redirect: 'manual',
        signal: AbortSignal.timeout(REQUEST_MS),
      })
      return { ok: response.ok, status: response.status, text: await readText(response) }
    } catch (cause) {
      if (cause instanceof AppError) throw cause
      const message = `Kibana at ${this.url} does not answer: ${reasonOf(cause)}`
      throw new AppError('E_KIBANA_UNAVAILABLE', message, { retryable: true, cause })
    }
  }
}

function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const isAddress = url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  if (!isAddress || url.search !== '' || url.hash !== '')
    throw new AppError('E_USAGE', `--url takes an address such as http://127.0.0.1:5601, not '${withoutLogin(text)}'`)
  return url.href.replace(/\/+$/, '')
}

/** A password that stands in an address is not told. */
function withoutLogin(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//…@')
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error
  return cause instanceof Error && cause.message !== '' ? cause.message : message
}

function refused(status: number, text: string): AppError {
  const { message } = (parseOr(text, {}) ?? {}) as { message?: unknown }
  const said = (typeof message === 'string' ? message : text).slice(0, MAX_QUOTED_CHARS)
  const hint =
    status === 401 || status === 403 ? '\nName a user who may manage saved objects: --username, --password-file' : ''
  return new AppError('E_KIBANA_REFUSED', `Kibana answered ${status}: ${said}${hint}`, { retryable: status >= 500 })
}

function parseOr<T>(text: string, otherwise: T): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return otherwise
  }
}

async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES)
      throw new AppError('E_KIBANA_REFUSED', `Kibana's answer is larger than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
