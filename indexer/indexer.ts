/**
 * Writes what is worth keeping into the search store at its own pace: rows of batches become documents here, at the
 * store's edge, and alerts and detections arrive as documents. Detection never waits for it. What the store never takes
 * becomes a dead letter with the store's reason, each document by itself.
 */
import { openBatch } from '../core/batch/seal.ts'
import type { Conditions } from '../core/health/conditions.ts'
import type { Component } from '../core/model/component.ts'
import { deadItem } from '../core/model/dead-item.ts'
import { AppError } from '../core/model/errors.ts'
import { docItem, docsOf } from '../core/model/index-item.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import type { Doc, Refused, SearchStore } from '../core/model/search-store.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { documentsOf } from './event-documents.ts'

const EXPIRE_MS = 10 * 60_000
const DAY_MS = 86_400_000
/** A store that was away is not asked again for so long. */
const ASK_AGAIN_MS = 1_000

export interface IndexerOptions {
  queue: Queue
  store: SearchStore
  retentionDays: number
  maxBytes: number
  conditions: Conditions
  metrics: Metrics
  logger: Logger
  nowMs?: () => number
}

export class Indexer implements Component {
  private readonly options: IndexerOptions
  private consumer: Component | null = null
  private expiring: NodeJS.Timeout | undefined
  private readonly nowMs: () => number
  /** 0 unless the store took nothing when it was last tried. */
  private awayUntilMs = 0

  constructor(options: IndexerOptions) {
    this.options = options
    this.nowMs = options.nowMs ?? Date.now
  }

  async start(): Promise<void> {
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
    await this.consumer?.stop(deadlineMs)
  }

  private async write({ items, attempt }: Delivery): Promise<void> {
    // Making documents is the dearest thing here: while the store is away, one item now and then asks after it.
    const waitMs = this.awayUntilMs - this.nowMs()
    // Longer than that is a clock that was set back.
    if (waitMs > 0 && waitMs <= ASK_AGAIN_MS)
      throw new AppError('E_STORE_STORAGE', 'the search store took nothing a moment ago', { retryable: true })
    try {
      const first = this.awayUntilMs > 0 ? 1 : items.length
      await this.writeItems(items.slice(0, first), attempt)
      this.awayUntilMs = 0
      if (first < items.length) await this.writeItems(items.slice(first), attempt)
    } catch (error) {
      const isAway = error instanceof AppError && error.code === 'E_STORE_STORAGE'
      this.awayUntilMs = isAway ? this.nowMs() + ASK_AGAIN_MS : 0
      throw error
    }
  }

  private async writeItems(items: readonly Item[], attempt: number): Promise<void> {
    const { metrics, logger } = this.options
    const docs: Doc[] = []
    /** Parallel to `docs`: where each came from. */
    const origins: Item[] = []
    for (const item of items) {
      for (const doc of documentsIn(item)) {
        docs.push(doc)
        origins.push(item)
      }
    }
    if (docs.length === 0) return
    const refused = new Map((await this.store(docs)).map((one) => [one.id, one]))
    const dead: Item[] = []
    docs.forEach((doc, i) => {
      const refusal = refused.get(doc.id)
      if (refusal === undefined) metrics.add('seamark_indexer_written_documents_total', 1, { kind: doc.kind })
      else {
        metrics.add('seamark_indexer_refused_documents_total', 1, { kind: doc.kind })
        dead.push(asDead(doc, origins[i]!, refusal, attempt))
      }
    })
    if (dead.length === 0) return
    logger.error({ count: dead.length, first: refused.values().next().value }, 'The search store refuses documents')
    // What was written is written again with the next attempt, which changes nothing.
    if ((await this.options.queue.offer('dead', dead)) === 'full')
      throw new AppError('E_QUEUE_FULL', 'The topic dead is full', { retryable: true })
  }

  private async store(docs: readonly Doc[]): Promise<Refused[]> {
    const { store, conditions } = this.options
    try {
      const refused = await store.write(docs)
      conditions.set('store.failing', null)
      return refused
    } catch (error) {
      conditions.set('store.failing', error instanceof Error ? error.message : String(error))
      throw error
    }
  }

  private async expire(): Promise<void> {
    const { store, retentionDays, maxBytes } = this.options
    const beforeDay = new Date(Date.now() - retentionDays * DAY_MS).toISOString().slice(0, 10)
    await store.expire(beforeDay, maxBytes)
  }
}

function* documentsIn(item: Item): Iterable<Doc> {
  if (item.payload.length === 0) return
  const docs = docsOf(item)
  if (docs !== null) {
    yield* docs
    return
  }
  const { header, batch } = openBatch(item.payload)
  yield* documentsOf(header, batch, item.envelope ?? { receivedMs: Date.now(), ruleset: '', parts: {} })
}

/** Only the refused document, whatever it came with; its id differs with each try, as its origin's does. */
function asDead(doc: Doc, origin: Item, { reason }: Refused, attempts: number): Item {
  const item = docItem(doc)
  const id = docsOf(origin)?.length === 1 ? origin.id : `${origin.id}/${item.id}`
  return deadItem({ ...item, id }, { topic: 'index', code: 'E_STORE_REFUSED', message: reason, attempts })
}
