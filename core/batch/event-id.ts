/**
 * Names of events: time + stream + position. The stream is a digest of (collector, epoch, source), so ids of different
 * hosts, starts and sources never meet; the time in front makes them sort and cluster by time in every store.
 */
import { createHash } from 'node:crypto'
import type { BatchHeader } from '../model/batch.ts'
import type { EventId, SourceName } from '../model/event.ts'
import { type Batch, readNumber, readText, type Table, timeNs } from './batch.ts'
import type { TableName } from './schema.ts'
import { toText } from './strings.ts'

/** 60 bits: with 10⁶ streams the chance that two ever share a name is 4 in 10⁷. */
const STREAM_CHARS = 15

export function streamKey(collector: string, epoch: string, source: SourceName): string {
  return createHash('sha256').update(`${collector}\0${epoch}\0${source}`).digest('hex').slice(0, STREAM_CHARS)
}

/** 16 hex digits of ns since the Unix epoch, the stream, the position. */
export function eventId(atNs: bigint, stream: string, position: string): EventId {
  return `${atNs.toString(16).padStart(16, '0')}-${stream}-${position}`
}

/** Position of a row that has none of its own: batch sequence and ordinal, base 36. */
export function batchPosition(header: Pick<BatchHeader, 'sequence'>, ordinal: number): string {
  return `${header.sequence.toString(36)}.${ordinal.toString(36)}`
}

/**
 * Ids of the rows of one batch. Rows with a position of their own (sources that re-read after a restart) are named by
 * it under a fixed epoch, so reading them again gives the same id; all others by sequence and ordinal.
 */
export class RowIds {
  private readonly header: BatchHeader
  private readonly batch: Batch
  private readonly streams = new Map<string, string>()

  constructor(header: BatchHeader, batch: Batch) {
    this.header = header
    this.batch = batch
  }

  of(table: Table, row: number): EventId {
    const position = readText(this.batch, table, row, 'position')
    const at = timeNs(this.batch, table, row)
    const source = SOURCE_OF_TABLE[table.name] ?? 'syscall'
    if (position !== undefined) return eventId(at, this.stream('', source), toText(position))
    const ordinal = readNumber(table, row, 'ordinal') ?? row
    return eventId(at, this.stream(this.header.epoch, source), batchPosition(this.header, ordinal))
  }

  private stream(epoch: string, source: SourceName): string {
    const name = `${epoch}/${source}`
    let stream = this.streams.get(name)
    if (stream === undefined) {
      stream = streamKey(this.header.collector, epoch, source)
      this.streams.set(name, stream)
    }
    return stream
  }
}

const SOURCE_OF_TABLE: Partial<Record<TableName, SourceName>> = {
  docker: 'docker',
  health: 'health',
  command: 'command',
}
