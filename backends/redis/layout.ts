/** Which layout the data on Redis has, so that an upgrade or a downgrade never misreads what waits there. */
import type { Redis } from 'ioredis'
import { AppError } from '../../core/model/errors.ts'

/** Raised by whoever changes what keys, or the items in them, mean. 2: batches may share an item of `index`. */
const LAYOUT = '2'
/** What is in these is read as it is; only who wrote them cannot read what is written from then on. */
const TAKEN_OVER: ReadonlySet<string> = new Set(['1'])

/**
 * Throws AppError E_QUEUE_LAYOUT, not retryable, where the data is of a layout that cannot be read; rejects as ioredis
 * does. A server without data, or with data that can be taken over, gets this one's.
 */
export async function claimLayout(redis: Redis, prefix: string): Promise<void> {
  const key = `${prefix}:layout`
  // A server that is full takes no key, and is there to be emptied all the same: it is marked at a later start.
  if ((await redis.get(key)) === null) await redis.setnx(key, LAYOUT).catch(() => {})
  const found = await redis.get(key)
  if (found === LAYOUT || found === null) return
  if (TAKEN_OVER.has(found)) {
    await redis.set(key, LAYOUT)
    return
  }
  const message =
    `Redis holds data of layout ${found}, this version reads layout ${LAYOUT}: stop ingest, let the version that wrote ` +
    `it judge and store what waits, then remove ${key}`
  throw new AppError('E_QUEUE_LAYOUT', message)
}
