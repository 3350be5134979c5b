/**
 * Failures that come again and again, such as those of a server that is away: the log tells of the first, and then once a
 * minute how many there were, so that the log itself is no second fault.
 */
import type { Logger } from './logging.ts'

const TELL_EVERY_MS = 60_000
/** Messages that are told apart; more than that at once are one. */
const MAX_MESSAGES = 50

/** Never throws. `nowMs` need only go forward. */
export function logRepeated(
  logger: Pick<Logger, 'error'>,
  what: string,
  nowMs: () => number = () => performance.now(),
): (error: unknown) => void {
  const told = new Map<string, { atMs: number; since: number }>()
  return (error) => {
    const message = error instanceof Error ? error.message : String(error)
    const before = told.get(message)
    const now = nowMs()
    if (before !== undefined && now - before.atMs < TELL_EVERY_MS) {
      before.since += 1
      return
    }
    if (before === undefined && told.size === MAX_MESSAGES) told.clear()
    logger.error({ err: error, ...(before === undefined ? {} : { times: before.since + 1 }) }, what)
    told.set(message, { atMs: now, since: 0 })
  }
}
