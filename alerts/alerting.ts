/**
 * Turns detections into alerts: the first firing of a rule for a key opens one, later ones within the window are
 * counted in it. State changes by compare-and-set and every id follows from the detections, so taking a detection twice
 * changes nothing. The alert is projected into the search store, and each detection goes to the outbox.
 */
import { createHash } from 'node:crypto'
import type { Component } from '../core/model/component.ts'
import type { Alert, Detection } from '../core/model/detection.ts'
import type { Documents, Versioned } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import type { Feed } from '../core/model/feed.ts'
import { docItem } from '../core/model/index-item.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import type { Doc } from '../core/model/search-store.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { alertDocument, detectionDocument } from './alert-document.ts'
import { notificationItem, notificationTopic } from './notify/outbox.ts'

const SPACE = 'alerts'
/** A quiet alert this old is left alone, and the next detection opens a new one. */
const GROUP_WINDOW_MS = 10 * 60_000
/** Detection ids an alert remembers to recognise repetitions: several times what one delivery can hold. */
const MAX_REMEMBERED = 500
const MAX_ATTEMPTS = 20

export interface AlertingOptions {
  queue: Queue
  documents: Documents
  feed: Feed
  /** Names of the destinations every detection is sent to. */
  destinations: readonly string[]
  metrics: Metrics
  logger: Logger
}

export class Alerting implements Component {
  private readonly options: AlertingOptions
  private consumer: Component | null = null

  constructor(options: AlertingOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    this.consumer = this.options.queue.consume('detections', (delivery) => this.take(delivery), { maxItems: 100 })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.consumer?.stop(deadlineMs)
  }

  private async take(delivery: Delivery): Promise<void> {
    const { queue, metrics, feed, destinations } = this.options
    const byKey = new Map<string, Detection[]>()
    for (const item of delivery.items) {
      const detection = JSON.parse(Buffer.from(item.payload).toString('utf8')) as Detection
      const key = digest(detection.rule, ...groupKey(detection))
      const group = byKey.get(key)
      if (group === undefined) byKey.set(key, [detection])
      else group.push(detection)
    }
    metrics.add('seamark_alerts_received_detections_total', delivery.items.length)
    const docs: Doc[] = []
    const notify: Item[] = []
    for (const [key, detections] of byKey) {
      const alerts = await this.record(key, detections)
      // Offered again on a redelivery too: the first attempt may have ended between the record and the offer.
      for (const alert of new Set(alerts)) docs.push(alertDocument(alert))
      detections.forEach((detection, i) => {
        const alert = alerts[i]!
        docs.push(detectionDocument(detection, alert.id))
        notify.push(notificationItem(detection, alert))
      })
    }
    feed.publish(docs.map(({ kind, id, timeMs, body }) => ({ kind, id, timeMs, body })))
    for (const destination of destinations) await this.notify(destination, notify)
    if (docs.length > 0 && (await queue.offer('index', docs.map(docItem))) === 'full')
      throw new AppError('E_QUEUE_FULL', 'The topic index is full', { retryable: true })
  }

  /** A destination that has been dead until its topic is full loses what is new; alerts and the others go on. */
  private async notify(destination: string, items: readonly Item[]): Promise<void> {
    const { queue, metrics } = this.options
    if (items.length > 0 && (await queue.offer(notificationTopic(destination), items)) === 'full')
      metrics.add('seamark_notify_dropped_total', items.length, { destination, reason: 'queue_full' })
  }

  /** The alert that holds each detection, after each was counted once. One write per key, however many there are. */
  private async record(key: string, detections: readonly Detection[]): Promise<Alert[]> {
    const { documents, metrics } = this.options
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const stored = await documents.get(SPACE, key)
      let current = stored === null ? null : (stored.value as Alert)
      const finished = new Map<string, Alert>()
      const alertIds: string[] = []
      let repeated = 0
      let opened = 0
      for (const detection of detections) {
        if (current?.detections.includes(detection.id) === true) repeated++
        else if (current !== null && isWithin(current, detection)) current = extend(current, detection)
        else {
          current = open(detection)
          opened++
        }
        alertIds.push(current!.id)
        finished.set(current!.id, current!)
      }
      if (repeated < detections.length && !(await documents.put(SPACE, key, current, versionOf(stored)))) continue
      metrics.add('seamark_alerts_repeated_detections_total', repeated)
      metrics.add('seamark_alerts_opened_total', opened, { priority: detections[0]!.priority })
      return alertIds.map((id) => finished.get(id)!)
    }
    throw new AppError('E_DEADLINE', 'An alert changed under every attempt to update it', { retryable: true })
  }
}

/** What alerts are grouped by: the rule's own key, else the container, else the host. */
function groupKey(detection: Detection): string[] {
  if (detection.key.length > 0) return detection.key
  const container = detection.event.container as { id?: string } | undefined
  return [detection.hostname, container?.id ?? '']
}

function isWithin(alert: Alert, detection: Detection): boolean {
  return alert.status !== 'closed' && Math.abs(detection.timeMs - alert.lastMs) <= GROUP_WINDOW_MS
}

function open(detection: Detection): Alert {
  return {
    id: digest(detection.rule, ...groupKey(detection), detection.id),
    rule: detection.rule,
    priority: detection.priority,
    key: groupKey(detection),
    latest: detection,
    detections: [detection.id],
    count: 1,
    firstMs: detection.timeMs,
    lastMs: detection.timeMs,
    day: detection.day,
    part: detection.part,
    status: 'open',
    version: 1,
  }
}

function extend(alert: Alert, detection: Detection): Alert {
  const isLatest = detection.timeMs >= alert.latest.timeMs
  return {
    ...alert,
    latest: isLatest ? detection : alert.latest,
    detections: [...alert.detections, detection.id].slice(-MAX_REMEMBERED),
    count: alert.count + 1,
    firstMs: Math.min(alert.firstMs, detection.timeMs),
    lastMs: Math.max(alert.lastMs, detection.timeMs),
    version: alert.version + 1,
  }
}

function versionOf(stored: Versioned | null): number {
  return stored?.version ?? 0
}

/** 128 bits over length-prefixed parts, so that no two lists of parts read alike. */
function digest(...parts: string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:${part}`)
  return hash.digest('hex').slice(0, 32)
}
