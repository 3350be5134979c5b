/** Delays between attempts: exponential with full jitter, so that many clients do not come back at once. */

export interface BackoffOptions {
  firstMs: number
  maxMs: number
}

/** The delay before attempt `attempt` (1 is the first retry), in ms. */
export function backoffMs(attempt: number, options: BackoffOptions, random: () => number = Math.random): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt - 1, 30))
  return Math.max(1, Math.round(ceiling * (0.5 + random() / 2)))
}
