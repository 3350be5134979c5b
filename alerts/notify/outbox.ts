/**
 * The outbox: one item per detection and destination, each destination with a topic and a lane of its own, delivered at
 * least once. What waits for a destination that is no longer configured is dropped, and counted.
 */
import type { Component } from '../../core/model/component.ts'
import type { Detection } from '../../core/model/detection.ts'
import type { Documents } from '../../core/model/documents.ts'
import type { Item, Queue, Topic } from '../../core/model/queue.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { Lane, type LaneOptions } from './lane.ts'

export interface Notification {
  detection: Detection
  alert: { id: string; count: number }
}

/**
 * Where notifications go. `name` is unique, of lower-case letters, digits and hyphens: it names the topic, and stands in
 * metrics and in what was given up.
 */
export interface Destination {
  readonly name: string
  /** It sends one after the other, and gives each its own time: a delivery may take as many times longer. */
  readonly isOneByOne?: boolean
  /** Throws only for what trying again will not mend, such as a mistake in its configuration. */
  start(): Promise<void>
  /**
   * Resolves when all are delivered. A throw means that not all are: they come again, after a while that grows, but for
   * an AppError that is not retryable, which gives up what it was thrown for. Gives up waiting when the signal aborts.
   */
  send(notifications: readonly Notification[], signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

/** Names of all destinations that ever were configured: something may wait for them. */
const SPACE = 'destinations'
const MAX_DESTINATIONS = 1_000

export function notificationTopic(destination: string): Topic {
  return `notify/${destination}`
}

/** `line` is the detection as JSON: it is not written anew for every destination. */
export function notificationItem({ id, line }: { id: string; line: string }, alert: Notification['alert']): Item {
  const text = `{"detection":${line},"alert":${JSON.stringify({ id: alert.id, count: alert.count })}}`
  return { id, class: 'evidence', payload: Buffer.from(text) }
}

export interface OutboxOptions extends Pick<LaneOptions, 'maxAttempts' | 'backoff'> {
  queue: Queue
  documents: Documents
  destinations: readonly Destination[]
  metrics: Metrics
  logger: Logger
}

export class Outbox implements Component {
  private readonly options: OutboxOptions
  private readonly running: Component[] = []

  constructor(options: OutboxOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const { destinations, documents } = this.options
    for (const destination of destinations) {
      await documents.put(SPACE, destination.name, {}, 0)
      await this.run(new Lane({ ...this.options, destination }))
    }
    const configured = new Set(destinations.map(({ name }) => name))
    for (const { key } of await documents.scan(SPACE, '', MAX_DESTINATIONS)) {
      if (!configured.has(key)) await this.run(this.discard(key))
    }
  }

  async stop(deadlineMs: number): Promise<void> {
    await Promise.all(this.running.splice(0).map((component) => component.stop(deadlineMs)))
  }

  /** Registered first, so that one which fails halfway is stopped too. */
  private async run(component: Component): Promise<void> {
    this.running.push(component)
    await component.start()
  }

  private discard(name: string): Component {
    const { queue, metrics, logger } = this.options
    let isTold = false
    return queue.consume(notificationTopic(name), async ({ items }) => {
      metrics.add('seamark_notify_dropped_total', items.length, { destination: name, reason: 'not_configured' })
      if (!isTold) logger.warn({ destination: name }, 'Notifications for a destination that is gone are dropped')
      isTold = true
    })
  }
}
