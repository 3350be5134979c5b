/**
 * Turns detections into alerts: the first firing of a rule for a key opens one, later ones within the window are
 * counted in it. Taking a detection twice changes nothing. The alert is projected into the search store, and each
 * detection goes to the outbox.
 */
import type { Component } from '../core/model/component.ts'
import type { Detection } from '../core/model/detection.ts'
import { detectionsIn } from '../core/model/detection-item.ts'
import type { Documents } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import type { Feed } from '../core/model/feed.ts'
import { docItems } from '../core/model/index-item.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import type { Doc } from '../core/model/search-store.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { alertDocument, detectionDocument } from './alert-document.ts'
import { AlertState, type Counted } from './alert-state.ts'
import { notificationItem, notificationTopic } from './notify/destination.ts'

/** Items, of up to 64 detections. Many at once: an alert that several of them extend is read, written and indexed once. */
const MAX_DELIVERY = 256
const PRUNE_MS = 60_000
const DAY_MS = 86_400_000
/** Longer than the queue ever waits between two tries. */
const GIVEN_UP_MS = 5 * 60_000

export interface AlertingOptions {
  queue: Queue
  documents: Documents
  feed: Feed
  /** Names of the destinations every detection is sent to. */
  destinations: readonly string[]
  /** Days after which an alert that nothing touches is forgotten, as the store forgets its document. */
  retentionDays: number
  metrics: Metrics
  logger: Logger
  nowMs?: () => number
  /**
   * Detections that may be counted while what follows from them cannot be handed on. They come again, so they must stay
   * among those that are remembered as counted. Default 10,000.
   */
  maxUnfinished?: number
  /** Slots of the memory of counted detections, of about 128 each. Default 1,024. */
  countedSlots?: number
}

export class Alerting implements Component {
  private readonly options: AlertingOptions
  private readonly state: AlertState
  private readonly nowMs: () => number
  /** Ids of detections that were counted, but whose delivery failed after that. */
  private readonly unfinished = new Set<string>()
  private failedMs = 0
  private consumer: Component | null = null
  private pruning: NodeJS.Timeout | undefined

  constructor(options: AlertingOptions) {
    this.options = options
    this.nowMs = options.nowMs ?? Date.now
    this.state = new AlertState(options.documents, this.nowMs, options.countedSlots)
  }

  async start(): Promise<void> {
    const inBackground = createBackground(this.options)
    this.pruning = setInterval(() => inBackground('prune-alerts', () => this.prune()), PRUNE_MS)
    this.pruning.unref()
    this.consumer = this.options.queue.consume('detections', (delivery) => this.take(delivery), {
      maxItems: MAX_DELIVERY,
    })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.pruning)
    await this.consumer?.stop(deadlineMs)
  }

  /** One bounded step; the next goes on where this one ended. */
  async prune(): Promise<void> {
    const { retentionDays, metrics } = this.options
    const removed = await this.state.prune(this.nowMs() - retentionDays * DAY_MS)
    metrics.add('seamark_alerts_pruned_total', removed)
  }

  private async take({ items }: Delivery): Promise<void> {
    const { metrics } = this.options
    const lines = new Map<string, string>()
    const detections: Detection[] = []
    for (const { detection, line } of items.flatMap(detectionsIn)) {
      detections.push(detection)
      lines.set(detection.id, line)
    }
    metrics.add('seamark_alerts_received_detections_total', detections.length)
    if (this.mustWait(detections))
      throw new AppError('E_QUEUE_FULL', 'Alerts wait until those before them can be handed on', { retryable: true })
    const counted = await this.state.count(detections)
    for (const { id } of detections) this.unfinished.add(id)
    this.measure(counted)
    try {
      await this.handOn(counted, lines)
    } catch (error) {
      this.failedMs = this.nowMs()
      throw error
    }
    for (const { id } of detections) this.unfinished.delete(id)
  }

  /** What is unfinished comes first, unless it has stopped coming: it was given up. */
  private mustWait(detections: readonly Detection[]): boolean {
    const { maxUnfinished = 10_000 } = this.options
    if (this.unfinished.size < maxUnfinished) return false
    if (Math.abs(this.nowMs() - this.failedMs) > GIVEN_UP_MS) this.unfinished.clear()
    return this.unfinished.size > 0 && detections.some(({ id }) => !this.unfinished.has(id))
  }

  private measure(counted: readonly Counted[]): void {
    const { metrics } = this.options
    for (const { outcome, detection } of counted) {
      if (outcome === 'repeated') metrics.add('seamark_alerts_repeated_detections_total')
      else if (outcome === 'opened') metrics.add('seamark_alerts_opened_total', 1, { priority: detection.priority })
    }
  }

  /** On a redelivery too: the first attempt may have ended between the counting and this. */
  private async handOn(counted: readonly Counted[], lines: ReadonlyMap<string, string>): Promise<void> {
    const { feed, destinations } = this.options
    const alerts = new Map(counted.flatMap(({ alert }) => (alert === null ? [] : [[alert.id, alert] as const])))
    const docs: Doc[] = [...alerts.values()].map(alertDocument)
    for (const { detection, alertId } of counted) docs.push(detectionDocument(detection, alertId))
    feed.publish(docs.map(({ kind, id, timeMs, body }) => ({ kind, id, timeMs, body })))
    const notify =
      destinations.length === 0
        ? []
        : counted.map(({ detection: { id }, alertId, alert }) =>
            notificationItem({ id, line: lines.get(id)! }, { id: alertId, count: alert?.count ?? 1 }),
          )
    // All are tried, also when one fails: they come again together.
    const offers = [...destinations.map((destination) => this.notify(destination, notify)), this.index(docs)]
    for (const outcome of await Promise.allSettled(offers)) if (outcome.status === 'rejected') throw outcome.reason
  }

  private async index(docs: readonly Doc[]): Promise<void> {
    if (docs.length > 0 && (await this.options.queue.offer('index', docItems(docs))) === 'full')
      throw new AppError('E_QUEUE_FULL', 'The topic index is full', { retryable: true })
  }

  /** A destination that has been dead until its topic is full loses what is new; alerts and the others go on. */
  private async notify(destination: string, items: readonly Item[]): Promise<void> {
    const { queue, metrics } = this.options
    if (items.length > 0 && (await queue.offer(notificationTopic(destination), items)) === 'full')
      metrics.add('seamark_notify_dropped_total', items.length, { destination, reason: 'queue_full' })
  }
}
