/**
 * The queue of the distributed shape, on BullMQ: one job per offer. Its items lie in a hash beside the job, several times
 * cheaper than inside it. An offer stores them in one script and then makes the job; if it dies in between, it was not
 * acknowledged, and its repetition (or the sweep of a consumer) makes it.
 *
 * How durable `stored` is, the server's settings decide: see state.ts.
 */
import assert from 'node:assert'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import { BATCH_CLASSES } from '../../core/model/event.ts'
import type { Item, Queue, Topic } from '../../core/model/queue.ts'
import { connect, DEFAULT_PREFIX, type RedisConfig, ready, redisError } from './connection.ts'
import { claimLayout } from './layout.ts'
import { createConsumer } from './queue/consumer.ts'
import { asArguments } from './queue/group.ts'
import { newGroupName, openJobs, type TopicJobs } from './queue/jobs.ts'
import { createRoom } from './queue/room.ts'
import { defineScripts } from './queue/scripts.ts'

export interface RedisQueueOptions extends RedisConfig {
  /** Bytes one topic may hold, payloads and bookkeeping. Default 1 GiB. */
  maxBytes?: number
  /** Items one topic may hold. Default 1,000,000. */
  maxItems?: number
  /**
   * Topics of which nothing is evicted, because somebody was told that it is kept. Their last tenth is for items of the
   * highest class, so that what others fill them with does not keep evidence out. Default none.
   */
  keeps?: readonly Topic[]
  /** Finished ids each topic remembers, so that a repeated offer is taken once. Default 100,000. */
  rememberIds?: number
  /** A consumer that is silent this long loses its items to others. Default 30 s. */
  leaseMs?: number
  /** Attempts before an item is given up, for errors that do not say they are retryable. Default 12. */
  maxAttempts?: number
  /** The same for retryable errors and lost leases. Default 4,000: with the longest backoff more than a day. */
  maxRetryableAttempts?: number
  /** Default 200 ms, doubling to 60 s; each wait is shortened at random by up to half. */
  backoffMs?: { first: number; most: number }
  nowMs?: () => number
  /** Told of failures that the queue outlives. */
  onError?: (error: unknown) => void
}

export interface RedisQueueCounters {
  /** Items that lost their payload to make room, and the bytes that this freed. */
  evictedItems: number
  evictedBytes: number
  /** Offers answered with `full`. */
  refusedOffers: number
  /** Failed commands. */
  storageErrors: number
  /** Items moved to `dead` by consumers of this instance. */
  buriedItems: number
  /** Jobs whose consumer fell silent and that others took over, as this instance's consumers saw it. */
  stalledItems: number
  /** Attempts that failed and come again. */
  retriedItems: number
}

export interface RedisQueue extends Queue, Component {
  readonly counters: Readonly<RedisQueueCounters>
}

/** Where things come in; all other topics are offered what comes of them. */
const ENTRIES: ReadonlySet<Topic> = new Set<Topic>(['batches'])
/** Of the bytes of a topic that keeps everything: for items of the highest class alone. */
const EVIDENCE_SHARE = 0.1
const HIGHEST = BATCH_CLASSES.length - 1
const MAX_DELIVERY_ITEMS = 64
const MAX_DELIVERY_BYTES = 16 * 1024 * 1024

export function createRedisQueue(options: RedisQueueOptions): RedisQueue {
  const { nowMs = Date.now, prefix = DEFAULT_PREFIX, maxBytes = 2 ** 30, maxItems = 1_000_000 } = options
  const redis = connect(options)
  const scripts = defineScripts(redis)
  const room = createRoom(redis)
  const counters: RedisQueueCounters = {
    evictedItems: 0,
    evictedBytes: 0,
    refusedOffers: 0,
    storageErrors: 0,
    buriedItems: 0,
    stalledItems: 0,
    retriedItems: 0,
  }
  const jobs = new Map<Topic, TopicJobs>()
  /**
   * A server that has not met the script is sent it in a second step. What is sent right behind an offer would come
   * before it then, so it waits after each new connection.
   */
  let isOfferLoaded = false
  let timesClosed = 0
  redis.on('close', () => {
    timesClosed += 1
    isOfferLoaded = false
  })
  const keeps = new Set<Topic>(options.keeps)
  /** Topics whose last offer from here was refused. */
  const full = new Set<Topic>()
  const checkpointsKey = `${prefix}:checkpoints`
  let started = false
  let ended = false
  const topicPrefix = (topic: Topic) => `${prefix}:topic:${topic}:`

  const onError = (error: unknown) => {
    if (ended) return
    counters.storageErrors += 1
    options.onError?.(error)
  }
  redis.on('error', onError)

  function jobsOf(topic: Topic): TopicJobs {
    const found = jobs.get(topic) ?? openJobs(topic, redis, prefix, onError)
    jobs.set(topic, found)
    return found
  }

  const queue: RedisQueue = {
    counters,

    async start() {
      if (started) return
      assert(!ended, 'a queue that was stopped is not started again')
      await ready(redis, 'E_QUEUE_STORAGE')
      try {
        await claimLayout(redis, prefix)
      } catch (error) {
        redis.disconnect()
        throw redisError('E_QUEUE_STORAGE', 'cannot be prepared', error)
      }
      started = true
    },

    async stop() {
      if (ended) return
      ended = true
      await Promise.allSettled([...jobs.values()].map((held) => held.close()))
      redis.disconnect()
    },

    async offer(topic, items, at = []) {
      assert(started, 'the queue is not started')
      const lowest = items.reduce<number>(
        (least, item) => Math.min(least, BATCH_CLASSES.indexOf(item.class)),
        BATCH_CLASSES.length,
      )
      const group = newGroupName()
      try {
        const bytes = items.reduce((sum, { payload }) => sum + payload.length, 0)
        if (ENTRIES.has(topic) && items.length > 0 && !(await room.holds(bytes))) {
          counters.refusedOffers += 1
          return 'full'
        }
        const offered = scripts.offer(
          topicPrefix(topic),
          jobsOf(topic).keyPrefix,
          group,
          checkpointsKey,
          nowMs(),
          keeps.has(topic) && lowest < HIGHEST ? Math.floor(maxBytes * (1 - EVIDENCE_SHARE)) : maxBytes,
          maxItems,
          keeps.has(topic) ? 0 : lowest,
          items.length,
          ...items.flatMap(asArguments),
          ...at.flatMap(({ source, position }) => [source, position]),
        )
        // On the same connection and so after it: Redis syncs once for both. A job without a group does nothing, but
        // while the topic is full there would be one for each refused offer.
        const made: Promise<void>[] = []
        if (isOfferLoaded && !full.has(topic) && items.length > 0) made.push(jobsOf(topic).add(group, items.length))
        const closedBefore = timesClosed
        const [[stored, evictedItems, evictedBytes, storedItems, ...orphans]] = await Promise.all([offered, ...made])
        if (stored !== 1) {
          full.add(topic)
          counters.refusedOffers += 1
          return 'full'
        }
        full.delete(topic)
        const isMade = made.length > 0 && timesClosed === closedBefore
        isOfferLoaded = timesClosed === closedBefore
        counters.evictedItems += Number(evictedItems)
        counters.evictedBytes += Number(evictedBytes)
        const late = orphans.map((orphan) => jobsOf(topic).add(String(orphan)))
        if (Number(storedItems) > 0 && !isMade) late.push(jobsOf(topic).add(group, Number(storedItems)))
        await Promise.all(late)
        return 'stored'
      } catch (error) {
        onError(error)
        throw redisError('E_QUEUE_STORAGE', `did not take an offer to ${topic}`, error)
      }
    },

    consume(topic, handle, consumeOptions = {}) {
      return createConsumer({
        topic,
        handle,
        url: options.url,
        prefix,
        topicPrefix: topicPrefix(topic),
        jobs: jobsOf(topic),
        async bury(items: Item[]) {
          if (topic === 'dead') return
          const outcome = await queue.offer('dead', items)
          if (outcome === 'full') throw new AppError('E_QUEUE_FULL', 'the topic `dead` is full', { retryable: true })
          counters.buriedItems += items.length
        },
        onError,
        onStalled: () => {
          counters.stalledItems += 1
        },
        onRetry: (count) => {
          counters.retriedItems += count
        },
        nowMs,
        maxItems: consumeOptions.maxItems ?? MAX_DELIVERY_ITEMS,
        deliveries: consumeOptions.deliveries ?? 1,
        maxDeliveryBytes: MAX_DELIVERY_BYTES,
        rememberIds: options.rememberIds ?? 100_000,
        leaseMs: options.leaseMs ?? 30_000,
        maxAttempts: options.maxAttempts ?? 12,
        maxRetryableAttempts: options.maxRetryableAttempts ?? 4_000,
        backoffMs: options.backoffMs ?? { first: 200, most: 60_000 },
      })
    },

    async checkpoint(source) {
      const position = await reading(() => redis.hget(checkpointsKey, source))
      return position === null ? null : { source, position }
    },

    async depth(topic) {
      const key = topicPrefix(topic)
      const [items, bytes, oldest] = await reading(() =>
        Promise.all([
          redis.hlen(`${key}ids`),
          redis.get(`${key}bytes`),
          redis.zrange(`${key}groups`, '0', '0', 'WITHSCORES'),
        ]),
      )
      const oldestMs = oldest[1] === undefined ? 0 : Math.max(0, nowMs() - Number(oldest[1]))
      return { items, bytes: Number(bytes ?? 0), oldestMs }
    },
  }

  async function reading<T>(read: () => Promise<T>): Promise<T> {
    assert(started, 'the queue is not started')
    try {
      return await read()
    } catch (error) {
      onError(error)
      throw redisError('E_QUEUE_STORAGE', 'could not be read', error)
    }
  }

  return queue
}
