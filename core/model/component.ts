/** What runs: explicit start and stop, and time handed in. */

export interface Component {
  start(): Promise<void>
  /** Flushes and ends within the deadline. Safe to call twice, and without start. */
  stop(deadlineMs: number): Promise<void>
}

export interface Clock {
  /** Milliseconds since the Unix epoch. */
  nowMs(): number
  /** Rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
