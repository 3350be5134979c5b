/** What every search store refuses to answer, in the same words. */
import { AppError } from '../model/errors.ts'

export const MAX_LIMIT = 1000
const MAX_BY = 3

/** Throws E_STORE_QUERY. */
export function checkLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return
  throw new AppError('E_STORE_QUERY', `limit must be a whole number from 1 to ${MAX_LIMIT}`)
}

/** Throws E_STORE_QUERY. */
export function checkCount(by: readonly string[], everyMs: number | undefined): void {
  if (by.length > MAX_BY) throw new AppError('E_STORE_QUERY', `counts are by at most ${MAX_BY} fields`)
  if (everyMs === undefined || (Number.isInteger(everyMs) && everyMs >= 1)) return
  throw new AppError('E_STORE_QUERY', 'the interval must be a whole number of milliseconds')
}

/** The bounds with nothing left open; ms since the Unix epoch. Throws E_STORE_QUERY. */
export function timeBounds(fromMs: number | undefined, toMs: number | undefined): { fromMs: number; toMs: number } {
  if (Number.isNaN(fromMs) || Number.isNaN(toMs)) throw new AppError('E_STORE_QUERY', 'a time bound is not a number')
  return {
    fromMs: Math.max(fromMs ?? 0, 0),
    toMs: Math.min(toMs ?? Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  }
}
