/** What a destination is, what it is given, and where that waits for it. */
import type { Detection } from '../../core/model/detection.ts'
import type { Item, Topic } from '../../core/model/queue.ts'

export interface Notification {
  detection: Detection
  alert: { id: string; count: number }
}

/**
 * Where notifications go. `name` is unique, of lower-case letters, digits and hyphens: it names the topic, and stands in
 * metrics and in what was given up.
 */
export interface Destination {
  readonly name: string
  /** It sends one after the other, and gives each its own time: a delivery may take as many times longer. */
  readonly isOneByOne?: boolean
  /** Throws only for what trying again will not mend, such as a mistake in its configuration. */
  start(): Promise<void>
  /**
   * Resolves when all are delivered. A throw means that not all are: they come again, after a while that grows, but for
   * an AppError that is not retryable, which gives up what it was thrown for. Gives up waiting when the signal aborts.
   */
  send(notifications: readonly Notification[], signal: AbortSignal): Promise<void>
  stop(): Promise<void>
}

export function notificationTopic(destination: string): Topic {
  return `notify/${destination}`
}

/** `line` is the detection as JSON: it is not written anew for every destination. */
export function notificationItem({ id, line }: { id: string; line: string }, alert: Notification['alert']): Item {
  const text = `{"detection":${line},"alert":${JSON.stringify({ id: alert.id, count: alert.count })}}`
  return { id, class: 'evidence', payload: Buffer.from(text) }
}
