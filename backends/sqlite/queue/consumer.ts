/**
 * One consumer of one topic: claims items under a lease, hands them to the handler, and settles them. It sleeps until
 * a wake-up, the next item's time, or the slow poll that notices other processes.
 */
import type { Component } from '../../../core/model/component.ts'
import { deadItem } from '../../../core/model/dead-item.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Delivery, Failure, Item, Topic } from '../../../core/model/queue.ts'
import { doneOrLate } from '../../../core/runtime/deadline.ts'
import { backoffAfter, describeFailure, type QueueBackoff } from '../../queue/failure.ts'
import { openWakeUp, type WakeUp } from '../wake-up.ts'
import type { QueueFile, StoredItem } from './file.ts'
import { mayBeAlive, newOwner } from './owner.ts'

export interface ConsumerOptions {
  topic: Topic
  handle: (delivery: Delivery) => Promise<void>
  /** A connection of the consumer's own; closed by it. */
  openFile: () => QueueFile
  wakeUpName: string
  /** Takes what was given up; must be durable when it resolves. */
  bury: (items: Item[]) => Promise<void>
  /** Told of failures of storage, which the consumer outlives. */
  onStorageError: (error: unknown) => void
  nowMs: () => number
  maxItems: number
  /** Payload bytes of one delivery; a single larger item is still delivered. */
  maxDeliveryBytes: number
  leaseMs: number
  pollMs: number
  /** Attempts for errors that do not say they are retryable. */
  maxAttempts: number
  /** Attempts for retryable errors and for leases that ran out. */
  maxRetryableAttempts: number
  backoffMs: QueueBackoff
}

interface Claimed {
  items: StoredItem[]
  attempt: number
}

/** Other processes' dead consumers and clocks that jumped are looked for this often. */
const SWEEP_MS = 5_000
/** No lease and no backoff lasts longer; an item that is due later was stamped by a clock that has jumped back. */
const HORIZON_MS = 3_600_000

export function createConsumer(options: ConsumerOptions): Component {
  const { topic, nowMs } = options
  let loop: Promise<void> | undefined
  let stopping = false
  let wake = () => {}

  /** Resolves on a wake-up or after `ms`. */
  function idle(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async function run(file: QueueFile, signals: { pending: boolean }): Promise<void> {
    const owner = newOwner()
    let sweptMs = Number.NEGATIVE_INFINITY
    let seenVersion = -1
    /** Finished but not yet marked so: marked together with the next claim, in one commit. */
    let finished: number[] = []
    let failures = 0
    while (!stopping || finished.length > 0) {
      let claimed: Claimed | undefined
      try {
        if (nowMs() - sweptMs >= SWEEP_MS || nowMs() < sweptMs) {
          sweptMs = nowMs()
          file.transaction(() => file.release(topic, mayBeAlive, sweptMs, HORIZON_MS))
          seenVersion = -1
        }
        signals.pending = false
        seenVersion = file.dataVersion()
        const next = file.nextReadyMs(topic)
        if (finished.length > 0 || (!stopping && next !== null && next <= nowMs())) {
          claimed = file.transaction(() => {
            file.done(topic, finished)
            if (stopping) return undefined
            const { maxItems, maxDeliveryBytes, leaseMs } = options
            const items = file.claim(topic, owner, nowMs(), leaseMs, maxItems, maxDeliveryBytes)
            return items.length === 0 ? undefined : { items, attempt: items[0]!.attempt }
          })
          finished = []
        }
        failures = 0
      } catch (error) {
        options.onStorageError(error)
        failures += 1
        if (stopping) return
        await idle(Math.min(5_000, 50 * 2 ** Math.min(failures, 10)))
        continue
      }
      if (claimed !== undefined) {
        finished = await deliver(file, owner, claimed)
        continue
      }
      if (stopping) return
      await sleepUntilWork(file, signals, seenVersion).catch(options.onStorageError)
    }
  }

  /** Cheap to wake from: without a commit by anyone and without an item falling due, nothing is read but a counter. */
  async function sleepUntilWork(file: QueueFile, signals: { pending: boolean }, seenVersion: number): Promise<void> {
    const next = file.nextReadyMs(topic)
    const until = next === null ? Number.POSITIVE_INFINITY : next
    const sweepAtMs = nowMs() + SWEEP_MS
    while (!stopping && !signals.pending && nowMs() < until && nowMs() < sweepAtMs) {
      await idle(Math.max(1, Math.min(options.pollMs, until - nowMs())))
      if (file.dataVersion() !== seenVersion) return
    }
  }

  /** Runs the handler and returns what is finished; the rest has been sent back or buried. */
  async function deliver(file: QueueFile, owner: string, { items, attempt }: Claimed): Promise<number[]> {
    const seqs = items.map(({ seq }) => seq)
    if (attempt > options.maxRetryableAttempts) {
      return bury(items, { code: 'lease', message: 'consumers died or hung while handling it', attempts: attempt - 1 })
    }
    const renewal = setInterval(() => {
      try {
        file.transaction(() => file.renew(owner, nowMs() + options.leaseMs))
      } catch (error) {
        options.onStorageError(error)
      }
    }, options.leaseMs / 3)
    let failed: unknown
    try {
      await options.handle({ items: items.map(({ item }) => item), attempt })
      return seqs
    } catch (error) {
      failed = error ?? new Error('the handler rejected without an error')
    } finally {
      clearInterval(renewal)
    }
    const permanent = failed instanceof AppError && !failed.retryable
    const retryable = failed instanceof AppError && failed.retryable
    const limit = retryable ? options.maxRetryableAttempts : options.maxAttempts
    const exhausted = permanent || attempt >= limit
    if (exhausted && items.length === 1) return bury(items, { ...describeFailure(failed), attempts: attempt })
    // In a delivery of many only one may be to blame: each gets another attempt by itself, at once.
    const readyMs = exhausted ? nowMs() : nowMs() + backoffAfter(attempt, options.backoffMs)
    try {
      file.transaction(() => file.retry(seqs, owner, readyMs, exhausted))
    } catch (error) {
      // The lease runs out by itself.
      options.onStorageError(error)
    }
    return []
  }

  async function bury(items: StoredItem[], why: Pick<Failure, 'code' | 'message' | 'attempts'>): Promise<number[]> {
    const atMs = nowMs()
    const letters = items.map(({ item }) => deadItem(item, { topic, ...why }, atMs))
    try {
      await options.bury(letters)
      return items.map(({ seq }) => seq)
    } catch (error) {
      // Stays leased and comes back; burying it again is idempotent.
      options.onStorageError(error)
      return []
    }
  }

  return {
    async start() {
      if (loop !== undefined) return
      stopping = false
      const file = options.openFile()
      const signals = { pending: false }
      const channel: WakeUp = openWakeUp(options.wakeUpName, (what) => {
        if (what !== topic) return
        signals.pending = true
        wake()
      })
      loop = run(file, signals).finally(() => {
        channel.close()
        file.close()
      })
    },
    async stop(deadlineMs) {
      stopping = true
      wake()
      if (loop === undefined) return
      await doneOrLate(deadlineMs, loop)
      loop = undefined
    },
  }
}
