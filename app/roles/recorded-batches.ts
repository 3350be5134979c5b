/** The events of a file, as batches that name processes and containers: a recording of ours, or a capture (`.scap`). */
import { isCapture, readCapture } from '../../collector/sources/scap/capture-file.ts'
import { readRecording } from '../../collector/sources/syscalls/recording.ts'
import type { Batch } from '../../core/batch/batch.ts'
import { buildReplayHost, surveyRecording } from './replay-host.ts'

export interface RecordedOptions {
  /** What of a capture's state did not fit. */
  onDropped?: (dropped: { threads: number; descriptors: number }) => void
  /** What the rules ask for. Of a capture, calls that are judged only by name are left out where they are not among these. */
  eventTypes?: readonly string[]
}

/** Throws AppError E_RECORDING_CORRUPT. */
export async function* recordedBatches(path: string, options: RecordedOptions = {}): AsyncGenerator<Batch> {
  if (await isCapture(path)) {
    yield* readCapture(path, options)
    return
  }
  const host = buildReplayHost(surveyRecording(path))
  for (const { batch } of readRecording(path)) yield await host.join(batch)
}
