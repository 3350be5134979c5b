/** Times in ns since the Unix epoch as Falco prints them, in UTC so that hosts and servers agree. */

/** `2026-11-22T12:00:00.123456789+0000`. */
export function isoText(ns: bigint): string {
  return `${whole(ns)}.${fraction(ns)}+0000`
}

/** `2026-11-22 12:00:00.123456789`. */
export function dateTimeText(ns: bigint): string {
  return `${whole(ns).replace('T', ' ')}.${fraction(ns)}`
}

/** `12:00:00.123456789`. */
export function timeText(ns: bigint): string {
  return `${secondsText(ns)}.${fraction(ns)}`
}

/** `12:00:00`. */
export function secondsText(ns: bigint): string {
  return whole(ns).slice(11)
}

/** ISO 8601 with ms, as documents carry it. */
export function timestampText(ns: bigint): string {
  const ms = boundedMs(ns)
  const second = Math.floor(ms / 1_000)
  // Events come in order: most share their second with the one before.
  if (second !== last.second) {
    last.text = new Date(second * 1_000).toISOString().slice(0, 20)
    last.second = second
  }
  return `${last.text}${String(ms - second * 1_000).padStart(3, '0')}Z`
}

const last = { second: Number.NaN, text: '' }

function whole(ns: bigint): string {
  return new Date(boundedMs(ns)).toISOString().slice(0, 19)
}

function fraction(ns: bigint): string {
  return (((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n).toString().padStart(9, '0')
}

/** Years 0 to 9999, so that a hostile time still prints. */
function boundedMs(ns: bigint): number {
  const ms = Number(ns / 1_000_000n)
  return Math.min(Math.max(ms, -62_167_219_200_000), 253_402_300_799_999)
}
