/**
 * The way in for health events of parts that have no collector, such as ingest or an indexer: they offer batches as a
 * collector does, under a name that no host can be enrolled with. One batch at a time, so that sequences have no holes.
 */
import { sealBatch } from '../batch/seal.ts'
import type { BatchHeader, Envelope } from '../model/batch.ts'
import { AppError } from '../model/errors.ts'
import type { Item, Queue } from '../model/queue.ts'
import { Serial } from '../runtime/serial.ts'
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
  private readonly offers = new Serial()
  /** Offered, and nobody knows whether it was taken: it goes again as it is before anything else gets its number. */
  private unanswered: { event: string; item: Item } | null = null
  /** Taken at a later try while another event was told; the same come again. */
  private readonly takenLater = new Set<string>()

  constructor(options: HealthBatchesOptions) {
    this.options = options
  }

  /** Resolves with true when it is durable, with false when the queue takes nothing now; the same event comes again then. */
  emit(event: HealthEvent): Promise<boolean> {
    return this.offers.run(() => this.offer(event))
  }

  private async offer(event: HealthEvent): Promise<boolean> {
    const key = keyOf(event)
    if (this.takenLater.delete(key)) return true
    try {
      if (this.unanswered !== null) {
        const { event: before } = this.unanswered
        if (!(await this.send(this.unanswered))) return false
        if (before === key) return true
        this.takenLater.add(before)
      }
      return await this.send({ event: key, item: this.itemOf(event) })
    } catch (error) {
      if (error instanceof AppError && error.retryable) return false
      throw error
    }
  }

  private async send(offered: { event: string; item: Item }): Promise<boolean> {
    this.unanswered = offered
    if ((await this.options.queue.offer('batches', [offered.item])) === 'full') return false
    this.unanswered = null
    this.sequence += 1
    return true
  }

  private itemOf(event: HealthEvent): Item {
    const { collector, epoch, stamp } = this.options
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
    const { bytes } = sealBatch(header, healthBatch(event))
    const id = `${collector}/${epoch}/${header.sequence}`
    return { id, class: header.class, header, envelope: stamp(header), payload: bytes }
  }
}

/** What tells one event from another. */
function keyOf({ kind, atNs, attributes }: HealthEvent): string {
  return JSON.stringify([kind, String(atNs), attributes])
}
