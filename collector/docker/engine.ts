/**
 * A small client of the Docker Engine API over its unix socket. The version is negotiated once: the newest that both
 * sides know, at least 1.41 (Engine 20.10). Every answer is bounded; hostile engines cannot fill memory.
 * Source: Docker Engine API reference, versions 1.41 to 1.51.
 */
import { type IncomingMessage, type RequestOptions, request } from 'node:http'
import { AppError } from '../../core/model/errors.ts'

const OLDEST = [1, 41] as const
const NEWEST = [1, 51] as const
const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const MAX_LINE_BYTES = 1024 * 1024

export interface EngineOptions {
  /** Path of the socket, such as /var/run/docker.sock. */
  socketPath: string
  timeoutMs?: number
}

export interface CallOptions {
  method?: 'GET' | 'POST' | 'DELETE' | 'PUT'
  body?: unknown
  /** Sent as it is, with its own content type. */
  raw?: { type: string; bytes: Uint8Array }
  timeoutMs?: number
  signal?: AbortSignal
}

export class Engine {
  readonly socketPath: string
  private readonly timeoutMs: number
  private version: Promise<string> | null = null

  constructor(options: EngineOptions) {
    this.socketPath = options.socketPath
    this.timeoutMs = options.timeoutMs ?? 10_000
  }

  /** The API version in use, such as `1.41`. Throws AppError E_DOCKER_UNAVAILABLE. */
  async apiVersion(): Promise<string> {
    this.version ??= this.negotiate()
    try {
      return await this.version
    } catch (error) {
      this.version = null
      throw error
    }
  }

  /** One call that answers JSON (null for an empty answer). `path` starts with a slash, without the version. */
  async call<T>(path: string, options: CallOptions = {}): Promise<T> {
    const response = await this.send(`/v${await this.apiVersion()}${path}`, options)
    const text = (await readAll(response)).toString('utf8')
    if ((response.statusCode ?? 500) >= 400) throw refusal(path, response.statusCode ?? 500, text)
    if (text.trim() === '') return null as T
    try {
      return JSON.parse(text) as T
    } catch {
      // Image import answers one JSON object a line; the last one is the outcome.
      return JSON.parse(text.trim().split('\n').at(-1) ?? 'null') as T
    }
  }

  /** A stream of JSON objects, one a line, until the engine ends it or the signal aborts. */
  async *stream(path: string, signal: AbortSignal): AsyncIterable<unknown> {
    const response = await this.send(`/v${await this.apiVersion()}${path}`, { signal, timeoutMs: 0 })
    if ((response.statusCode ?? 500) >= 400) {
      throw refusal(path, response.statusCode ?? 500, (await readAll(response)).toString('utf8'))
    }
    let pending = ''
    response.setEncoding('utf8')
    for await (const chunk of response as AsyncIterable<string>) {
      pending += chunk
      for (let end = pending.indexOf('\n'); end >= 0; end = pending.indexOf('\n')) {
        const line = pending.slice(0, end).trim()
        pending = pending.slice(end + 1)
        if (line !== '') yield parseExact(line)
      }
      if (pending.length > MAX_LINE_BYTES) {
        response.destroy()
        throw new AppError('E_DOCKER_REFUSED', 'The engine sent a line of more than 1 MiB', { retryable: true })
      }
    }
  }

  private async negotiate(): Promise<string> {
    const response = await this.send('/version', {})
    const text = (await readAll(response)).toString('utf8')
    if (response.statusCode !== 200) throw refusal('/version', response.statusCode ?? 500, text)
    const { ApiVersion, MinAPIVersion } = JSON.parse(text) as { ApiVersion?: string; MinAPIVersion?: string }
    return chooseVersion(ApiVersion ?? '', MinAPIVersion ?? '')
  }

  private send(path: string, options: CallOptions): Promise<IncomingMessage> {
    const payload = options.raw?.bytes ?? (options.body === undefined ? undefined : JSON.stringify(options.body))
    const requestOptions: RequestOptions = {
      socketPath: this.socketPath,
      path,
      method: options.method ?? 'GET',
      headers: {
        Host: 'docker',
        ...(payload === undefined ? {} : { 'Content-Type': options.raw?.type ?? 'application/json' }),
      },
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }
    return new Promise((resolve, reject) => {
      const outgoing = request(requestOptions, resolve)
      const timeoutMs = options.timeoutMs ?? this.timeoutMs
      if (timeoutMs > 0) {
        outgoing.setTimeout(timeoutMs, () => outgoing.destroy(new Error(`no answer within ${timeoutMs} ms`)))
      }
      outgoing.on('error', (cause) => {
        const reason = (cause as NodeJS.ErrnoException).code ?? cause.message
        reject(
          new AppError('E_DOCKER_UNAVAILABLE', `Docker Engine at ${this.socketPath}: ${reason}`, {
            retryable: true,
            cause,
          }),
        )
      })
      outgoing.end(payload)
    })
  }
}

/** JSON whose integers beyond 2^53 come as bigint: event times in ns lose their last digits as doubles. */
function parseExact(line: string): unknown {
  const revive = (_key: string, value: unknown, context?: { source?: string }) => {
    const isLarge = typeof value === 'number' && !Number.isSafeInteger(value)
    return isLarge && /^-?\d+$/.test(context?.source ?? '') ? BigInt(context!.source!) : value
  }
  // The third argument of a reviver is newer than the library's types.
  return JSON.parse(line, revive as (key: string, value: unknown) => unknown)
}

/** The newest version that both sides know. Throws AppError E_DOCKER_REFUSED when there is none. */
export function chooseVersion(serverNewest: string, serverOldest: string): string {
  const newest = parseVersion(serverNewest)
  const oldest = parseVersion(serverOldest) ?? [1, 12]
  const chosen = newest === null ? null : compare(newest, NEWEST) < 0 ? newest : NEWEST
  if (chosen === null || compare(chosen, OLDEST) < 0 || compare(oldest, chosen) > 0) {
    throw new AppError(
      'E_DOCKER_REFUSED',
      `The engine speaks API ${serverOldest || '?'} to ${serverNewest || '?'}; Seamark speaks ${OLDEST.join('.')} to ${NEWEST.join('.')}`,
    )
  }
  return chosen.join('.')
}

function parseVersion(text: string): readonly [number, number] | null {
  const match = /^(\d{1,4})\.(\d{1,4})$/.exec(text)
  return match === null ? null : [Number(match[1]), Number(match[2])]
}

function compare(a: readonly [number, number], b: readonly [number, number]): number {
  return a[0] - b[0] || a[1] - b[1]
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) {
      response.destroy()
      throw new AppError('E_DOCKER_REFUSED', 'The engine answered with more than 16 MiB', { retryable: true })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function refusal(path: string, status: number, text: string): AppError {
  let message = text.slice(0, 300)
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message
  } catch {
    // Not JSON: the text itself is the best there is.
  }
  return new AppError('E_DOCKER_REFUSED', `Docker refused ${path.split('?')[0]} (${status}): ${message}`, {
    retryable: status >= 500,
  })
}
