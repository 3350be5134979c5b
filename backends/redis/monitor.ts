/** Looks after the Redis server itself every few seconds: whether it answers, has room, and keeps what it is given. */
import type { Redis } from 'ioredis'
import type { Conditions } from '../../core/health/conditions.ts'
import type { Component } from '../../core/model/component.ts'
import { withinTime } from '../../core/runtime/deadline.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { connect, type RedisConfig } from './connection.ts'
import { readRedisState, redisConditions } from './state.ts'

export interface RedisMonitorOptions extends RedisConfig {
  conditions: Conditions
  metrics: Metrics
  /** Default 2 s. */
  everyMs?: number
}

/** A server that answers later than this does not answer. */
const ANSWER_MS = 5_000

/** Starts whether or not there is a server. */
export function createRedisMonitor(options: RedisMonitorOptions): Component {
  const { conditions, metrics, everyMs = 2_000 } = options
  let redis: Redis | undefined
  let timer: NodeJS.Timeout | undefined
  /** What the connection last failed with: a command only says that there is none. */
  let lastError: Error | null = null
  let isLooking = false

  async function look(): Promise<void> {
    try {
      const state = await withinTime(ANSWER_MS, readRedisState(redis!))
      lastError = null
      metrics.set('seamark_redis_up', 1)
      metrics.set('seamark_redis_used_bytes', state.usedBytes)
      metrics.set('seamark_redis_max_bytes', state.maxBytes)
      metrics.countTo('seamark_redis_evicted_keys_total', state.evictedKeys)
      for (const [name, problem] of redisConditions(state)) conditions.set(name, problem)
    } catch (error) {
      metrics.set('seamark_redis_up', 0)
      conditions.set('redis.unreachable', (lastError ?? (error as Error)).message)
    }
  }

  return {
    async start() {
      redis = connect(options, { now: true })
      redis.on('error', (error: Error) => {
        lastError = error
      })
      await withinTime(ANSWER_MS, redis.connect()).catch(() => {})
      await look()
      timer = setInterval(() => {
        if (isLooking) return
        isLooking = true
        void look().finally(() => {
          isLooking = false
        })
      }, everyMs)
      timer.unref()
    },

    async stop() {
      clearInterval(timer)
      redis?.disconnect()
      redis = undefined
    },
  }
}
