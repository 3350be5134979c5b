/**
 * The durable queue of the embedded shape, on SQLite: one file per topic family under one directory, shared by every
 * thread and process that opens it. Offers made at the same time share one commit. When a disk refuses, nothing was
 * taken and the next offer tries afresh.
 */
import assert from 'node:assert'
import { mkdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Checkpoint, ConsumeOptions, Delivery, Item, Queue, Topic } from '../../core/model/queue.ts'
import type { CorruptListener } from './database.ts'
import { createConsumer } from './queue/consumer.ts'
import { type Offer, openQueueFile, type QueueFile } from './queue/file.ts'
import { createReserve, type Reserve } from './queue/reserve.ts'
import { openWakeUp, type WakeUp } from './wake-up.ts'

export interface SqliteQueueOptions {
  directory: string
  /** Bytes one topic may hold, payloads and bookkeeping. Default 1 GiB. */
  maxBytes?: number
  /** Finished ids each file remembers, so that a repeated offer is taken once. Default 100,000. */
  rememberIds?: number
  /** A consumer that is silent this long loses its items to others. Default 30 s. */
  leaseMs?: number
  /** How often other processes' commits are looked for. Default 250 ms. */
  pollMs?: number
  /** Attempts before an item is given up, for errors that do not say they are retryable. Default 12. */
  maxAttempts?: number
  /** The same for retryable errors; with the longest backoff, the default 4,000 is more than a day. */
  maxRetryableAttempts?: number
  /** Default 200 ms, doubling to 60 s; each wait is shortened at random by up to half. */
  backoffMs?: { first: number; most: number }
  nowMs?: () => number
  onCorrupt?: CorruptListener
  onStorageError?: (error: unknown) => void
}

export interface QueueCounters {
  /** Items that lost their payload to make room, and the bytes that this freed. */
  evictedItems: number
  evictedBytes: number
  /** Offers answered with `full`. */
  refusedOffers: number
  /** Failed reads or writes of files. */
  storageErrors: number
  /** Files found damaged at start and set aside. */
  corruptFiles: number
  /** Items moved to `dead` by consumers of this instance. */
  buriedItems: number
}

export interface SqliteQueue extends Queue, Component {
  readonly counters: Readonly<QueueCounters>
}

const FAMILIES = ['batches', 'detections', 'index', 'notify', 'dead', 'commands'] as const
type Family = (typeof FAMILIES)[number]

const MAX_DELIVERY_ITEMS = 64
const MAX_DELIVERY_BYTES = 16 * 1024 * 1024

interface Waiting extends Offer {
  resolve(outcome: 'stored' | 'full'): void
  reject(error: unknown): void
}

export function createSqliteQueue(options: SqliteQueueOptions): SqliteQueue {
  const { directory, nowMs = Date.now } = options
  const limits = { maxBytes: options.maxBytes ?? 2 ** 30, rememberIds: options.rememberIds ?? 100_000 }
  const counters: QueueCounters = {
    evictedItems: 0,
    evictedBytes: 0,
    refusedOffers: 0,
    storageErrors: 0,
    corruptFiles: 0,
    buriedItems: 0,
  }
  const files = new Map<Family, { file: QueueFile; wakeUp: WakeUp; waiting: Waiting[] }>()

  const reserve: Reserve = createReserve(join(directory, 'reserve'))

  const pathOf = (family: Family) => join(directory, `${family}.db`)
  const wakeUpName = (family: Family) => `seamark-queue:${realpathSync(directory)}/${family}`
  const onCorrupt: CorruptListener = (found) => {
    counters.corruptFiles += 1
    options.onCorrupt?.(found)
  }
  const onStorageError = (error: unknown) => {
    counters.storageErrors += 1
    options.onStorageError?.(error)
  }

  function opened(family: Family) {
    const found = files.get(family)
    assert(found !== undefined, 'the queue is not started')
    return found
  }

  /** Runs offers in one transaction; their outcomes in the same order. */
  function commit(file: QueueFile, offers: readonly Offer[]): ('stored' | 'full')[] {
    const now = nowMs()
    const results = file.transaction(() => offers.map((offer) => file.offer(offer, now)))
    for (const { outcome, evictedItems, evictedBytes } of results) {
      counters.evictedItems += evictedItems
      counters.evictedBytes += evictedBytes
      if (outcome === 'full') counters.refusedOffers += 1
    }
    return results.map(({ outcome }) => outcome)
  }

  function flush(family: Family): void {
    const found = files.get(family)
    if (found === undefined || found.waiting.length === 0) return
    const group = found.waiting.splice(0)
    try {
      const outcomes = commit(found.file, group)
      for (const topic of new Set(group.map((offer) => offer.topic))) found.wakeUp.send(topic)
      for (const [i, offer] of group.entries()) offer.resolve(outcomes[i]!)
      reserve.restore()
    } catch {
      // One large offer must not take the others down with it when space is short: each has another try by itself.
      for (const offer of group) commitAlone(family, offer)
    }
  }

  function commitAlone(family: Family, offer: Waiting): void {
    const { file, wakeUp } = opened(family)
    try {
      offer.resolve(commit(file, [offer])[0]!)
      wakeUp.send(offer.topic)
    } catch (error) {
      try {
        if (!reserve.rescue(error, file.reclaim)) throw error
        offer.resolve(commit(file, [offer])[0]!)
        wakeUp.send(offer.topic)
      } catch {
        onStorageError(error)
        const message = `the queue could not write ${pathOf(family)}: ${(error as Error).message}`
        offer.reject(new AppError('E_QUEUE_STORAGE', message, { retryable: true, cause: error }))
      }
    }
  }

  const queue: SqliteQueue = {
    counters,

    async start() {
      try {
        mkdirSync(directory, { recursive: true, mode: 0o700 })
        for (const family of FAMILIES) {
          if (files.has(family)) continue
          const file = openQueueFile(pathOf(family), 'FULL', limits, onCorrupt)
          files.set(family, { file, wakeUp: openWakeUp(wakeUpName(family)), waiting: [] })
        }
        reserve.restore()
      } catch (error) {
        const message = `the queue in ${directory} cannot be opened: ${(error as Error).message}`
        throw new AppError('E_QUEUE_STORAGE', message, { retryable: true, cause: error })
      }
    },

    async stop() {
      for (const [family, { file, wakeUp }] of files) {
        flush(family)
        wakeUp.close()
        file.close()
      }
      files.clear()
    },

    offer(topic, items, at = []) {
      const family = familyOf(topic)
      const { waiting } = opened(family)
      return new Promise((resolve, reject) => {
        waiting.push({ topic, items, at, resolve, reject })
        if (waiting.length === 1) setImmediate(flush, family)
      })
    },

    consume(topic: Topic, handle: (delivery: Delivery) => Promise<void>, consumeOptions: ConsumeOptions = {}) {
      const family = familyOf(topic)
      return createConsumer({
        topic,
        handle,
        // Marking an item done need not be synced: after a power cut it is delivered again.
        openFile: () => openQueueFile(pathOf(family), 'NORMAL', limits, onCorrupt),
        wakeUpName: wakeUpName(family),
        async bury(items: Item[]) {
          if (topic === 'dead') return
          const outcome = await queue.offer('dead', items)
          if (outcome === 'full') throw new AppError('E_QUEUE_FULL', 'the topic `dead` is full', { retryable: true })
          counters.buriedItems += items.length
        },
        onStorageError(error) {
          onStorageError(error)
          const found = files.get(family)
          // Consuming needs to write as well: what the rescue leaves too tight, the reserve itself has to give.
          if (found !== undefined && !reserve.rescue(error, found.file.reclaim)) reserve.release(error)
        },
        nowMs,
        maxItems: consumeOptions.maxItems ?? MAX_DELIVERY_ITEMS,
        maxDeliveryBytes: MAX_DELIVERY_BYTES,
        leaseMs: options.leaseMs ?? 30_000,
        pollMs: options.pollMs ?? 250,
        maxAttempts: options.maxAttempts ?? 12,
        maxRetryableAttempts: options.maxRetryableAttempts ?? 4_000,
        backoffMs: options.backoffMs ?? { first: 200, most: 60_000 },
      })
    },

    async checkpoint(source) {
      // A source checkpoints with the topic it feeds; should it ever have fed two, the later one counts.
      let latest: { checkpoint: Checkpoint; updatedMs: number } | null = null
      for (const { file } of files.values()) {
        const found = reading(() => file.checkpoint(source))
        if (found !== null && (latest === null || found.updatedMs >= latest.updatedMs)) latest = found
      }
      return latest?.checkpoint ?? null
    },

    async depth(topic) {
      return reading(() => opened(familyOf(topic)).file.depth(topic, nowMs()))
    },
  }

  function reading<T>(read: () => T): T {
    try {
      return read()
    } catch (error) {
      if (error instanceof assert.AssertionError) throw error
      onStorageError(error)
      const message = `the queue in ${directory} cannot be read: ${(error as Error).message}`
      throw new AppError('E_QUEUE_STORAGE', message, { retryable: true, cause: error })
    }
  }

  return queue
}

function familyOf(topic: Topic): Family {
  const family = FAMILIES.find((name) => topic === name || topic.startsWith(`${name}/`))
  assert(family !== undefined, `unknown topic ${topic}`)
  return family
}
