/**
 * Connections to Redis, and what must be true of the server for a stored item to be on disk. One connection per backend
 * answers quickly or fails; BullMQ's workers have connections of their own, which wait for a lost server to come back.
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

/** Starts the connection; throws AppError with `code` when nothing answers there. */
export async function ready(redis: Redis, code: ErrorCode): Promise<void> {
  try {
    if (redis.status === 'wait') await redis.connect()
    await redis.ping()
  } catch (error) {
    throw redisError(code, 'does not answer', error)
  }
}

export function redisError(code: ErrorCode, what: string, cause: unknown, options: AppErrorOptions = {}): AppError {
  if (cause instanceof AppError) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new AppError(code, `Redis ${what}: ${reason}`, { retryable: true, ...options, cause })
}

/**
 * What the server is set to do less than is promised: empty when an acknowledged item survives a power cut. Each text
 * says what is weaker and which setting mends it. A server that hides its settings (some hosted ones do) is said to.
 */
export async function weaknesses(redis: Redis): Promise<string[]> {
  const read = async (name: string) => {
    const answer = (await redis.call('CONFIG', 'GET', name)) as string[]
    return answer[1]
  }
  try {
    const [appendOnly, fsync, policy] = await Promise.all([
      read('appendonly'),
      read('appendfsync'),
      read('maxmemory-policy'),
    ])
    const found: string[] = []
    if (appendOnly !== 'yes')
      found.push('Redis keeps no append-only file: everything queued is lost when it ends; set `appendonly yes`')
    else if (fsync !== 'always')
      found.push(
        `Redis syncs its file \`${fsync}\`: up to a second of acknowledged events is lost in a power cut; set \`appendfsync always\``,
      )
    if (policy !== 'noeviction')
      found.push(
        `Redis may throw queued events away when memory is short (\`${policy}\`); set \`maxmemory-policy noeviction\``,
      )
    return found
  } catch (error) {
    return [`Redis does not show its settings (${(error as Error).message}); see that appendfsync is \`always\``]
  }
}
