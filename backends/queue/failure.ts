/** What every queue does about a handler that failed: how long it waits, and what it writes down. */
import type { Failure } from '../../core/model/queue.ts'

export interface QueueBackoff {
  /** Before the first repetition, in ms; doubles with each. */
  first: number
  most: number
}

const MAX_MESSAGE_CHARS = 1_000

/** Whole ms before the attempt that follows `attempt`; shortened at random by up to half, so that not all come at once. */
export function backoffAfter(attempt: number, { first, most }: QueueBackoff): number {
  return Math.ceil(Math.min(most, first * 2 ** Math.min(attempt - 1, 30)) * (0.5 + Math.random() / 2))
}

/** Of whatever was thrown. */
export function describeFailure(error: unknown): Pick<Failure, 'code' | 'message'> {
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown }
  const text = typeof message === 'string' ? message : String(error)
  return { code: typeof code === 'string' ? code : String(name ?? 'Error'), message: text.slice(0, MAX_MESSAGE_CHARS) }
}
