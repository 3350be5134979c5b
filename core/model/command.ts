/**
 * Commands for one collector: durable at the centre, executed at most once on the host, and answered by an event of
 * source `command`. They stand in the documents rather than in a queue of their own: a queue's consumer for every host
 * would be a connection for every host.
 */

export interface Command {
  /** Unique and sorted by the time it was given. */
  id: string
  collector: string
  /** What to do, such as `ping`; a host that does not know it says so. */
  kind: string
  /** JSON, as the kind wants it. */
  args: unknown
  /** By the centre's clock, ms since the Unix epoch; not begun later than this. */
  expiresMs: number
}

/** A command as its host gets it: how long it is still good, as the host's clock may be any number of years off. */
export interface DueCommand {
  id: string
  kind: string
  args: unknown
  /** 0 or less: it has expired, and is only to be answered. */
  remainingMs: number
}

/**
 * `interrupted`: the host ended while it ran, and nobody knows whether it took effect; it is not run again.
 * `refused`: the host does not know the kind.
 */
export const OUTCOMES = ['done', 'failed', 'expired', 'interrupted', 'refused'] as const

export type Outcome = (typeof OUTCOMES)[number]

export interface CommandResult {
  id: string
  outcome: Outcome
  /** What came of it, or why nothing did. */
  message: string
}

/** The centre as one collector sees it, near or far. */
export interface CommandChannel {
  /**
   * Those that are not settled, the oldest first; waits for one. Gives the same again until it is settled. Rejects
   * where the centre cannot be asked.
   */
  next(waitMs: number, signal: AbortSignal): Promise<readonly DueCommand[]>
  /** The centre need not give it again; repeating it changes nothing. */
  settle(results: readonly CommandResult[]): Promise<void>
}

export const COMMAND_KIND = /^[a-z][a-z0-9_-]{0,63}$/
export const MAX_RESULT_CHARS = 2_000
/** Of one answer and of one settlement. */
export const MAX_COMMANDS_AT_ONCE = 100
