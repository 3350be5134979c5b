/** Talks to ingest: one key, kept-alive connections, bounded answers, and every outcome as an AppError or an answer. */
import { Agent as HttpAgent, request as httpRequest, type RequestOptions } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { AppError } from '../../core/model/errors.ts'

export interface IngestClientOptions {
  /** `https://ingest.example:7328`. */
  url: string
  /** PEM of the authority that signed ingest's certificate. */
  ca?: string
  /** Empty before the host is enrolled. */
  key?: string
  timeoutMs?: number
}

export interface IngestAnswer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

const MAX_ANSWER_BYTES = 16 * 1024 * 1024
const TIMEOUT_MS = 30_000

export interface IngestRequest {
  method: 'GET' | 'POST'
  path: string
  type?: string
  body?: Uint8Array
  headers?: Record<string, string>
}

export class IngestClient {
  private readonly options: IngestClientOptions
  private readonly agent: HttpAgent | HttpsAgent
  private readonly isSecure: boolean

  constructor(options: IngestClientOptions) {
    this.options = options
    this.isSecure = new URL(options.url).protocol === 'https:'
    this.agent = this.isSecure ? new HttpsAgent({ keepAlive: true }) : new HttpAgent({ keepAlive: true })
  }

  /** Throws AppError E_INGEST_UNAVAILABLE (retryable) when no answer comes. */
  send({ method, path, type, body, headers = {} }: IngestRequest): Promise<IngestAnswer> {
    const { url, key, ca, timeoutMs = TIMEOUT_MS } = this.options
    const options: RequestOptions & { ca?: string } = {
      method,
      agent: this.agent,
      timeout: timeoutMs,
      ...(ca === undefined ? {} : { ca }),
      headers: {
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
        ...(type === undefined ? {} : { 'content-type': type }),
        ...(body === undefined ? {} : { 'content-length': String(body.length) }),
        ...headers,
      },
    }
    return new Promise((resolve, reject) => {
      const fail = (error: Error) =>
        reject(
          new AppError('E_INGEST_UNAVAILABLE', `${url} does not answer: ${error.message}`, {
            retryable: true,
            cause: error,
          }),
        )
      const request = (this.isSecure ? httpsRequest : httpRequest)(new URL(path, url), options, (response) => {
        const chunks: Buffer[] = []
        let bytes = 0
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length
          if (bytes > MAX_ANSWER_BYTES) response.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', fail)
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
        )
      })
      request.on('timeout', () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)))
      request.on('error', fail)
      request.end(body)
    })
  }

  close(): void {
    this.agent.destroy()
  }
}

/** What a problem document says, for logs and errors. */
export function detailOf({ status, body }: IngestAnswer): string {
  try {
    const { code, detail } = JSON.parse(body.toString('utf8')) as { code?: unknown; detail?: unknown }
    return `${status} ${String(code)}: ${String(detail)}`.slice(0, 500)
  } catch {
    return String(status)
  }
}
