/**
 * The outbox: one item per detection and destination on the `notify` topic, delivered at least once. A destination that
 * fails is tried again without holding up the others.
 */
import type { Component } from '../../core/model/component.ts'
import type { Alert, Detection } from '../../core/model/detection.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Delivery, Item, Queue } from '../../core/model/queue.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'

export interface Notification {
  destination: string
  detection: Detection
  alert: { id: string; count: number }
}

/** Where notifications go. A throw means: not delivered, try again. */
export interface Destination {
  readonly name: string
  start(): Promise<void>
  send(notifications: readonly Notification[]): Promise<void>
  stop(): Promise<void>
}

export function notificationItem(destination: string, detection: Detection, alert: Alert): Item {
  const notification: Notification = { destination, detection, alert: { id: alert.id, count: alert.count } }
  return { id: `${destination}:${detection.id}`, class: 'evidence', payload: Buffer.from(JSON.stringify(notification)) }
}

export interface OutboxOptions {
  queue: Queue
  destinations: readonly Destination[]
  metrics: Metrics
  logger: Logger
}

export class Outbox implements Component {
  private readonly options: OutboxOptions
  private readonly destinations: ReadonlyMap<string, Destination>
  private consumer: Component | null = null

  constructor(options: OutboxOptions) {
    this.options = options
    this.destinations = new Map(options.destinations.map((destination) => [destination.name, destination]))
  }

  async start(): Promise<void> {
    for (const destination of this.destinations.values()) await destination.start()
    this.consumer = this.options.queue.consume('notify', (delivery) => this.deliver(delivery), { maxItems: 100 })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.consumer?.stop(deadlineMs)
    for (const destination of this.destinations.values()) await destination.stop()
  }

  private async deliver(delivery: Delivery): Promise<void> {
    const byDestination = new Map<string, Notification[]>()
    for (const item of delivery.items) {
      const notification = JSON.parse(Buffer.from(item.payload).toString('utf8')) as Notification
      const list = byDestination.get(notification.destination)
      if (list === undefined) byDestination.set(notification.destination, [notification])
      else list.push(notification)
    }
    const failures: unknown[] = []
    for (const [name, notifications] of byDestination) {
      // A destination that is no longer configured has nowhere to go.
      const destination = this.destinations.get(name)
      if (destination === undefined) continue
      try {
        await destination.send(notifications)
        this.options.metrics.add('seamark_notify_sent_total', notifications.length, { destination: name })
      } catch (error) {
        this.options.metrics.add('seamark_notify_errors_total', notifications.length, { destination: name })
        failures.push(error)
      }
    }
    if (failures.length > 0)
      throw new AppError('E_DEADLINE', 'A destination failed', { retryable: true, cause: failures[0] })
  }
}
