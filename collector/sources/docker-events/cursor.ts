/**
 * Where the reader of Docker's events stands: the time of the last event that became durable, and the events it has
 * taken at that very ns. Docker's `since` includes its own moment, so those are seen again and skipped.
 */
import type { Checkpoint } from '../../../core/model/queue.ts'
import type { DockerEvent } from './docker-event.ts'

export const CHECKPOINT_SOURCE = 'docker-events'

export interface Cursor {
  timeNs: bigint
  positions: readonly string[]
}

export function advance(cursor: Cursor | null, event: DockerEvent): Cursor {
  if (cursor !== null && cursor.timeNs === event.timeNs) {
    return { timeNs: cursor.timeNs, positions: [...cursor.positions, event.position] }
  }
  return { timeNs: event.timeNs, positions: [event.position] }
}

/** Whether the event was already taken. */
export function isBehind(cursor: Cursor | null, event: DockerEvent): boolean {
  if (cursor === null) return false
  if (event.timeNs !== cursor.timeNs) return event.timeNs < cursor.timeNs
  return cursor.positions.includes(event.position)
}

export function writeCursor(cursor: Cursor): Checkpoint {
  return {
    source: CHECKPOINT_SOURCE,
    position: JSON.stringify({ timeNs: String(cursor.timeNs), positions: cursor.positions }),
  }
}

/** Null for no checkpoint or one that cannot be read: reading starts at now, and the gap is reported. */
export function readCursor(checkpoint: Checkpoint | null): Cursor | null {
  if (checkpoint === null) return null
  try {
    const { timeNs, positions } = JSON.parse(checkpoint.position) as { timeNs: string; positions: string[] }
    return Array.isArray(positions) ? { timeNs: BigInt(timeNs), positions } : null
  } catch {
    return null
  }
}

/** As Docker's `since` and `until` take it: seconds with nine decimals. */
export function dockerTime(timeNs: bigint): string {
  return `${timeNs / 1_000_000_000n}.${String(timeNs % 1_000_000_000n).padStart(9, '0')}`
}
