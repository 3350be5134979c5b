/**
 * One consumer of one topic: a BullMQ worker whose jobs are gathered into deliveries. BullMQ keeps the leases, notices
 * consumers that fell silent, and delays what is tried again; what an attempt leads to is decided here.
 */
import { type Job, WaitingError, Worker } from 'bullmq'
import type { Component } from '../../../core/model/component.ts'
import { AppError } from '../../../core/model/errors.ts'
import { BATCH_CLASSES } from '../../../core/model/event.ts'
import type { Delivery, Failure, Item, Topic } from '../../../core/model/queue.ts'
import { connect } from '../connection.ts'
import { jobIdOf, jobsName } from './job-names.ts'
import { defineScripts } from './scripts.ts'

export interface ConsumerOptions {
  topic: Topic
  handle: (delivery: Delivery) => Promise<void>
  url: string
  prefix: string
  topicPrefix: string
  /** Makes the jobs of items that have none. */
  makeJobs: (ids: readonly string[]) => Promise<void>
  /** Takes what was given up; must be durable when it resolves. */
  bury: (items: Item[]) => Promise<void>
  onError: (error: unknown) => void
  onStalled: () => void
  onRetry: (items: number) => void
  nowMs: () => number
  maxItems: number
  /** Payload bytes of one delivery; a single larger item is still delivered. */
  maxDeliveryBytes: number
  rememberIds: number
  leaseMs: number
  maxAttempts: number
  maxRetryableAttempts: number
  backoffMs: { first: number; most: number }
}

/** A job on its way into a delivery. Its promise settles when the delivery did. */
interface Waiting {
  job: Job
  resolve(): void
  reject(error: Error): void
}

interface Claimed extends Waiting {
  item: Item
  /** Another item of its delivery may have been to blame: it is tried by itself. */
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

/** Items whose offer died before it made their jobs are looked for this often, among the oldest. */
const SWEEP_MS = 30_000
const SWEEP_ITEMS = 1_000

export function createConsumer(options: ConsumerOptions): Component {
  const { topic, topicPrefix, nowMs, maxItems } = options
  let running: { worker: Worker; redis: ReturnType<typeof connect>; sweeper: NodeJS.Timeout } | undefined
  let scripts: ReturnType<typeof defineScripts>
  const waiting: Waiting[] = []
  let delivering = false
  let stopping = false

  async function deliverAll(): Promise<void> {
    if (delivering) return
    delivering = true
    // What BullMQ starts in one go comes in one delivery.
    await new Promise(setImmediate)
    while (waiting.length > 0) {
      const jobs = waiting.splice(0, maxItems)
      if (stopping) {
        await Promise.all(jobs.map(giveBack))
        continue
      }
      try {
        for (const delivery of deliveriesOf(await claim(jobs))) await deliver(delivery)
      } catch (error) {
        options.onError(error)
        for (const { reject } of jobs) reject(new TryAgain(options.backoffMs.first))
      }
    }
    delivering = false
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

  async function claim(jobs: readonly Waiting[]): Promise<Claimed[]> {
    const answers = await scripts.claim(topicPrefix, ...jobs.map(({ job }) => job.data.id as string))
    return jobs.flatMap((one, i) => {
      const answer = answers[i]
      // Finished by somebody else, before this job was made once more.
      if (answer === null || answer === undefined) {
        one.resolve()
        return []
      }
      return [{ ...one, item: itemOf(one.job.data.id as string, answer), alone: answer[5] !== null }]
    })
  }

  function* deliveriesOf(claimed: readonly Claimed[]): Generator<Claimed[]> {
    let group: Claimed[] = []
    let bytes = 0
    for (const one of claimed) {
      const size = one.item.payload.length
      if (group.length > 0 && (one.alone || group[0]!.alone || bytes + size > options.maxDeliveryBytes)) {
        yield group
        group = []
        bytes = 0
      }
      group.push(one)
      bytes += size
    }
    if (group.length > 0) yield group
  }

  async function deliver(claimed: readonly Claimed[]): Promise<void> {
    const attempt = Math.max(...claimed.map(({ job }) => job.attemptsStarted))
    let failed: unknown
    try {
      if (attempt > options.maxRetryableAttempts) return await bury(claimed, lostLease(attempt))
      await options.handle({ items: claimed.map(({ item }) => item), attempt })
      return await finish(claimed)
    } catch (error) {
      failed = error ?? new Error('the handler rejected without an error')
    }
    const permanent = failed instanceof AppError && !failed.retryable
    const retryable = failed instanceof AppError && failed.retryable
    const exhausted = permanent || attempt >= (retryable ? options.maxRetryableAttempts : options.maxAttempts)
    if (exhausted && claimed.length === 1) return bury(claimed, { ...describe(failed), attempts: attempt })
    // In a delivery of many only one may be to blame: each gets another attempt by itself, at once.
    await scripts.release(topicPrefix, exhausted ? 1 : 0, ...claimed.map(({ item }) => item.id)).catch(options.onError)
    options.onRetry(claimed.length)
    const delayMs = exhausted ? 0 : backoff(attempt)
    for (const { reject } of claimed) reject(new TryAgain(delayMs))
  }

  /** The items go first: a job that outlives its item finds nothing to do. */
  async function finish(claimed: readonly Claimed[]): Promise<void> {
    await scripts.finish(topicPrefix, nowMs(), options.rememberIds, ...claimed.map(({ item }) => item.id))
    for (const { resolve } of claimed) resolve()
  }

  async function bury(claimed: readonly Claimed[], why: Pick<Failure, 'code' | 'message' | 'attempts'>): Promise<void> {
    const atMs = nowMs()
    await options.bury(
      claimed.map(({ item }) => ({ ...item, id: `${topic}/${item.id}`, failure: { topic, atMs, ...why } })),
    )
    await finish(claimed)
  }

  function backoff(attempt: number): number {
    const { first, most } = options.backoffMs
    return Math.ceil(Math.min(most, first * 2 ** Math.min(attempt - 1, 30)) * (0.5 + Math.random() / 2))
  }

  /** Items of offers that died before they made the jobs, and of a server that lost some. */
  async function sweep(redis: ReturnType<typeof connect>, worker: Worker): Promise<void> {
    const ids = await redis.zrangebyscore(`${topicPrefix}held`, '-inf', nowMs() - SWEEP_MS, 'LIMIT', 0, SWEEP_ITEMS)
    const there = await Promise.all(ids.map((id) => redis.exists(worker.toKey(jobIdOf(id)))))
    await options.makeJobs(ids.filter((_, i) => there[i] === 0))
  }

  return {
    async start() {
      if (running !== undefined) return
      stopping = false
      // Waits for a server that went away, for as long as it takes.
      const redis = connect({ url: options.url }, { waits: true })
      redis.on('error', options.onError)
      scripts = defineScripts(redis)
      const worker = new Worker(
        jobsName(topic),
        (job) =>
          new Promise<void>((resolve, reject) => {
            waiting.push({ job, resolve, reject })
            deliverAll().catch(options.onError)
          }),
        {
          connection: redis,
          prefix: options.prefix,
          concurrency: maxItems,
          lockDuration: options.leaseMs,
          stalledInterval: options.leaseMs,
          // A lost lease is an attempt like any other and counted here.
          maxStalledCount: 1_000_000,
          removeOnComplete: { count: 0 },
          removeOnFail: { count: 0 },
          settings: { backoffStrategy: (_made, _type, error) => (error instanceof TryAgain ? error.delayMs : 1_000) },
        },
      )
      worker.on('error', options.onError)
      worker.on('stalled', options.onStalled)
      await worker.waitUntilReady()
      const sweeper = setInterval(() => void sweep(redis, worker).catch(options.onError), SWEEP_MS)
      running = { worker, redis, sweeper }
    },

    async stop(deadlineMs) {
      stopping = true
      if (running === undefined) return
      const { worker, redis, sweeper } = running
      running = undefined
      clearInterval(sweeper)
      const late = new Promise<'late'>((resolve) => setTimeout(resolve, deadlineMs, 'late').unref())
      if ((await Promise.race([worker.close(), late])) === 'late') await worker.close(true).catch(options.onError)
      redis.disconnect()
    },
  }
}

function itemOf(id: string, [cls, payload, header, envelope, failure]: (Buffer | null)[]): Item {
  const parsed = (text: Buffer | null | undefined) =>
    text === null || text === undefined || text.length === 0 ? undefined : JSON.parse(text.toString('utf8'))
  const [asHeader, asEnvelope, asFailure] = [parsed(header), parsed(envelope), parsed(failure)]
  return {
    id,
    class: BATCH_CLASSES[Number(cls)] ?? 'evidence',
    payload: payload ?? Buffer.alloc(0),
    ...(asHeader === undefined ? {} : { header: asHeader }),
    ...(asEnvelope === undefined ? {} : { envelope: asEnvelope }),
    ...(asFailure === undefined ? {} : { failure: asFailure }),
  }
}

function lostLease(attempt: number): Pick<Failure, 'code' | 'message' | 'attempts'> {
  return { code: 'lease', message: 'consumers died or hung while handling it', attempts: attempt - 1 }
}

function describe(error: unknown): { code: string; message: string } {
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : String(error)
  return { code: typeof code === 'string' ? code : String(name ?? 'Error'), message: text.slice(0, 1000) }
}
