/** Posts detections to an address, each with a request of its own. */
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { gzipSync } from 'node:zlib'
import { AppError } from '../../core/model/errors.ts'
import type { Destination, Notification } from './destination.ts'
import { type FalcoFormat, falcoLine } from './falco-format.ts'
import { OneByOne } from './one-by-one.ts'

export interface HttpDestinationConfig {
  url: string
  userAgent: string
  /** PEM files: the authority that signed the server, and what the server is shown. */
  caFile?: string | undefined
  certificateFile?: string | undefined
  keyFile?: string | undefined
  /** Takes any certificate of the server. */
  insecure: boolean
  /** gzip. */
  compress: boolean
  format: FalcoFormat
}

/** Answers of 4xx that may be another one later: those about time, and those that a person mends at the other end. */
const RETRYABLE = new Set([401, 403, 404, 407, 408, 425, 429])
const MAX_SOCKETS = 1

export class HttpDestination implements Destination {
  readonly name = 'http'
  readonly isOneByOne = true
  private readonly config: HttpDestinationConfig
  private readonly oneByOne = new OneByOne()
  private agent: HttpAgent | HttpsAgent | null = null

  constructor(config: HttpDestinationConfig) {
    this.config = config
  }

  /** Throws AppError E_CONFIG_INVALID for a file that cannot be read. */
  async start(): Promise<void> {
    const { url, insecure, caFile, certificateFile, keyFile } = this.config
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS }
    if (new URL(url).protocol === 'http:') {
      this.agent = new HttpAgent(options)
      return
    }
    const secure: AgentOptions = { rejectUnauthorized: !insecure }
    if (caFile !== undefined) secure.ca = read(caFile)
    if (certificateFile !== undefined) secure.cert = read(certificateFile)
    if (keyFile !== undefined) secure.key = read(keyFile)
    this.agent = new HttpsAgent({ ...options, ...secure })
  }

  async send(notifications: readonly Notification[], signal: AbortSignal): Promise<void> {
    await this.oneByOne.send(notifications, signal, (notification, limit) => this.post(notification, limit))
  }

  async stop(): Promise<void> {
    this.agent?.destroy()
    this.agent = null
  }

  private post({ detection }: Notification, signal: AbortSignal): Promise<void> {
    const { url, userAgent, compress, format } = this.config
    const text = Buffer.from(falcoLine(detection, format))
    const body = compress ? gzipSync(text) : text
    const headers = {
      'content-type': format.kind === 'json' ? 'application/json' : 'text/plain; charset=utf-8',
      'content-length': String(body.length),
      'user-agent': userAgent,
      ...(compress ? { 'content-encoding': 'gzip' } : {}),
    }
    const make = url.startsWith('https:') ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const request = make(url, { method: 'POST', agent: this.agent!, headers, signal }, (response) => {
        // What it says besides its status is nothing to us.
        response.resume()
        response.once('error', reject)
        response.once('end', () => {
          const status = response.statusCode ?? 0
          if (status >= 200 && status < 300) resolve()
          else reject(refusal(url, status))
        })
      })
      request.once('error', reject)
      request.end(body)
    })
  }
}

function refusal(url: string, status: number): AppError {
  const retryable = status >= 500 || status < 400 || RETRYABLE.has(status)
  return new AppError('E_NOTIFY_FAILED', `${new URL(url).host} answered ${status}`, { retryable })
}

function read(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw new AppError('E_CONFIG_INVALID', `notify.http: ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}
