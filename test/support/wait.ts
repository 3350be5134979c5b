/** Waits for a condition that the real world brings about. */
import { setTimeout as delay } from 'node:timers/promises'

/** How many times longer everything may take; for machines that stand still for seconds. */
export const PATIENCE = Number(process.env.SEAMARK_TEST_PATIENCE ?? 1)

export async function until<T>(
  what: string,
  probe: () => T | undefined | null | false | Promise<T | undefined | null | false>,
  timeoutMs = 15_000,
): Promise<T> {
  const endMs = performance.now() + timeoutMs * PATIENCE
  for (;;) {
    const found = await probe()
    if (found !== undefined && found !== null && found !== false) return found as T
    if (performance.now() > endMs) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`)
    await delay(25)
  }
}
