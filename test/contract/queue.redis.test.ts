import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRedisQueue, type RedisQueueOptions } from '../../backends/redis/queue.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Delivery, Item } from '../../core/model/queue.ts'
import { type RedisServer, redisMissing, startRedis } from '../support/redis.ts'
import { runChild } from './children/run-child.ts'
import { consuming, eventually, item, queueSuite, take } from './queue.suite.ts'

const missing = redisMissing()
let server: RedisServer | undefined
beforeAll(async () => {
  if (missing === null) server = await startRedis()
})
afterAll(() => server?.remove())

async function opened(options: Partial<RedisQueueOptions> = {}) {
  const queue = createRedisQueue({
    url: server!.url,
    prefix: `{${randomUUID()}}`,
    backoffMs: { first: 5, most: 20 },
    ...options,
  })
  await queue.start()
  onTestFinished(() => queue.stop(1_000))
  return queue
}

describe.skipIf(missing !== null)(`Redis${missing === null ? '' : ` (${missing})`}`, () =>
  queueSuite('Redis', async () => {
    const prefix = `{${randomUUID()}}`
    return { open: (limits) => opened({ prefix, ...limits }) }
  }),
)

describe.skipIf(missing !== null)('Redis queue', () => {
  test('keeps everything it acknowledged while Redis is killed again and again', async () => {
    const mine = await startRedis()
    onTestFinished(() => mine.remove())
    const queue = await opened({ url: mine.url, leaseMs: 300 })
    const acknowledged = new Set<string>()
    const offered = { refused: 0, stop: false }
    const lanes = [0, 1, 2].map(async (lane) => {
      for (let n = lane; !offered.stop; n += 3) {
        // Tried until it is taken, as every stage does.
        while (!acknowledged.has(`${n}`)) {
          try {
            await queue.offer('batches', [item(`${n}`, 'x'.repeat(n % 3_000))])
            acknowledged.add(`${n}`)
          } catch {
            offered.refused += 1
            await new Promise((resolve) => setTimeout(resolve, 20))
          }
        }
      }
    })
    const delivered = new Map<string, number>()
    const consumer = queue.consume('batches', async ({ items }) => {
      for (const { id } of items) delivered.set(id, (delivered.get(id) ?? 0) + 1)
    })
    await consumer.start()
    for (let round = 0; round < 4; round++) {
      const before = acknowledged.size
      await eventually(() => acknowledged.size > before + 50)
      await mine.kill()
      await new Promise((resolve) => setTimeout(resolve, 100))
      await mine.start()
    }
    offered.stop = true
    await Promise.all(lanes)
    await eventually(async () => (await queue.depth('batches')).items === 0, 20_000)
    await consumer.stop(5_000)
    expect([...acknowledged].filter((id) => !delivered.has(id))).toEqual([])
    // At least once: a delivery whose end Redis did not hear of comes again, and no other.
    expect([...delivered.values()].filter((times) => times > 2)).toEqual([])
    expect(offered.refused).toBeGreaterThan(0)
  }, 60_000)

  test('a killed consumer loses its items to the next one when its lease ends', async () => {
    const prefix = `{${randomUUID()}}`
    const queue = await opened({ prefix, leaseMs: 500 })
    await queue.offer('index', [item('a')])
    const child = runChild('hold-redis-item.ts', server!.url, prefix)
    await child.printed('a')
    await child.kill()
    expect((await take(queue, 'index', 1)).map(({ id }) => id)).toEqual(['a'])
    expect(queue.counters.stalledItems).toBe(1)
  })

  test('what is given up takes nothing else of its delivery with it', async () => {
    const prefix = `{${randomUUID()}}`
    const queue = await opened({ prefix, leaseMs: 500, maxRetryableAttempts: 1 })
    await queue.offer('index', [item('deadly')])
    const child = runChild('hold-redis-item.ts', server!.url, prefix)
    await child.printed('deadly')
    await child.kill()
    await queue.offer('index', [item('first')])
    const got: string[][] = []
    const handle = async ({ items }: Delivery) => {
      got.push(items.map(({ id }) => id))
      if (got.length > 1) return
      // What comes meanwhile is one delivery.
      await queue.offer('index', [item('fresh')])
      await eventually(() => queue.counters.stalledItems === 1)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await consuming(queue, 'index', handle, async () => (await queue.depth('index')).items === 0, 64)
    expect(got.flat()).toEqual(['first', 'fresh'])
    expect((await take(queue, 'dead', 1)).map(({ failure }) => failure?.code)).toEqual(['lease'])
  })

  test('a Redis that is filled by what comes in can be emptied', async () => {
    const mine = await startRedis()
    onTestFinished(() => mine.remove())
    const redis = new Redis(mine.url)
    onTestFinished(() => redis.disconnect())
    const queue = await opened({ url: mine.url })
    const usedBytes = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
    await redis.config('SET', 'maxmemory', String(usedBytes + 32 * 2 ** 20))
    let offered = 0
    for (; ; offered++) {
      if ((await queue.offer('batches', [item(`${offered}`, 'x'.repeat(100_000))])) === 'full') break
    }
    expect(queue.counters).toMatchObject({ refusedOffers: 1, storageErrors: 0 })
    const moved = async ({ items }: Delivery) => {
      await queue.offer(
        'index',
        items.map((one) => ({ ...one, id: `of ${one.id}` })),
      )
    }
    await consuming(queue, 'batches', moved, async () => (await queue.depth('batches')).items === 0, 16)
    expect(await take(queue, 'index', offered)).toHaveLength(offered)
    expect(queue.counters.storageErrors).toBe(0)
    await eventually(async () => (await queue.offer('batches', [item('later')])) === 'stored')
  })

  test('a Redis that refuses everything is asked now and then, until it takes again', async () => {
    const mine = await startRedis()
    onTestFinished(() => mine.remove())
    const redis = new Redis(mine.url)
    onTestFinished(() => redis.disconnect())
    const queue = await opened({ url: mine.url })
    for (let i = 0; i < 40; i++) await queue.offer('index', [item(`${i}`)])
    await redis.config('SET', 'maxmemory', '1')
    const got: string[] = []
    const consumer = queue.consume('index', async ({ items }) => void got.push(...items.map(({ id }) => id)))
    await consumer.start()
    const fromMs = performance.now()
    await eventually(() => queue.counters.storageErrors > 2)
    const errors = queue.counters.storageErrors
    const seconds = (performance.now() - fromMs) / 1_000
    await redis.config('SET', 'maxmemory', '0')
    await eventually(async () => (await queue.depth('index')).items === 0, 20_000)
    await consumer.stop(5_000)
    expect(new Set(got).size).toBe(40)
    // Without a rest there are thousands a second.
    expect(errors).toBeLessThan(20 * (seconds + 1))
  }, 40_000)

  test('a consumer that fails for a reason outside the items leaves the others alone for a while', async () => {
    const queue = await opened({ backoffMs: { first: 100, most: 200 } })
    for (let i = 0; i < 60; i++) await queue.offer('index', [item(`${i}`)])
    const away = AbortSignal.timeout(400)
    let failures = 0
    const handle = async () => {
      if (away.aborted) return
      failures += 1
      throw new AppError('E_STORE_STORAGE', 'away', { retryable: true })
    }
    await consuming(queue, 'index', handle, async () => (await queue.depth('index')).items === 0, 4)
    expect(failures).toBeGreaterThan(0)
    // Without a rest all fifteen deliveries fail at once.
    expect(failures).toBeLessThan(12)
  })

  test('what is done leaves its id and nothing else', async () => {
    const prefix = `{${randomUUID()}}`
    const queue = await opened({ prefix, rememberIds: 100 })
    for (let i = 0; i < 300; i++) await queue.offer('index', [item(`${i}`, 'x'.repeat(500))])
    await take(queue, 'index', 300)
    const redis = new Redis(server!.url)
    onTestFinished(() => redis.disconnect())
    const keys = await redis.keys(`${prefix}*`)
    expect(keys.filter((key) => key.includes('group:'))).toEqual([])
    expect(keys.length).toBeLessThan(12)
    expect(await redis.zcard(`${prefix}:topic:index:done`)).toBe(100)
  })

  test('data of another layout is not touched', async () => {
    const prefix = `{${randomUUID()}}`
    await opened({ prefix })
    const redis = new Redis(server!.url)
    onTestFinished(() => redis.disconnect())
    await redis.set(`${prefix}:layout`, '99')
    await expect(opened({ prefix })).rejects.toMatchObject({
      code: 'E_QUEUE_LAYOUT',
      retryable: false,
      message: expect.stringMatching(/layout 99.*layout 2/),
    })
  })

  test('a topic that keeps everything refuses instead of evicting, and lets evidence in for longer', async () => {
    const queue = await opened({ maxBytes: 30_000, keeps: ['batches'] })
    const of = (id: string, cls: Item['class']) => item(id, 'x'.repeat(6_500), { class: cls })
    await queue.offer('batches', [of('a', 'routine'), of('b', 'routine'), of('c', 'bulk')])
    expect(await queue.offer('batches', [of('d', 'routine')])).toBe('full')
    expect(await queue.offer('batches', [of('e', 'evidence')])).toBe('stored')
    expect(await queue.offer('batches', [of('f', 'evidence')])).toBe('full')
    const got = await take(queue, 'batches', 4)
    expect(got.map(({ id, payload }) => [id, payload.length])).toEqual(['a', 'b', 'c', 'e'].map((id) => [id, 6_500]))
    expect(queue.counters).toMatchObject({ evictedItems: 0, refusedOffers: 2 })
  })

  test('data of the layout before is taken over, with what waits in it', async () => {
    const prefix = `{${randomUUID()}}`
    const before = await opened({ prefix })
    await before.offer('batches', [item('waits', 'since before')])
    const redis = new Redis(server!.url)
    onTestFinished(() => redis.disconnect())
    await redis.set(`${prefix}:layout`, '1')
    const queue = await opened({ prefix })
    expect(await redis.get(`${prefix}:layout`)).toBe('2')
    expect((await take(queue, 'batches', 1)).map(({ id }) => id)).toEqual(['waits'])
  })

  test('a consumer that may have two deliveries handles the second while the first waits', async () => {
    const queue = await opened()
    for (const id of ['a', 'b']) await queue.offer('index', [item(`${id}1`), item(`${id}2`)])
    const begun = new Set<string>()
    const both = Promise.withResolvers<void>()
    const handle = async ({ items }: Delivery) => {
      for (const { id } of items) begun.add(id)
      if (begun.size === 4) both.resolve()
      await both.promise
    }
    const consumer = queue.consume('index', handle, { maxItems: 2, deliveries: 2 })
    await consumer.start()
    await both.promise
    await consumer.stop(1_000)
    expect((await queue.depth('index')).items).toBe(0)
  })

  test('an offer that died before its job was made is completed by its repetition', async () => {
    const prefix = `{${randomUUID()}}`
    const queue = await opened({ prefix })
    await queue.offer('index', [item('a')])
    const redis = new Redis(server!.url)
    onTestFinished(() => redis.disconnect())
    const jobKeys = (await redis.keys(`${prefix}:index:*`)).filter((key) => !key.endsWith(':done'))
    expect(await redis.del(jobKeys)).toBeGreaterThan(0)
    expect(await queue.offer('index', [item('a', 'again')])).toBe('stored')
    const got = await take(queue, 'index', 1)
    expect(got.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['a'])
  })

  test('is full by its number of items as well as by its bytes, and counts what it refused', async () => {
    const queue = await opened({ maxItems: 2 })
    expect(await queue.offer('index', [item('a'), item('b')])).toBe('stored')
    expect(await queue.offer('index', [item('c')])).toBe('full')
    expect(queue.counters.refusedOffers).toBe(1)
    await consuming(
      queue,
      'index',
      async () => {},
      async () => (await queue.depth('index')).items === 0,
    )
    expect(await queue.offer('index', [item('c')])).toBe('stored')
  })

  test('refuses offers while Redis is away and takes them when it is back', async () => {
    const mine = await startRedis()
    onTestFinished(() => mine.remove())
    const queue = await opened({ url: mine.url })
    await mine.kill()
    await expect(queue.offer('index', [item('a')])).rejects.toMatchObject({ code: 'E_QUEUE_STORAGE', retryable: true })
    await mine.start()
    await eventually(() =>
      queue.offer('index', [item('a')]).then(
        (outcome) => outcome === 'stored',
        () => false,
      ),
    )
    expect((await take(queue, 'index', 1)).length).toBe(1)
  })
})
