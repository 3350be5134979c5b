/**
 * Small mutable state of the distributed shape. Every commit is one script: compare, write, and note each key among the
 * changes of its space, which is what watchers follow. Versions come from one counter, so that a key that was removed
 * and made again never repeats a version. Keys of a space, all below `PREFIX:documents:SPACE:`
 *
 * - `values`   hash: key → version, a space, the JSON text
 * - `keys`     sorted set of all keys with one score: scanned in the order of their bytes
 * - `changes`  sorted set: key by the version of its last change, removals included; the youngest of them
 */
import assert from 'node:assert'
import type { Redis } from 'ioredis'
import type { Component } from '../../core/model/component.ts'
import type { DocumentChange, Documents, Versioned } from '../../core/model/documents.ts'
import { connect, DEFAULT_PREFIX, type RedisConfig, ready, redisError } from './connection.ts'

export interface RedisDocumentsOptions extends RedisConfig {
  /** A watcher that was not told of a change looks for itself this often. Default 1 s. */
  pollMs?: number
  /** Removals that watchers can still learn of; far more than fit between two polls. Default 100,000. */
  rememberRemovals?: number
  onError?: (error: unknown) => void
}

/** Most documents of one scan. */
const MAX_SCAN = 10_000

/**
 * ARGV: version counter, removals to remember, then per change: space prefix, key, ifVersion, value ('' removes).
 * Answers 1, or 0 when a version differs and nothing was changed.
 */
const COMMIT = `
local counter, remember = ARGV[1], tonumber(ARGV[2])
local isStored, spaces = {}, {}
for i = 3, #ARGV, 4 do
  local stored = redis.call('HGET', ARGV[i] .. 'values', ARGV[i + 1])
  local version = stored and string.match(stored, '^%d+') or '0'
  if version ~= ARGV[i + 2] or (ARGV[i + 3] == '' and not stored) then return 0 end
  isStored[i] = stored and true
end
local new = redis.call('INCRBY', counter, (#ARGV - 2) / 4) - (#ARGV - 2) / 4
for i = 3, #ARGV, 4 do
  local space, key, value = ARGV[i], ARGV[i + 1], ARGV[i + 3]
  new = new + 1
  if value == '' then
    redis.call('HDEL', space .. 'values', key)
    redis.call('ZREM', space .. 'keys', key)
  else
    redis.call('HSET', space .. 'values', key, string.format('%d', new) .. ' ' .. value)
    if not isStored[i] then redis.call('ZADD', space .. 'keys', 0, key) end
  end
  redis.call('ZADD', space .. 'changes', new, key)
  spaces[space] = true
end
for space in pairs(spaces) do
  local extra = redis.call('ZCARD', space .. 'changes') - redis.call('ZCARD', space .. 'keys') - remember
  if extra > 0 then redis.call('ZPOPMIN', space .. 'changes', extra) end
  redis.call('PUBLISH', space .. 'changed', '')
end
return 1
`

/** ARGV: space prefix, lower bound, limit. Answers key, value, key, value … */
const SCAN = `
local keys = redis.call('ZRANGEBYLEX', ARGV[1] .. 'keys', ARGV[2], '+', 'LIMIT', 0, tonumber(ARGV[3]))
local answer = {}
for i, key in ipairs(keys) do
  answer[2 * i - 1] = key
  answer[2 * i] = redis.call('HGET', ARGV[1] .. 'values', key)
end
return answer
`

type Scan = (space: string, from: string, limit: number) => Promise<string[]>
type Commit = (...values: (string | number)[]) => Promise<number>

export function createRedisDocuments(options: RedisDocumentsOptions): Documents & Component {
  const { prefix = DEFAULT_PREFIX, pollMs = 1_000, rememberRemovals = 100_000, onError = () => {} } = options
  const redis = connect(options)
  redis.defineCommand('seamarkCommit', { numberOfKeys: 0, lua: COMMIT })
  redis.defineCommand('seamarkScan', { numberOfKeys: 0, lua: SCAN })
  const commands = redis as Redis & { seamarkCommit: Commit; seamarkScan: Scan }
  const counter = `${prefix}:documents:version`
  const spaceOf = (space: string) => `${prefix}:documents:${space}:`
  /** Listens only; made when somebody watches. */
  let listener: Redis | undefined
  const waiters = new Map<string, Set<() => void>>()
  let state: 'new' | 'started' | 'stopped' = 'new'
  redis.on('error', onError)

  async function use<T>(work: () => Promise<T>): Promise<T> {
    assert(state === 'started', 'the documents are not started')
    try {
      return await work()
    } catch (error) {
      throw redisError('E_STORE_STORAGE', 'could not be used', error)
    }
  }

  async function latestVersion(): Promise<number> {
    return Number((await redis.get(counter)) ?? 0)
  }

  function listen(channel: string): void {
    if (listener === undefined) {
      listener = connect(options, { waits: true })
      listener.on('error', onError)
      listener.on('message', (from: string) => {
        for (const wake of waiters.get(from) ?? []) wake()
      })
    }
    // Until it is subscribed, and while the connection is away, the poll finds what changed.
    listener.subscribe(channel).catch(onError)
  }

  function changeOrPoll(channel: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = waiters.get(channel) ?? new Set()
      waiters.set(channel, waiting)
      const finish = () => {
        clearTimeout(timer)
        waiting.delete(finish)
        signal.removeEventListener('abort', finish)
        resolve()
      }
      const timer = setTimeout(finish, pollMs)
      waiting.add(finish)
      signal.addEventListener('abort', finish)
    })
  }

  async function commit(changes: readonly DocumentChange[]): Promise<boolean> {
    if (changes.length === 0) return true
    const keys = new Set(changes.map(({ space, key }) => JSON.stringify([space, key])))
    assert(keys.size === changes.length, 'a commit changes each key once')
    const values = changes.flatMap(({ space, key, value, ifVersion }) => [
      spaceOf(space),
      key,
      ifVersion,
      value === undefined ? '' : JSON.stringify(value),
    ])
    return (await use(() => commands.seamarkCommit(counter, rememberRemovals, ...values))) === 1
  }

  return {
    async start() {
      if (state === 'started') return
      assert(state === 'new', 'documents that were stopped are not started again')
      await ready(redis, 'E_STORE_STORAGE')
      state = 'started'
    },

    async stop() {
      if (state === 'stopped') return
      state = 'stopped'
      redis.disconnect()
      listener?.disconnect()
      for (const waiting of waiters.values()) for (const wake of waiting) wake()
    },

    async get(space, key) {
      const stored = await use(() => redis.hget(`${spaceOf(space)}values`, key))
      return stored === null ? null : versioned(key, stored)
    },

    async getAll(wanted) {
      const keysOf = new Map<string, string[]>()
      for (const { space, key } of wanted) {
        const keys = keysOf.get(space)
        if (keys === undefined) keysOf.set(space, [key])
        else keys.push(key)
      }
      const stored = new Map<string, (string | null)[]>()
      await use(() =>
        Promise.all(
          [...keysOf].map(async ([space, keys]) =>
            stored.set(space, await redis.hmget(`${spaceOf(space)}values`, ...keys)),
          ),
        ),
      )
      const read = new Map<string, number>()
      return wanted.map(({ space, key }) => {
        const at = read.get(space) ?? 0
        read.set(space, at + 1)
        const value = stored.get(space)![at] ?? null
        return value === null ? null : versioned(key, value)
      })
    },

    async put(space, key, value, ifVersion) {
      assert(value !== undefined, 'a document must be JSON')
      return commit([{ space, key, value, ifVersion }])
    },

    remove: (space, key, ifVersion) => commit([{ space, key, value: undefined, ifVersion }]),

    commit,

    async scan(space, after, limit) {
      const count = Math.max(0, Math.min(limit, MAX_SCAN))
      const from = after === '' ? '-' : `(${after}`
      const found = await use(() => commands.seamarkScan(spaceOf(space), from, count))
      return Array.from({ length: found.length / 2 }, (_, i) => versioned(found[2 * i]!, found[2 * i + 1]!))
    },

    watch(space, signal) {
      const channel = `${spaceOf(space)}changed`
      // Asked for now rather than at the first `next()`, or changes in between would be missed.
      const start = use(latestVersion)
      start.catch(() => {})
      listen(channel)
      return (async function* () {
        let seen = await start
        while (!signal.aborted && state === 'started') {
          let changed: string[] = []
          try {
            changed = await redis.zrangebyscore(`${spaceOf(space)}changes`, `(${seen}`, '+inf', 'WITHSCORES')
          } catch (error) {
            onError(error)
          }
          for (let i = 0; i < changed.length; i += 2) {
            if (signal.aborted) return
            seen = Math.max(seen, Number(changed[i + 1]))
            yield changed[i]!
          }
          if (changed.length === 0) await changeOrPoll(channel, signal)
        }
      })()
    },
  }
}

function versioned(key: string, stored: string): Versioned {
  const space = stored.indexOf(' ')
  return { key, value: JSON.parse(stored.slice(space + 1)), version: Number(stored.slice(0, space)) }
}
