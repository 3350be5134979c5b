/**
 * Redis' memory is one for all topics, and moving an item on takes some of it: a server that is filled to the brim by
 * what comes in could never be emptied. So what comes in is refused while there is still room to move.
 */
import type { Redis } from 'ioredis'
import { readRedisMemory, roomIn } from '../state.ts'

export interface Room {
  /** Whether so many bytes more may come in. Rejects as ioredis does. */
  holds(bytes: number): Promise<boolean>
}

const LOOK_EVERY_MS = 500
/** Of the room seen last, taken before Redis is asked again: what is stored takes more than its bytes. */
const TRUSTED_SHARE = 0.25

export function createRoom(redis: Redis): Room {
  let room = 0
  let taken = 0
  let nextLookMs = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | null = null

  async function look(): Promise<void> {
    room = roomIn(await readRedisMemory(redis))
    taken = 0
    nextLookMs = performance.now() + LOOK_EVERY_MS
  }

  return {
    async holds(bytes) {
      if (performance.now() >= nextLookMs || taken + bytes > room * TRUSTED_SHARE) {
        looking ??= look().finally(() => {
          looking = null
        })
        await looking
      }
      if (taken + bytes > room) return false
      taken += bytes
      return true
    },
  }
}
