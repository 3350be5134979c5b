/** Work that is waited for only so long. It goes on when nobody waits any more; what becomes of it then is not told. */
import { AppError } from '../model/errors.ts'

/** As the work does, or rejects with AppError E_DEADLINE (retryable) after `limitMs`. */
export async function withinTime<T>(
  limitMs: number,
  work: Promise<T>,
  message = `no answer within ${limitMs} ms`,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new AppError('E_DEADLINE', message, { retryable: true })), limitMs)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when the work is done or `limitMs` are over, whichever comes first; rejects as the work does. Keeps no process alive. */
export async function doneOrLate(limitMs: number, work: Promise<unknown> | null | undefined): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, limitMs).unref()
  try {
    await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
