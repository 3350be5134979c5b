/**
 * Writes what is worth keeping into the search store at its own pace: rows of batches become documents here, at the
 * store's edge, and alerts and detections arrive as documents. Detection never waits for it. What the store never takes
 * becomes a dead letter with the store's reason, each document by itself; so does what no document can be made of, each
 * event by itself.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Conditions } from '../core/health/conditions.ts'
import type { BatchHeader } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import { AppError } from '../core/model/errors.ts'
import { batchesOf } from '../core/model/index-item.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import type { Doc, DocKind, Refused, SearchStore } from '../core/model/search-store.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { documentsIn, documentsOr, headerOf } from './item-documents.ts'
import { deadOf, refusedDoc, withoutUnreadable } from './set-aside.ts'

const sleepMs = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal })

/** So long an eviction is told of after it was met. */
const EVICTION_TOLD_MS = 60_000
const EXPIRE_MS = 10 * 60_000
const DAY_MS = 86_400_000
/** A store that was away is not asked again for so long. */
const ASK_AGAIN_MS = 1_000
/** How often a delivery asks for the store before it goes back to the queue. */
const MAX_ASKS = 30
/** A failure that nobody foresaw is lasting when it has come so often; a queue gives up a little later. */
const LASTING_ATTEMPTS = 8

export interface IndexerOptions {
  queue: Queue
  store: SearchStore
  retentionDays: number
  maxBytes: number
  conditions: Conditions
  metrics: Metrics
  logger: Logger
  /** Rejects when it is aborted. */
  pause?: (ms: number, signal: AbortSignal) => Promise<unknown>
}

export class Indexer implements Component {
  private readonly options: IndexerOptions
  private consumer: Component | null = null
  private expiring: NodeJS.Timeout | undefined
  private stopping = new AbortController()
  /** Whether the store took nothing when it was last tried. */
  private isAway = false

  constructor(options: IndexerOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    this.stopping = new AbortController()
    // What cannot be removed now is tried again; searching and writing need not wait for it.
    await this.expire().catch((error: unknown) => {
      this.options.logger.error({ err: error }, 'Old parts of the search store cannot be removed')
    })
    const inBackground = createBackground(this.options)
    this.expiring = setInterval(() => inBackground('expire', () => this.expire()), EXPIRE_MS)
    this.expiring.unref()
    this.consumer = this.options.queue.consume('index', (delivery) => this.write(delivery), { maxItems: 32 })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.expiring)
    this.stopping.abort()
    await this.consumer?.stop(deadlineMs)
  }

  /**
   * While the store is away the delivery waits for it here: sending each back to the queue and taking the next would
   * cost much for nothing, and what has been sent back often comes late once the store is there.
   */
  private async write({ items: delivered, attempt }: Delivery): Promise<void> {
    this.countEvicted(delivered)
    // Evicted ones have nothing to ask the store with; its silence about them would look like an answer.
    const items = delivered.filter(({ payload }) => payload.length > 0).flatMap(batchesOf)
    if (items.length === 0) return
    for (let asked = 1; ; asked++) {
      if (this.isAway) await this.untilAskedAgain()
      try {
        // Making documents is the dearest thing here: one item asks for all.
        const first = this.isAway ? 1 : items.length
        await this.writeItems(items.slice(0, first), attempt)
        this.isAway = false
        if (first < items.length) await this.writeItems(items.slice(first), attempt)
        return
      } catch (error) {
        this.isAway = error instanceof AppError && error.code === 'E_STORE_STORAGE'
        if (this.isAway && asked < MAX_ASKS) continue
        if (items.length === 1 || !isLasting(error, attempt)) throw error
        await this.writeApart(items, attempt)
        return
      }
    }
  }

  /**
   * One by one, after a failure that would come again: a queue gives up whole items, and batches of many hosts share
   * one. Only what fails by itself is set aside.
   */
  private async writeApart(items: readonly Item[], attempt: number): Promise<void> {
    const { logger } = this.options
    for (const item of items) {
      try {
        await this.writeItems([item], attempt)
      } catch (error) {
        if (!isLasting(error, attempt)) throw error
        logger.error({ err: error, item: item.id }, 'A batch can never be written and is set aside')
        await this.giveUp([deadOf(item, error, attempt)])
      }
    }
  }

  /** What a full queue let go is judged and alerted, and cannot be searched. */
  private countEvicted(items: readonly Item[]): void {
    const rows = items.reduce((sum, { header, payload }) => sum + (payload.length > 0 ? 0 : (header?.rows ?? 0)), 0)
    if (rows === 0) return
    this.options.metrics.add('seamark_indexer_evicted_events_total', rows)
    this.options.conditions.set('events.evicted', `${rows} events at once`, '', EVICTION_TOLD_MS)
  }

  private async untilAskedAgain(): Promise<void> {
    const { pause = sleepMs } = this.options
    try {
      await pause(ASK_AGAIN_MS, this.stopping.signal)
    } catch (cause) {
      throw new AppError('E_STORE_STORAGE', 'stopped while the search store was away', { retryable: true, cause })
    }
  }

  private async writeItems(items: readonly Item[], attempt: number): Promise<void> {
    const { metrics, logger } = this.options
    const counts = new Map<DocKind, number>()
    let unreadable: unknown
    // Made one by one as the store asks for them: those of a delivery would fill much memory.
    function* counted(): Iterable<Doc> {
      for (const item of items) {
        for (const doc of documentsOr(item, (error) => (unreadable = error))) {
          counts.set(doc.kind, (counts.get(doc.kind) ?? 0) + 1)
          yield doc
        }
      }
    }
    let refusals: Refused[]
    try {
      refusals = await this.store(counted(), () => unreadable !== undefined)
    } catch (error) {
      if (unreadable === undefined) throw error
      const [readable, dead] = withoutUnreadable(items, attempt)
      if (dead.length === 0) throw error
      logger.error({ err: unreadable, count: dead.length }, 'Events cannot be made into documents and are set aside')
      await this.giveUp(dead)
      if (readable.length > 0) await this.writeItems(readable, attempt)
      return
    }
    const refused = new Map(refusals.map((one) => [one.id, one]))
    const dead: Item[] = []
    if (refused.size > 0) {
      for (const origin of items) {
        let header: BatchHeader | undefined
        for (const doc of documentsIn(origin)) {
          const refusal = refused.get(doc.id)
          if (refusal === undefined) continue
          counts.set(doc.kind, counts.get(doc.kind)! - 1)
          metrics.add('seamark_indexer_refused_documents_total', 1, { kind: doc.kind })
          header ??= headerOf(origin)
          dead.push(refusedDoc(doc, origin, header, refusal, attempt))
        }
      }
    }
    for (const [kind, count] of counts) metrics.add('seamark_indexer_written_documents_total', count, { kind })
    if (dead.length === 0) return
    logger.error({ count: dead.length, first: refused.values().next().value }, 'The search store refuses documents')
    await this.giveUp(dead)
  }

  /** Where there is no room all is tried again: what was written is written once more, which changes nothing. */
  private async giveUp(dead: Item[]): Promise<void> {
    if (dead.length > 0 && (await this.options.queue.offer('dead', dead)) === 'full')
      throw new AppError('E_QUEUE_FULL', 'The topic dead is full', { retryable: true })
  }

  private async store(docs: Iterable<Doc>, isUnreadable: () => boolean): Promise<Refused[]> {
    const { store, conditions } = this.options
    try {
      const refused = await store.write(docs)
      conditions.set('store.failing', null)
      return refused
    } catch (error) {
      // A batch that cannot be read says nothing of the store.
      if (!isUnreadable()) conditions.set('store.failing', error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  private async expire(): Promise<void> {
    const { store, retentionDays, maxBytes } = this.options
    const beforeDay = new Date(Date.now() - retentionDays * DAY_MS).toISOString().slice(0, 10)
    await store.expire(beforeDay, maxBytes)
  }
}

function isLasting(error: unknown, attempt: number): boolean {
  return error instanceof AppError ? !error.retryable : attempt >= LASTING_ATTEMPTS
}
