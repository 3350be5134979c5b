/** For destinations that take one notification at a time. */
import type { Notification } from './outbox.ts'

/** A delivery's notifications in turn; what was taken is not sent again when the delivery comes again for the rest. */
export class OneByOne {
  /** At most a delivery's. */
  private readonly taken = new Set<string>()

  /** Rejects as soon as one is not taken. */
  async send(
    notifications: readonly Notification[],
    sendOne: (notification: Notification) => Promise<void>,
  ): Promise<void> {
    for (const notification of notifications) {
      const { id } = notification.detection
      if (this.taken.has(id)) continue
      await sendOne(notification)
      this.taken.add(id)
    }
    this.taken.clear()
  }
}
