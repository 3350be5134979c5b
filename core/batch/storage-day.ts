/**
 * The storage day of an event: its UTC day, clamped around the moment the batch was received, so that a host with a
 * wrong clock cannot create files or indices all over the calendar. Decided once, carried in the envelope.
 */

const DAY_MS = 86_400_000
/** Late batches of a spool may be this old; clocks may run this far ahead. */
const PAST_DAYS = 7
const FUTURE_DAYS = 1

export function storageDay(timeMs: number, receivedMs: number): string {
  const clamped = Math.min(Math.max(timeMs, receivedMs - PAST_DAYS * DAY_MS), receivedMs + FUTURE_DAYS * DAY_MS)
  return dayText(Math.floor(clamped / DAY_MS))
}

/** Events come in days' order, so that the last one is nearly always asked for again. */
const last = { day: Number.NaN, text: '' }

function dayText(day: number): string {
  if (day !== last.day) {
    last.text = new Date(day * DAY_MS).toISOString().slice(0, 10)
    last.day = day
  }
  return last.text
}

/** Every day that `storageDay` can give for a batch received then, oldest first. */
export function storageDays(receivedMs: number): string[] {
  return Array.from({ length: PAST_DAYS + FUTURE_DAYS + 1 }, (_, i) =>
    storageDay(receivedMs + (i - PAST_DAYS) * DAY_MS, receivedMs),
  )
}
