/**
 * Carries chunks from the addon to the sink, one at a time and in order. A chunk is given back to the addon only once
 * the sink has taken it, so that a slow sink stops the draining and the kernel counts what that costs.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { openBody } from '../../../core/batch/body.ts'
import type { Sink } from '../../../core/model/source.ts'
import type { Losses, NativeChunk } from './addon.ts'

const RETRY_MS_MAX = 1000

export interface ChunkPumpOptions {
  sink: Sink
  /** Called once for each chunk that is done with. */
  release: () => void
  /** The sink failed for a chunk; its rows are lost and counted as `sink_failed`. */
  onError: (error: unknown) => void
}

export class ChunkPump {
  private readonly options: ChunkPumpOptions
  private readonly waiting: NativeChunk[] = []
  private running: Promise<void> | null = null
  private readonly abort = new AbortController()
  private sinkFailedRows = 0
  private explainedGaps = 0

  constructor(options: ChunkPumpOptions) {
    this.options = options
  }

  push(chunk: NativeChunk): void {
    this.waiting.push(chunk)
    this.running ??= this.run()
  }

  /** Resolves when everything pushed was taken, or when the deadline passes and the rest is given up. */
  async drain(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.abort.abort(), deadlineMs)
    try {
      while (this.running !== null) await this.running
    } finally {
      clearTimeout(timer)
    }
  }

  private async run(): Promise<void> {
    for (let chunk = this.waiting.shift(); chunk !== undefined; chunk = this.waiting.shift()) {
      await this.emit(chunk)
      this.options.release()
    }
    this.running = null
  }

  private async emit(chunk: NativeChunk): Promise<void> {
    const dropped = this.droppedBy(chunk.losses)
    try {
      const batch = openBody(new Uint8Array(chunk.body))
      for (let waitMs = 10; ; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
        const taken = await this.options.sink.emit({
          source: 'syscall',
          batch,
          lowMs: chunk.lowMs,
          ...(dropped === null ? {} : { dropped }),
        })
        if (taken || this.abort.signal.aborted) return
        await delay(waitMs, undefined, { signal: this.abort.signal }).catch(() => {})
      }
    } catch (error) {
      this.sinkFailedRows += chunk.rows
      this.options.onError(error)
    }
  }

  private droppedBy(losses: Losses): Record<string, number> | null {
    // Every event lost in a full ring leaves a gap in the sequence as well; only further gaps are news.
    this.explainedGaps += losses.processRing + losses.bulkRing
    const unexplained = Math.max(0, losses.gaps - this.explainedGaps)
    this.explainedGaps = Math.max(0, this.explainedGaps - losses.gaps)
    const counts = {
      ring_full_process: losses.processRing,
      ring_full_bulk: losses.bulkRing,
      budget: losses.overBudget,
      sequence_gap: unexplained,
      unusable: losses.unusable,
      sink_failed: this.sinkFailedRows,
    }
    this.sinkFailedRows = 0
    const found = Object.entries(counts).filter(([, count]) => count > 0)
    return found.length === 0 ? null : Object.fromEntries(found)
  }
}
