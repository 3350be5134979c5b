/**
 * The outbox: one item per detection and destination, each destination with a topic and a lane of its own, delivered at
 * least once. What waits for a destination that is no longer configured is dropped, and counted.
 */
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import type { Queue } from '../../core/model/queue.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { type Destination, notificationTopic } from './destination.ts'
import { Lane, type LaneOptions } from './lane.ts'

/** Names of all destinations that ever were configured: something may wait for them. */
const SPACE = 'destinations'
const MAX_DESTINATIONS = 1_000

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
