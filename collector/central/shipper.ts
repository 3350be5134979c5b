/**
 * Sends what the host's queue holds to ingest and forgets it only when ingest has it on disk. While ingest is away or
 * full everything stays in the queue, which is the host's spool; what had to be evicted from it goes as its header.
 */
import { emptyBatch } from '../../core/batch/batch.ts'
import { joinFrames } from '../../core/batch/frames.ts'
import { sealBatch } from '../../core/batch/seal.ts'
import type { Conditions } from '../../core/health/conditions.ts'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import {
  BATCHES_TYPE,
  INGEST_PATHS,
  MAX_SENT_BATCHES,
  RULESET_HEADER,
  SENT_HEADER,
} from '../../core/model/ingest-protocol.ts'
import type { Delivery, Item, Queue } from '../../core/model/queue.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { detailOf, type IngestAnswer, type IngestClient } from './ingest-client.ts'

export interface ShipperOptions {
  /** The host's spool. */
  queue: Queue
  client: IngestClient
  conditions: Conditions
  metrics: Metrics
  logger: Logger
  /** Told of the rules that are active at the centre, with every answer. */
  onActiveRules?: (version: string) => void
  nowMs?: () => number
}

const MAX_RETRY_AFTER_MS = 30_000
const CREDENTIALS_PAUSE_MS = 10_000

export class Shipper implements Component {
  private readonly options: ShipperOptions
  private consumer: Component | null = null
  private stopped = new AbortController()
  /** While ingest takes nothing: why. Said once when it begins and once when it is over. */
  private trouble: string | null = null

  constructor(options: ShipperOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    this.stopped = new AbortController()
    this.consumer = this.options.queue.consume('batches', (delivery) => this.ship(delivery), {
      maxItems: MAX_SENT_BATCHES,
    })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    this.stopped.abort()
    await this.consumer?.stop(deadlineMs)
  }

  private async ship({ items }: Delivery): Promise<void> {
    const { client, metrics, nowMs = Date.now } = this.options
    const frames = items.map((item) => (item.payload.length > 0 ? item.payload : headerOnly(item)))
    let answer: IngestAnswer
    try {
      answer = await client.send({
        method: 'POST',
        path: INGEST_PATHS.batches,
        type: BATCHES_TYPE,
        body: joinFrames(frames.filter((frame) => frame !== null)),
        headers: { [SENT_HEADER]: String(nowMs()) },
      })
    } catch (error) {
      this.inTrouble('unreachable', (error as Error).message)
      throw error
    }
    if (answer.status === 200) {
      if (this.trouble !== null) this.options.logger.warn('Ingest takes batches again')
      this.trouble = null
      this.options.conditions.set('ingest.refusing', null)
      metrics.add('seamark_shipper_batches_total', items.length)
      const version = answer.headers[RULESET_HEADER]
      if (typeof version === 'string') this.options.onActiveRules?.(version)
      return
    }
    throw await this.failure(answer)
  }

  /** What is wrong with the host or with ingest keeps the batches; what is wrong with a batch sets that one aside. */
  private async failure(answer: IngestAnswer): Promise<AppError> {
    const detail = `Ingest answered ${detailOf(answer)}`
    if ([400, 403, 413, 422].includes(answer.status)) {
      this.options.metrics.add('seamark_shipper_errors_total', 1, { reason: 'refused' })
      return new AppError('E_BATCH_CORRUPT', detail)
    }
    if (answer.status === 401) {
      this.inTrouble('credentials', detail)
      // Nothing that this host does makes its key good again.
      await pause(CREDENTIALS_PAUSE_MS, this.stopped.signal)
      return new AppError('E_INGEST_CREDENTIALS', detail, { retryable: true })
    }
    this.inTrouble(answer.status === 429 ? 'full' : 'unavailable', detail)
    const waitMs = Math.min(MAX_RETRY_AFTER_MS, 1_000 * (Number(answer.headers['retry-after']) || 0))
    if (waitMs > 0) await pause(waitMs, this.stopped.signal)
    return new AppError('E_INGEST_UNAVAILABLE', detail, { retryable: true })
  }

  private inTrouble(reason: 'unreachable' | 'credentials' | 'full' | 'unavailable', detail: string): void {
    this.options.metrics.add('seamark_shipper_errors_total', 1, { reason })
    this.options.conditions.set('ingest.refusing', `${reason}: ${detail}`)
    if (this.trouble === reason) return
    this.trouble = reason
    this.options.logger.error({ reason, detail }, 'Ingest takes nothing; batches stay on this host until it does')
  }
}

/** What was evicted from a full spool still says how much was lost, so that nobody takes silence for quiet. */
function headerOnly({ header }: Item): Uint8Array | null {
  if (header === undefined) return null
  const dropped = { ...header.dropped, spool_full: (header.dropped.spool_full ?? 0) + header.rows }
  return sealBatch({ ...header, class: 'heartbeat', rows: 0, dropped }, emptyBatch()).bytes
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      resolve()
    }
    const timer = setTimeout(finish, ms)
    signal.addEventListener('abort', finish)
    if (signal.aborted) finish()
  })
}
