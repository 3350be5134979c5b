/** The events of a file, as batches that name processes and containers: a recording of ours, or a capture (`.scap`). */
import { isCapture, readCapture } from '../../collector/sources/scap/capture-file.ts'
import { readRecording } from '../../collector/sources/syscalls/recording.ts'
import type { Batch } from '../../core/batch/batch.ts'
import { buildReplayHost, surveyRecording } from './replay-host.ts'

/** `onDropped`: what of a capture's state did not fit. Throws AppError E_RECORDING_CORRUPT. */
export async function* recordedBatches(
  path: string,
  onDropped: (dropped: { threads: number; descriptors: number }) => void = () => {},
): AsyncGenerator<Batch> {
  if (await isCapture(path)) {
    yield* readCapture(path, { onDropped })
    return
  }
  const host = buildReplayHost(surveyRecording(path))
  for (const { batch } of readRecording(path)) yield await host.join(batch)
}
