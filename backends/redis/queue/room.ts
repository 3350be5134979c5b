/**
 * Redis' memory is one for all topics, and moving an item on takes some of it: a server that is filled to the brim by
 * what comes in could never be emptied. So what comes in is refused while there is still room to move.
 */
import type { Redis } from 'ioredis'
import { isFull, readRedisMemory } from '../state.ts'

export interface Room {
  /** Whether Redis is too full for more to come in. Rejects as ioredis does. */
  isScarce(): Promise<boolean>
}

/** What comes in within this time has to fit into what is left. */
const LOOK_EVERY_MS = 500

export function createRoom(redis: Redis): Room {
  let scarce = false
  let nextLookMs = Number.NEGATIVE_INFINITY
  let looking: Promise<void> | null = null

  async function look(): Promise<void> {
    scarce = isFull(await readRedisMemory(redis))
    nextLookMs = performance.now() + LOOK_EVERY_MS
  }

  return {
    async isScarce() {
      if (performance.now() >= nextLookMs) {
        looking ??= look().finally(() => {
          looking = null
        })
        await looking
      }
      return scarce
    },
  }
}
