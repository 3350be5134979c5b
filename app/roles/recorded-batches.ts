/** The events of a file, as batches that name processes and containers: a recording of ours, or a capture (`.scap`). */
import { statSync } from 'node:fs'
import { openCapture } from '../../collector/sources/scap/capture-file.ts'
import { readRecording } from '../../collector/sources/syscalls/recording.ts'
import type { Batch } from '../../core/batch/batch.ts'
import { AppError } from '../../core/model/errors.ts'
import { buildReplayHost, surveyRecording } from './replay-host.ts'

export interface RecordedOptions {
  /** What of a capture's state did not fit. */
  onDropped?: (dropped: { threads: number; descriptors: number }) => void
  /** What the rules ask for. Of a capture, calls that are judged only by name are left out where they are not among these. */
  eventTypes?: readonly string[]
}

/** Throws AppError E_RECORDING_CORRUPT. */
export async function* recordedBatches(path: string, options: RecordedOptions = {}): AsyncGenerator<Batch> {
  const capture = await openCapture(path, options)
  if (capture !== null) {
    yield* capture
    return
  }
  // Who the processes are is looked for in the whole of it first.
  if (path === '-' || !statSync(path).isFile())
    throw new AppError('E_CAPTURE_UNAVAILABLE', `${path} is no capture: a recording of Seamark has to be a file`)
  const host = buildReplayHost(surveyRecording(path))
  for (const { batch, bootOffsetNs } of readRecording(path)) yield await host.join(batch, {}, bootOffsetNs)
}
