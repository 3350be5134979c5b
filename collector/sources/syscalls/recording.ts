/**
 * A recording of system calls as a Source: the same column builder as live capture, without privileges and without a
 * kernel. Replaying twice gives the same batches.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { getSystemErrorName } from 'node:util'
import { openBody } from '../../../core/batch/body.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Checkpoint } from '../../../core/model/queue.ts'
import type { CapturePlan, Emission, Sink, Source, Visibility } from '../../../core/model/source.ts'
import { loadAddon } from './addon.ts'

const FULL_SINK_RETRY_MS = 20

/**
 * Reads a recording batch by batch. Throws AppError E_RECORDING_CORRUPT, naming the byte at which the damaged chunk
 * begins; everything before it has been given by then. The plan of the capture that made the recording is in it.
 */
export function* readRecording(path: string): Generator<Emission> {
  const loaded = loadAddon()
  if (loaded.addon === null) throw new AppError('E_CAPTURE_UNAVAILABLE', `No capture addon: ${loaded.reason}`)
  const reader = loaded.addon.openRecording(path)
  if ('errno' in reader) {
    const reason = getSystemErrorName(-reader.errno)
    throw new AppError('E_CAPTURE_UNAVAILABLE', `The recording ${path} cannot be opened: ${reason}`)
  }
  for (let next = reader.next(); next !== null; next = reader.next()) {
    if ('corruption' in next) {
      throw new AppError('E_RECORDING_CORRUPT', `Recording ${path}, byte ${next.offset}: ${next.corruption}`)
    }
    const { gaps, unusable } = next.losses
    const dropped = { ...(gaps > 0 && { sequence_gap: gaps }), ...(unusable > 0 && { unusable }) }
    yield {
      source: 'syscall',
      batch: openBody(new Uint8Array(next.body)),
      lowMs: next.lowMs,
      ...(Object.keys(dropped).length > 0 && { dropped }),
    }
  }
}

export class RecordingSource implements Source {
  readonly name = 'syscall'
  private readonly path: string
  private readonly abort = new AbortController()
  private running: Promise<void> = Promise.resolve()

  constructor(path: string) {
    this.path = path
  }

  async probe(): Promise<Visibility> {
    const loaded = loadAddon()
    if (loaded.addon !== null) return { source: this.name, sees: [`the recording ${this.path}`], blind: [] }
    const blind = { what: `the recording ${this.path}`, why: loaded.reason, fix: 'run `npm run native:build`' }
    return { source: this.name, sees: [], blind: [blind] }
  }

  /** Begins to replay; `finished` tells when it is done. A recording has everything it was made with: no plan applies. */
  async start(sink: Sink, _from: Checkpoint | null, _plan: CapturePlan): Promise<void> {
    this.running = this.replay(sink)
    // Reported by `finished`; without this, a corrupt file would end the process first.
    this.running.catch(() => {})
  }

  async replan(): Promise<void> {}

  /** Resolves when all was emitted or the source was stopped; rejects with E_RECORDING_CORRUPT. */
  async finished(): Promise<void> {
    await this.running
  }

  async stop(_deadlineMs: number): Promise<void> {
    this.abort.abort()
    await this.running.catch(() => {})
  }

  private async replay(sink: Sink): Promise<void> {
    for (const emission of readRecording(this.path)) {
      while (!this.abort.signal.aborted && !(await sink.emit(emission))) {
        await delay(FULL_SINK_RETRY_MS, undefined, { signal: this.abort.signal }).catch(() => {})
      }
      if (this.abort.signal.aborted) return
    }
  }
}
