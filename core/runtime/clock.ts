/** The real clock. Tests hand in their own. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Clock } from '../model/component.ts'

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
}

/** ns since the Unix epoch, for stamping our own events. */
export function nowNs(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n
}
