/**
 * Writes what is worth keeping into the search store at its own pace: rows of batches become documents here, at the
 * store's edge, and alerts and detections arrive as documents. Detection never waits for it.
 */
import { openBatch } from '../core/batch/seal.ts'
import type { Component } from '../core/model/component.ts'
import { docOf } from '../core/model/index-item.ts'
import type { Delivery, Queue } from '../core/model/queue.ts'
import type { Doc, SearchStore } from '../core/model/search-store.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { documentsOf } from './event-documents.ts'

const EXPIRE_MS = 10 * 60_000
const DAY_MS = 86_400_000

export interface IndexerOptions {
  queue: Queue
  store: SearchStore
  retentionDays: number
  maxBytes: number
  metrics: Metrics
  logger: Logger
}

export class Indexer implements Component {
  private readonly options: IndexerOptions
  private consumer: Component | null = null
  private expiring: NodeJS.Timeout | undefined

  constructor(options: IndexerOptions) {
    this.options = options
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

  private async write(delivery: Delivery): Promise<void> {
    const { store, metrics, logger } = this.options
    const docs: Doc[] = []
    for (const item of delivery.items) {
      if (item.payload.length === 0) continue
      const doc = docOf(item)
      if (doc !== null) docs.push(doc)
      else {
        const { header, batch } = openBatch(item.payload)
        const envelope = item.envelope ?? { receivedMs: Date.now(), ruleset: '', parts: {} }
        for (const event of documentsOf(header, batch, envelope)) docs.push(event)
      }
    }
    if (docs.length === 0) return
    const refused = await store.write(docs)
    const refusedIds = new Set(refused.map(({ id }) => id))
    for (const { kind, id } of docs) {
      if (refusedIds.has(id)) metrics.add('seamark_indexer_refused_documents_total', 1, { kind })
      else metrics.add('seamark_indexer_written_documents_total', 1, { kind })
    }
    if (refused.length > 0)
      logger.error({ count: refused.length, first: refused[0] }, 'The search store refuses documents')
  }

  private async expire(): Promise<void> {
    const { store, retentionDays, maxBytes } = this.options
    const beforeDay = new Date(Date.now() - retentionDays * DAY_MS).toISOString().slice(0, 10)
    await store.expire(beforeDay, maxBytes)
  }
}
