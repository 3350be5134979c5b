/**
 * The client, and what its failures mean to us. Requests go through `transport.request`: bodies are text that was built
 * once, and answers are read only as far as they are needed.
 */
import { Client, errors } from '@elastic/elasticsearch'
import { AppError } from '../../core/model/errors.ts'

export interface ElasticsearchConfig {
  /** Such as `https://elastic.example:9200`. */
  url: string
  username?: string
  password?: string
  apiKey?: string
  /** PEM of the authority that signed the server's certificate. */
  ca?: string
  /** All indices begin with it. Default `seamark`. */
  prefix?: string
}

export const DEFAULT_PREFIX = 'seamark'

const REQUEST_TIMEOUT_MS = 60_000

export function connect(config: ElasticsearchConfig): Client {
  const auth =
    config.apiKey !== undefined
      ? { apiKey: config.apiKey }
      : config.username !== undefined
        ? { username: config.username, password: config.password ?? '' }
        : undefined
  return new Client({
    node: config.url,
    ...(auth === undefined ? {} : { auth }),
    ...(config.ca === undefined ? {} : { tls: { ca: config.ca } }),
    // Who calls decides what is tried again: a bulk item by item, a query not at all.
    maxRetries: 0,
    requestTimeout: REQUEST_TIMEOUT_MS,
  })
}

export interface Answer<T> {
  status: number
  body: T
}

export interface ErrorBody {
  error?: { type?: string; reason?: string; root_cause?: { type?: string; reason?: string }[] }
}

export interface Request {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  path: string
  query?: Record<string, string | number | boolean>
  body?: Record<string, unknown>
  /** Newline-delimited JSON, instead of `body`. */
  lines?: string
  /** Whether a request that is too large (413) is an answer as well. Default false: a failure. */
  mayBeTooLarge?: boolean
  signal?: AbortSignal
}

/**
 * Answers of every status are returned; throws AppError E_STORE_STORAGE (retryable) where none came, and where the
 * server says that it cannot serve now (401, 403, 429, 5xx).
 */
export async function request<T>(
  client: Client,
  { method, path, query, body, lines, mayBeTooLarge, signal }: Request,
): Promise<Answer<T & ErrorBody>> {
  let answer: Answer<T & ErrorBody>
  const ignore = mayBeTooLarge === true ? [400, 404, 409, 413] : [400, 404, 409]
  try {
    const { statusCode, body: answered } = await client.transport.request<T & ErrorBody>(
      {
        method,
        path,
        ...(query === undefined ? {} : { querystring: query }),
        ...(body === undefined ? {} : { body }),
        ...(lines === undefined ? {} : { bulkBody: lines }),
      },
      { meta: true, ignore, ...(signal === undefined ? {} : { signal }) },
    )
    answer = { status: statusCode ?? 0, body: answered }
  } catch (error) {
    throw storageError(`${method} ${path}`, error)
  }
  return answer
}

/** Whether the server answered, but that it cannot serve this now. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof errors.ResponseError && error.cause.statusCode === 503
}

/** Whether the server answered that this user may not. */
export function isForbidden(error: unknown): boolean {
  return error instanceof AppError && error.cause instanceof errors.ResponseError && error.cause.statusCode === 403
}

export function reasonOf(body: ErrorBody): string {
  const cause = body.error?.root_cause?.[0] ?? body.error
  return `${cause?.type ?? 'error'}: ${cause?.reason ?? 'without a reason'}`
}

function storageError(what: string, error: unknown): AppError {
  if (error instanceof errors.ResponseError) {
    const reason = reasonOf((error.body ?? {}) as ErrorBody)
    const message = `Elasticsearch answered ${what} with ${error.statusCode} (${reason})`
    return new AppError('E_STORE_STORAGE', message, { retryable: true, cause: error })
  }
  const reason = error instanceof Error ? error.message : String(error)
  const message = `Elasticsearch did not answer ${what}: ${reason}`
  return new AppError('E_STORE_STORAGE', message, { retryable: true, cause: error })
}
