/**
 * Reads recordings of system calls with the same column builder as live capture, without privileges and without a
 * kernel. Reading twice gives the same batches.
 */
import { getSystemErrorName } from 'node:util'
import { openBody } from '../../../core/batch/body.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Emission } from '../../../core/model/source.ts'
import { decodeRecordedFacts, type RecordedFacts } from '../../host/recorded-facts.ts'
import { loadAddon } from './addon.ts'

export interface RecordedEmission extends Emission {
  /** Wall clock minus boot clock where and when the events were recorded, ns; absent where the recording does not tell. */
  bootOffsetNs?: number
}

/**
 * Reads a recording batch by batch. Throws AppError E_RECORDING_CORRUPT, naming the byte at which the damaged chunk
 * begins; everything before it has been given by then. The plan of the capture that made the recording is in it.
 * `onFacts` is told what names containers, as it was learnt; recordings of the first format have none.
 */
export function* readRecording(path: string, onFacts?: (facts: RecordedFacts) => void): Generator<RecordedEmission> {
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
    if ('facts' in next) {
      const facts = decodeRecordedFacts(new Uint8Array(next.facts))
      if (facts === null) {
        const what = 'its facts about containers are of another version'
        throw new AppError('E_RECORDING_CORRUPT', `Recording ${path}, byte ${next.offset}: ${what}`)
      }
      onFacts?.(facts)
      continue
    }
    const { gaps, unusable } = next.losses
    const dropped = { ...(gaps > 0 && { sequence_gap: gaps }), ...(unusable > 0 && { unusable }) }
    yield {
      source: 'syscall',
      batch: openBody(new Uint8Array(next.body)),
      lowMs: next.lowMs,
      ...(Object.keys(dropped).length > 0 && { dropped }),
      ...(next.bootOffsetNs !== undefined && { bootOffsetNs: next.bootOffsetNs }),
    }
  }
}
