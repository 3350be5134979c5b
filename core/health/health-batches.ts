/**
 * The way in for health events of parts that have no collector, such as ingest or an indexer: they offer batches as a
 * collector does, under a name that no host can be enrolled with. One batch at a time, so that sequences have no holes.
 */
import { sealBatch } from '../batch/seal.ts'
import type { BatchHeader, Envelope } from '../model/batch.ts'
import { AppError } from '../model/errors.ts'
import type { Queue } from '../model/queue.ts'
import { type HealthEvent, healthBatch } from './health-event.ts'

export interface HealthBatchesOptions {
  queue: Queue
  /** `PART@MACHINE`; the sign keeps it apart from every host's name. */
  collector: string
  /** Random per start. */
  epoch: string
  stamp: (header: BatchHeader) => Envelope
}

export class HealthBatches {
  private readonly options: HealthBatchesOptions
  private sequence = 0
  private line: Promise<unknown> = Promise.resolve()

  constructor(options: HealthBatchesOptions) {
    this.options = options
  }

  /** Resolves with true when it is durable, with false when the queue takes nothing now; the same event comes again then. */
  emit(event: HealthEvent): Promise<boolean> {
    const taken = this.line.then(() => this.offer(event))
    this.line = taken.catch(() => {})
    return taken
  }

  private async offer(event: HealthEvent): Promise<boolean> {
    const { queue, collector, epoch, stamp } = this.options
    const header: BatchHeader = {
      collector,
      epoch,
      sequence: this.sequence + 1,
      // What could not be told at once is told late, with the time at which it happened.
      lowMs: {},
      dropped: {},
      plan: '',
      edgeRuleset: '',
      class: 'evidence',
      rows: 1,
    }
    try {
      const { bytes } = sealBatch(header, healthBatch(event))
      const id = `${collector}/${epoch}/${header.sequence}`
      const item = { id, class: header.class, header, envelope: stamp(header), payload: bytes }
      if ((await queue.offer('batches', [item])) === 'full') return false
    } catch (error) {
      if (error instanceof AppError && error.retryable) return false
      throw error
    }
    this.sequence = header.sequence
    return true
  }
}
