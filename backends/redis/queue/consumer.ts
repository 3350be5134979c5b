/**
 * One consumer of one topic: a BullMQ worker whose jobs are gathered into deliveries. BullMQ keeps the leases, notices
 * consumers that fell silent, and delays what is tried again; what an attempt leads to is decided here.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type Job, WaitingError, Worker } from 'bullmq'
import type { Component } from '../../../core/model/component.ts'
import { deadItem } from '../../../core/model/dead-item.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Delivery, Failure, Item, Topic } from '../../../core/model/queue.ts'
import { backoffAfter, describeFailure, type QueueBackoff } from '../../queue/failure.ts'
import { connect } from '../connection.ts'
import { address, itemsOf, type Place } from './group.ts'
import { type JobData, jobsName, newGroupName, type TopicJobs } from './jobs.ts'
import { defineScripts } from './scripts.ts'

export interface ConsumerOptions {
  topic: Topic
  handle: (delivery: Delivery) => Promise<void>
  url: string
  prefix: string
  topicPrefix: string
  jobs: TopicJobs
  /** Takes what was given up; must be durable when it resolves. */
  bury: (items: Item[]) => Promise<void>
  onError: (error: unknown) => void
  onStalled: () => void
  onRetry: (items: number) => void
  nowMs: () => number
  maxItems: number
  /** Deliveries that may be under way at the same time. */
  deliveries: number
  /** Payload bytes of one delivery; a single larger item is still delivered. */
  maxDeliveryBytes: number
  rememberIds: number
  leaseMs: number
  maxAttempts: number
  maxRetryableAttempts: number
  backoffMs: QueueBackoff
}

/** A job on its way into deliveries. Its promise settles when all of its items did. */
interface Waiting {
  job: Job<JobData>
  resolve(): void
  reject(error: Error): void
}

interface Claimed {
  at: Place
  item: Item
  attempt: number
  alone: boolean
}

/** Tells BullMQ when a job is tried again. */
class TryAgain extends Error {
  readonly delayMs: number

  constructor(delayMs: number) {
    super('tried again')
    this.delayMs = delayMs
  }
}

/** Jobs that one consumer holds at the same time; what it holds, no other can take, and each may have many items. */
const MAX_JOBS = 16
/** Groups whose offer died before it made their job are looked for this often, among the oldest. */
const SWEEP_MS = 30_000
const SWEEP_GROUPS = 1_000
/** Longest rest of a consumer whose handler fails for a reason outside the items. */
const MAX_REST_MS = 1_000

export function createConsumer(options: ConsumerOptions): Component {
  const { topic, topicPrefix, nowMs, maxItems } = options
  let running: { worker: Worker; redis: ReturnType<typeof connect>; sweeper: NodeJS.Timeout } | undefined
  let scripts: ReturnType<typeof defineScripts>
  const waiting: Waiting[] = []
  /** Deliveries under way. */
  let lanes = 0
  let stopping = false
  /** How often in a row the handler failed for a reason outside the items. */
  let failuresInRow = 0
  let wake = new AbortController()

  async function deliverAll(): Promise<void> {
    // One beside another only where it is a full one: small ones cost as much.
    if (lanes >= options.deliveries || (lanes > 0 && waitingItems() < maxItems)) return
    lanes += 1
    // What BullMQ starts in one go comes in one delivery.
    await new Promise(setImmediate)
    while (waiting.length > 0) {
      await rest()
      const jobs = waiting.splice(0, jobsOfOneDelivery())
      if (jobs.length === 0) break
      if (stopping) {
        await Promise.all(jobs.map(giveBack))
        continue
      }
      try {
        const outcome = await deliverEach(deliveriesOf(await claim(jobs)))
        if (outcome !== 'done') await release(jobs)
        // Items that are done are gone: a job that comes again finds the others.
        if (outcome === 'stopping') await Promise.all(jobs.map(giveBack))
        else for (const { resolve, reject } of jobs) outcome === 'done' ? resolve() : reject(outcome)
      } catch (error) {
        // Redis did not do its part. Nothing is given up for that.
        options.onError(error)
        failuresInRow += 1
        await release(jobs)
        for (const { job, reject } of jobs) reject(new TryAgain(backoffAfter(job.attemptsStarted, options.backoffMs)))
      }
    }
    lanes -= 1
  }

  function waitingItems(): number {
    return waiting.reduce((sum, { job }) => sum + job.data.items, 0)
  }

  /** What is wrong with the world is wrong for the other items too: they stay in Redis until it is tried again. */
  async function rest(): Promise<void> {
    if (failuresInRow === 0 || stopping) return
    const ms = backoffAfter(failuresInRow, {
      ...options.backoffMs,
      most: Math.min(options.backoffMs.most, MAX_REST_MS),
    })
    await sleep(ms, undefined, { signal: wake.signal }).catch(() => {})
  }

  /** A server that refuses, being full, is asked again in a while. */
  async function pause(worker: Worker): Promise<void> {
    if (worker.isPaused() || stopping) return
    await worker.pause(true)
    await sleep(MAX_REST_MS, undefined, { signal: wake.signal }).catch(() => {})
    if (!stopping) await worker.resume()
  }

  /** So that no more is in memory than is delivered next; one job alone may name more. */
  function jobsOfOneDelivery(): number {
    let items = 0
    const end = waiting.findIndex(({ job }) => {
      items += job.data.items
      return items > maxItems
    })
    return end < 0 ? waiting.length : Math.max(1, end)
  }

  async function deliverEach(deliveries: Iterable<Claimed[]>): Promise<'done' | 'stopping' | TryAgain> {
    let outcome: 'done' | 'stopping' | TryAgain = 'done'
    for (const delivery of deliveries) {
      if (stopping) outcome = 'stopping'
      else outcome = (await deliver(delivery)) ?? outcome
    }
    return outcome
  }

  /** The consumer stops before it handled this: somebody else may, at once. */
  async function giveBack({ job, resolve, reject }: Waiting): Promise<void> {
    try {
      await job.moveToWait(job.token)
      reject(new WaitingError())
    } catch (error) {
      options.onError(error)
      resolve()
    }
  }

  /** What is left of the jobs' groups. */
  async function claim(jobs: readonly Waiting[]): Promise<Claimed[]> {
    const groups = await scripts.claim(topicPrefix, jobs.map(nameOf))
    return jobs.flatMap((waiting, i) => {
      const { attemptsStarted: attempt, data } = waiting.job
      return itemsOf(nameOf(waiting), groups[i]!).map((one) => ({ ...one, attempt, alone: data.alone === true }))
    })
  }

  /** They may be evicted again while nobody handles them. */
  async function release(jobs: readonly Waiting[]): Promise<void> {
    await scripts.release(topicPrefix, ...jobs.map(nameOf)).catch(options.onError)
  }

  function* deliveriesOf(claimed: readonly Claimed[]): Generator<Claimed[]> {
    let group: Claimed[] = []
    let bytes = 0
    for (const one of claimed) {
      const size = one.item.payload.length
      const full = group.length === maxItems || bytes + size > options.maxDeliveryBytes
      if (group.length > 0 && (full || one.alone || group[0]!.alone)) {
        yield group
        group = []
        bytes = 0
      }
      group.push(one)
      bytes += size
    }
    if (group.length > 0) yield group
  }

  /** Undefined when nothing is left of it to be tried again. Rejects when Redis does not do its part. */
  async function deliver(delivery: readonly Claimed[]): Promise<TryAgain | undefined> {
    const isLost = ({ attempt }: Claimed) => attempt > options.maxRetryableAttempts
    const lost = delivery.filter(isLost)
    if (lost.length > 0) await bury(lost, lostLease(lost[0]!.attempt))
    const claimed = delivery.filter((one) => !isLost(one))
    if (claimed.length === 0) return undefined
    const attempt = Math.max(...claimed.map((one) => one.attempt))
    const failed = await failureOf(() => options.handle({ items: claimed.map(({ item }) => item), attempt }))
    if (failed === null) {
      failuresInRow = 0
      await finish(claimed)
      return undefined
    }
    const permanent = failed instanceof AppError && !failed.retryable
    const retryable = failed instanceof AppError && failed.retryable
    failuresInRow = retryable ? failuresInRow + 1 : 0
    const exhausted = permanent || attempt >= (retryable ? options.maxRetryableAttempts : options.maxAttempts)
    if (exhausted && claimed.length === 1) {
      await bury(claimed, { ...describeFailure(failed), attempts: attempt })
      return undefined
    }
    options.onRetry(claimed.length)
    if (!exhausted) return new TryAgain(backoffAfter(attempt, options.backoffMs))
    // Only one of them may be to blame: each gets another attempt by itself, at once.
    const name = newGroupName()
    await scripts.split(topicPrefix, name, ...claimed.flatMap(({ at, item }) => address(at, item)))
    await options.jobs.addAlone(claimed.map((_, i) => `${name}-${i}`))
    return undefined
  }

  async function finish(claimed: readonly Claimed[]): Promise<void> {
    const addresses = claimed.flatMap(({ at, item }) => address(at, item))
    await scripts.finish(topicPrefix, nowMs(), options.rememberIds, ...addresses)
  }

  async function bury(claimed: readonly Claimed[], why: Pick<Failure, 'code' | 'message' | 'attempts'>): Promise<void> {
    const atMs = nowMs()
    await options.bury(claimed.map(({ item }) => deadItem(item, { topic, ...why }, atMs)))
    await finish(claimed)
  }

  /** Groups of offers that died before they made the job, and of jobs that a server lost. */
  async function sweep(): Promise<void> {
    const { keyPrefix, add } = options.jobs
    const groups = await scripts.orphans(topicPrefix, keyPrefix, nowMs() - SWEEP_MS, SWEEP_GROUPS)
    for (const group of groups) await add(group)
  }

  return {
    async start() {
      if (running !== undefined) return
      stopping = false
      wake = new AbortController()
      // Waits for a server that went away, for as long as it takes.
      const redis = connect({ url: options.url }, { waits: true })
      redis.on('error', options.onError)
      scripts = defineScripts(redis)
      const worker = new Worker<JobData>(
        jobsName(topic),
        (job) =>
          new Promise<void>((resolve, reject) => {
            waiting.push({ job, resolve, reject })
            deliverAll().catch(options.onError)
          }),
        {
          connection: redis,
          prefix: options.prefix,
          concurrency: Math.min(maxItems, MAX_JOBS),
          lockDuration: options.leaseMs,
          // Looked for more often than a lease lasts: what a dead consumer held waits for little more than its lease.
          stalledInterval: Math.ceil(options.leaseMs / 6),
          // A lost lease is an attempt like any other and counted here.
          maxStalledCount: 1_000_000,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
          settings: { backoffStrategy: (_made, _type, error) => (error instanceof TryAgain ? error.delayMs : 1_000) },
        },
      )
      worker.on('error', (error) => {
        options.onError(error)
        // BullMQ waits for a server that is away, and asks one that refuses again at once.
        if (error.name === 'ReplyError') pause(worker).catch(options.onError)
      })
      worker.on('stalled', options.onStalled)
      await worker.waitUntilReady()
      const sweeper = setInterval(() => void sweep().catch(options.onError), SWEEP_MS)
      running = { worker, redis, sweeper }
    },

    async stop(deadlineMs) {
      stopping = true
      wake.abort()
      if (running === undefined) return
      const { worker, redis, sweeper } = running
      running = undefined
      clearInterval(sweeper)
      const late = new Promise<'late'>((resolve) => setTimeout(resolve, deadlineMs, 'late').unref())
      if ((await Promise.race([worker.close(), late])) === 'late') {
        // Closing again would wait for the close that is late.
        worker.disconnect().catch(options.onError)
        options.onError(new AppError('E_DEADLINE', `the consumer of ${topic} did not stop in time`))
      }
      redis.disconnect()
    },
  }
}

/** Null when it was done. */
async function failureOf(handle: () => Promise<void>): Promise<unknown> {
  try {
    await handle()
    return null
  } catch (error) {
    return error ?? new Error('the handler rejected without an error')
  }
}

function nameOf({ job }: Waiting): string {
  return job.id!
}

function lostLease(attempt: number): Pick<Failure, 'code' | 'message' | 'attempts'> {
  return { code: 'lease', message: 'consumers died or hung while handling it', attempts: attempt - 1 }
}
