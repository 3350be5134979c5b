/**
 * The way to one destination: takes what waits for it, sends it, and backs off as a whole while the destination fails,
 * so that a dead one costs one attempt at a time however much waits. Nobody else waits for it. Tries are bounded: then
 * the item goes to the topic `dead` with the reason.
 */
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Delivery, Queue } from '../../core/model/queue.ts'
import { type BackoffOptions, backoffMs } from '../../core/runtime/backoff.ts'
import { systemClock } from '../../core/runtime/clock.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { type Destination, type Notification, notificationTopic } from './destination.ts'
import { ONE_TIMEOUT_MS } from './one-by-one.ts'

export interface LaneOptions {
  queue: Queue
  destination: Destination
  metrics: Metrics
  logger: Logger
  /** Tries of one notification. Default 1,000: with the longest backoff about half a day. */
  maxAttempts?: number
  /** Default 200 ms, doubling to 60 s. */
  backoff?: BackoffOptions
}

const MAX_ITEMS = 100
/** A destination that answers later than this has failed. */
const SEND_TIMEOUT_MS = ONE_TIMEOUT_MS

export class Lane implements Component {
  private readonly options: LaneOptions
  private consumer: Component | null = null
  private readonly waiting = new AbortController()
  private readonly sending = new AbortController()
  /** Tries in a row that failed. */
  private failures = 0
  private nextTryMs = 0

  constructor(options: LaneOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const { queue, destination, metrics } = this.options
    await destination.start()
    metrics.set('seamark_notify_up', 1, { destination: destination.name })
    const topic = notificationTopic(destination.name)
    this.consumer = queue.consume(topic, (delivery) => this.deliver(delivery), { maxItems: MAX_ITEMS })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    this.waiting.abort()
    await this.consumer?.stop(deadlineMs)
    this.sending.abort()
    await this.options.destination.stop()
  }

  private async deliver({ items, attempt }: Delivery): Promise<void> {
    const { destination, metrics } = this.options
    const labels = { destination: destination.name }
    const notifications = items.map(({ payload }) => JSON.parse(Buffer.from(payload).toString('utf8')) as Notification)
    // The lease is renewed meanwhile; what is taken back while stopping is delivered after the next start.
    const waitMs = this.nextTryMs - systemClock.nowMs()
    if (waitMs > 0) await systemClock.sleep(waitMs, this.waiting.signal)
    try {
      const late = AbortSignal.timeout(destination.isOneByOne ? SEND_TIMEOUT_MS * items.length : SEND_TIMEOUT_MS)
      await destination.send(notifications, AbortSignal.any([this.sending.signal, late]))
    } catch (error) {
      metrics.add('seamark_notify_errors_total', destination.isOneByOne ? 1 : items.length, labels)
      this.failed(error)
      throw this.verdict(error, attempt, items.length)
    }
    metrics.add('seamark_notify_sent_total', notifications.length, labels)
    this.succeeded()
  }

  /** What the queue is told: to try again, or that it is enough. */
  private verdict(error: unknown, attempt: number, items: number): AppError {
    const { destination, metrics, maxAttempts = 1_000 } = this.options
    const isRefused = error instanceof AppError && !error.retryable
    const isExhausted = attempt >= maxAttempts
    // Of several, only some may be to blame: the queue brings each again by itself before it gives one up.
    if ((isRefused || isExhausted) && items === 1)
      metrics.add('seamark_notify_dead_total', 1, { destination: destination.name })
    const tries = attempt === 1 ? 'once' : `${attempt} times`
    return new AppError(
      'E_NOTIFY_FAILED',
      `the destination ${destination.name}, tried ${tries}, did not take it: ${messageOf(error)}`,
      { retryable: !isRefused && !isExhausted, cause: error },
    )
  }

  private failed(error: unknown): void {
    const { destination, metrics, logger, backoff = { firstMs: 200, maxMs: 60_000 } } = this.options
    this.failures += 1
    this.nextTryMs = systemClock.nowMs() + backoffMs(this.failures, backoff)
    if (this.failures > 1) return
    metrics.set('seamark_notify_up', 0, { destination: destination.name })
    logger.error(
      { err: error, destination: destination.name },
      'A destination takes no notifications; they wait and are tried again',
    )
  }

  private succeeded(): void {
    if (this.failures === 0) return
    const { destination, metrics, logger } = this.options
    metrics.set('seamark_notify_up', 1, { destination: destination.name })
    logger.warn({ destination: destination.name, tries: this.failures }, 'A destination takes notifications again')
    this.failures = 0
    this.nextTryMs = 0
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
