/**
 * Connections to Redis. One connection per backend answers quickly or fails; BullMQ's workers have connections of their
 * own, which wait for a lost server to come back.
 */
import { Redis } from 'ioredis'
import type { AppErrorOptions, ErrorCode } from '../../core/model/errors.ts'
import { AppError } from '../../core/model/errors.ts'

export interface RedisConfig {
  /** `redis://user:password@host:port/database`, or `rediss://` for TLS. */
  url: string
  /** All keys begin with it. The braces keep them in one slot of a cluster. Default `{seamark}`. */
  prefix?: string
}

export const DEFAULT_PREFIX = '{seamark}'

/** How long a command may take before the caller is told that Redis does not answer. */
const COMMAND_TIMEOUT_MS = 10_000

export interface ConnectOptions {
  /** Commands wait for a server that went away, for as long as it takes; else they fail within seconds. */
  waits?: boolean
  /** Commands fail at once while there is no connection, instead of waiting for it. */
  now?: boolean
}

/** For our own commands: a caller that waits for an acknowledgement hears within seconds that there will be none. */
export function connect(config: RedisConfig, options: ConnectOptions = {}): Redis {
  return new Redis(config.url, {
    lazyConnect: true,
    enableOfflineQueue: options.now !== true,
    // BullMQ's workers insist on null.
    maxRetriesPerRequest: options.waits === true ? null : 1,
    ...(options.waits === true ? {} : { commandTimeout: COMMAND_TIMEOUT_MS }),
    retryStrategy: (attempt: number) => Math.min(2_000, 50 * 2 ** Math.min(attempt, 6)),
  })
}

/**
 * Starts the connection; throws AppError with `code` when nothing answers there. It does not go on trying then, which
 * would keep a process from ending; the same may be tried again.
 */
export async function ready(redis: Redis, code: ErrorCode): Promise<void> {
  // What a call fails with says that the connection closed; why it did is told as an event.
  let cause: unknown
  const remember = (error: unknown) => {
    cause = error
  }
  redis.on('error', remember)
  try {
    if (redis.status === 'wait' || redis.status === 'end') await redis.connect()
    await redis.ping()
  } catch (error) {
    redis.disconnect()
    throw redisError(code, 'does not answer', cause ?? error)
  } finally {
    redis.off('error', remember)
  }
}

export function redisError(code: ErrorCode, what: string, cause: unknown, options: AppErrorOptions = {}): AppError {
  if (cause instanceof AppError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AppError(code, `Redis ${what}: ${reason}`, { retryable: true, ...options, cause })
}
