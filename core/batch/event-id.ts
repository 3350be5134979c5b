/**
 * Names of events: time + stream + position. The stream is a digest of (collector, epoch, source), so ids of different
 * hosts, starts and sources never meet; the time in front makes them sort and cluster by time in every store.
 */
import { createHash } from 'node:crypto'
import type { BatchHeader } from '../model/batch.ts'
import type { EventId, SourceName } from '../model/event.ts'

/** 60 bits: with 10⁶ streams the chance that two ever share a name is 4 in 10⁷. */
const STREAM_CHARS = 15

export function streamKey(collector: string, epoch: string, source: SourceName): string {
  return createHash('sha256').update(`${collector}\0${epoch}\0${source}`).digest('hex').slice(0, STREAM_CHARS)
}

/** 16 hex digits of ns since the Unix epoch, the stream, the position. */
export function eventId(timeNs: bigint, stream: string, position: string): EventId {
  return `${timeNs.toString(16).padStart(16, '0')}-${stream}-${position}`
}

/** Position of a row that has none of its own: batch sequence and ordinal, base 36. */
export function batchPosition(header: Pick<BatchHeader, 'sequence'>, ordinal: number): string {
  return `${header.sequence.toString(36)}.${ordinal.toString(36)}`
}
