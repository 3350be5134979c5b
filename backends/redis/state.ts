/** What a Redis server is set to and how it fares, and what of it is less than a queue needs. */
import type { Redis } from 'ioredis'
import type { ConditionName } from '../../core/health/conditions.ts'
import { connect, type RedisConfig } from './connection.ts'

export interface RedisState {
  version: string
  usedBytes: number
  /** `maxmemory`; 0: none. */
  maxBytes: number
  policy: string
  /** Since the server started. */
  evictedKeys: number
  isAppendOnly: boolean
  /** Null where the server hides its settings, as some hosted ones do. */
  fsync: string | null
  /** Whether its last write of the append-only file worked. */
  canWriteFile: boolean
}

/** From here on nothing new is taken in: what is left is for moving on what is there. */
const FULL_SHARE = 0.9
const MIB = 1024 ** 2

/** What it uses of what it may. */
export type RedisMemory = Pick<RedisState, 'usedBytes' | 'maxBytes'>

/** Rejects as ioredis does. */
export async function readRedisMemory(redis: Redis): Promise<RedisMemory> {
  return memoryIn(factsOf(await redis.info('memory')))
}

/** Bytes that may come in. */
export function roomIn({ usedBytes, maxBytes }: RedisMemory): number {
  return maxBytes === 0 ? Number.POSITIVE_INFINITY : Math.max(0, maxBytes * FULL_SHARE - usedBytes)
}

function isFull({ usedBytes, maxBytes }: RedisMemory): boolean {
  return maxBytes > 0 && usedBytes >= maxBytes * FULL_SHARE
}

/** Rejects as ioredis does. */
export async function readRedisState(redis: Redis): Promise<RedisState> {
  const facts = factsOf(await redis.info())
  const fsync = await redis.call('CONFIG', 'GET', 'appendfsync').then(
    (answer) => (answer as string[])[1] ?? null,
    () => null,
  )
  return {
    version: facts.get('redis_version') ?? 'of unknown version',
    ...memoryIn(facts),
    policy: facts.get('maxmemory_policy') ?? 'noeviction',
    evictedKeys: Number(facts.get('evicted_keys') ?? 0),
    isAppendOnly: facts.get('aof_enabled') === '1',
    fsync,
    canWriteFile: (facts.get('aof_last_write_status') ?? 'ok') === 'ok',
  }
}

/** Asks once. Rejects with what the connection failed with; gives up when the signal aborts. */
export async function inspectRedis(config: RedisConfig, signal?: AbortSignal): Promise<RedisState> {
  const redis = connect(config, { now: true })
  signal?.addEventListener('abort', () => redis.disconnect(), { once: true })
  let lastError: Error | null = null
  redis.on('error', (error: Error) => {
    lastError = error
  })
  try {
    await redis.connect()
    return await readRedisState(redis)
  } catch (error) {
    throw lastError ?? error
  } finally {
    redis.disconnect()
  }
}

/** Each condition that a server which answers can be in, with the reason; null where it is not. */
export function redisConditions(state: RedisState): [ConditionName, string | null][] {
  const { usedBytes, maxBytes, policy, evictedKeys } = state
  const used = `${(usedBytes / MIB).toFixed(1)} of ${(maxBytes / MIB).toFixed(1)} MiB (maxmemory) are used`
  return [
    ['redis.unreachable', null],
    ['redis.full', isFull(state) ? used : null],
    ['redis.evicting', policy === 'noeviction' ? null : `maxmemory-policy is ${policy}`],
    ['redis.evicted', evictedKeys === 0 ? null : `${evictedKeys} keys since it started`],
    ['redis.unsafe', unsafe(state)],
  ]
}

function unsafe({ isAppendOnly, fsync, canWriteFile }: RedisState): string | null {
  if (!isAppendOnly) return 'it keeps no append-only file: everything queued is lost when it ends'
  if (!canWriteFile) return 'it cannot write its append-only file'
  if (fsync !== null && fsync !== 'always')
    return `appendfsync is ${fsync}: up to a second of acknowledged events is lost in a power cut`
  return null
}

function memoryIn(facts: ReadonlyMap<string, string>): RedisMemory {
  return { usedBytes: Number(facts.get('used_memory') ?? 0), maxBytes: Number(facts.get('maxmemory') ?? 0) }
}

/** `name:value` lines. */
function factsOf(text: string): Map<string, string> {
  const facts = new Map<string, string>()
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return facts
}
