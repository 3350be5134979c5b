/** For destinations that take one notification at a time. */
import type { Notification } from './destination.ts'

/** One notification that takes longer has failed. */
export const ONE_TIMEOUT_MS = 30_000
/** Taken ones that are remembered until their delivery is done; several times a delivery. */
const MAX_TAKEN = 1_000

/**
 * A delivery's notifications in turn. What was taken is not sent again when the delivery comes again for the rest, as a
 * whole or each by itself.
 */
export class OneByOne {
  private readonly taken = new Set<string>()
  private readonly timeoutMs: number

  constructor({ timeoutMs = ONE_TIMEOUT_MS }: { timeoutMs?: number } = {}) {
    this.timeoutMs = timeoutMs
  }

  /** Rejects as soon as one is not taken. */
  async send(
    notifications: readonly Notification[],
    signal: AbortSignal,
    sendOne: (notification: Notification, signal: AbortSignal) => Promise<void>,
  ): Promise<void> {
    for (const notification of notifications) {
      const { id } = notification.detection
      if (this.taken.has(id)) continue
      await sendOne(notification, AbortSignal.any([signal, AbortSignal.timeout(this.timeoutMs)]))
      this.taken.add(id)
      const [oldest] = this.taken
      if (this.taken.size > MAX_TAKEN && oldest !== undefined) this.taken.delete(oldest)
    }
    for (const { detection } of notifications) this.taken.delete(detection.id)
  }
}
