/**
 * The promises of the `Queue` port. Every backend runs this suite; what only one backend can show stands in that
 * backend's own test file.
 */
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Delivery, Item, Queue, Topic } from '../../core/model/queue.ts'
import { PATIENCE } from '../support/wait.ts'

export interface QueueLimits {
  maxBytes?: number
  leaseMs?: number
  maxAttempts?: number
  rememberIds?: number
}

/** Empty storage; every `open` gives another handle on it, as another thread or process would have. */
export interface QueueStorage {
  open(limits?: QueueLimits): Promise<Queue & Component>
}

export const item = (id: string, text = id, extra: Partial<Item> = {}): Item => ({
  id,
  class: 'routine',
  payload: Buffer.from(text),
  ...extra,
})

const header = { collector: 'c', epoch: 'e', lowMs: {}, dropped: {}, plan: 'p', edgeRuleset: 'r', rows: 3 }

/** Collects what a topic delivers until `count` items have come. */
export async function take(queue: Queue, topic: Topic, count: number, maxItems = 64): Promise<Item[]> {
  const got: Item[] = []
  await consuming(
    queue,
    topic,
    async ({ items }) => void got.push(...items),
    () => got.length >= count,
    maxItems,
  )
  return got
}

/** Consumes until `until` holds; throws when it does not within `withinMs`. */
export async function consuming(
  queue: Queue,
  topic: Topic,
  handle: (delivery: Delivery) => Promise<void>,
  until: () => boolean | Promise<boolean>,
  maxItems = 64,
  withinMs = 10_000,
): Promise<void> {
  const consumer = queue.consume(topic, handle, { maxItems })
  await consumer.start()
  try {
    await eventually(until, withinMs)
  } finally {
    await consumer.stop(5_000)
  }
}

export async function eventually(holds: () => boolean | Promise<boolean>, withinMs = 10_000): Promise<void> {
  const deadline = performance.now() + withinMs * PATIENCE
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

export function queueSuite(name: string, create: () => Promise<QueueStorage>): void {
  async function open(limits?: QueueLimits) {
    const storage = await create()
    const queue = await storage.open(limits)
    onTestFinished(() => queue.stop(1_000))
    return { storage, queue }
  }

  describe(`${name} as a queue`, () => {
    test('delivers what was offered, with every part of it', async () => {
      const { queue } = await open()
      const sent = item('a', 'payload', {
        class: 'evidence',
        header: { ...header, sequence: 7, class: 'evidence' },
        envelope: { receivedMs: 5, ruleset: 'v1', parts: { '2026-11-22': 0 } },
      })
      expect(await queue.offer('batches', [sent])).toBe('stored')
      const [got] = await take(queue, 'batches', 1)
      expect({ ...got, payload: Buffer.from(got!.payload).toString() }).toEqual({ ...sent, payload: 'payload' })
    })

    test('hands out items in the order of their offers', async () => {
      const { queue } = await open()
      for (let i = 0; i < 30; i++) await queue.offer('index', [item(`${i}a`), item(`${i}b`)])
      const got = await take(queue, 'index', 60, 7)
      expect(got.map(({ id }) => id)).toEqual(Array.from({ length: 30 }, (_, i) => [`${i}a`, `${i}b`]).flat())
    })

    test('keeps to the most deliveries at the same time, and gives each item once', async () => {
      const { queue } = await open()
      const items = Array.from({ length: 60 }, (_, i) => item(`item-${i}`))
      for (let i = 0; i < items.length; i += 6) await queue.offer('index', items.slice(i, i + 6))
      let [now, most] = [0, 0]
      const seen: string[] = []
      const handle = async (delivery: Delivery) => {
        now += 1
        most = Math.max(most, now)
        await new Promise((resolve) => setTimeout(resolve, 5))
        seen.push(...delivery.items.map(({ id }) => id))
        now -= 1
      }
      const consumer = queue.consume('index', handle, { maxItems: 6, deliveries: 2 })
      await consumer.start()
      await eventually(() => seen.length >= items.length, 10_000)
      await consumer.stop(1_000)
      expect(new Set(seen).size).toBe(items.length)
      expect(most).toBeLessThanOrEqual(2)
    })

    test('keeps to the most items of one delivery', async () => {
      const { queue } = await open()
      await queue.offer(
        'index',
        Array.from({ length: 20 }, (_, i) => item(`${i}`)),
      )
      const sizes: number[] = []
      const enough = () => sizes.reduce((a, b) => a + b, 0) === 20
      await consuming(queue, 'index', async ({ items }) => void sizes.push(items.length), enough, 6)
      expect(Math.max(...sizes)).toBe(6)
    })

    test('takes an id once, while it is held, within one offer, and after it is done', async () => {
      const { queue } = await open()
      await queue.offer('index', [item('x', 'first'), item('x', 'again')])
      await queue.offer('index', [item('x', 'third'), item('y')])
      expect((await queue.depth('index')).items).toBe(2)
      const got = await take(queue, 'index', 2)
      expect(got.map(({ payload }) => Buffer.from(payload).toString())).toEqual(['first', 'y'])
      expect(await queue.offer('index', [item('x', 'late')])).toBe('stored')
      expect((await queue.depth('index')).items).toBe(0)
    })

    test('the same id in another topic is another item', async () => {
      const { queue } = await open()
      await queue.offer('notify/a', [item('x')])
      await queue.offer('notify/b', [item('x')])
      expect((await queue.depth('notify/a')).items + (await queue.depth('notify/b')).items).toBe(2)
    })

    test('wakes a waiting consumer without polling it', async () => {
      const { queue } = await open()
      const waits: number[] = []
      let sentMs = 0
      const consumer = queue.consume('detections', async () => void waits.push(performance.now() - sentMs))
      await consumer.start()
      for (let i = 0; i < 21; i++) {
        await new Promise((resolve) => setTimeout(resolve, 10))
        sentMs = performance.now()
        await queue.offer('detections', [item(`${i}`)])
        await eventually(() => waits.length === i + 1)
      }
      await consumer.stop(1_000)
      // The poll comes every few hundred ms; the bound leaves room for a busy machine and its disk.
      expect(waits.sort((a, b) => a - b)[10]).toBeLessThan(50)
    })

    test('tries again after an error, counting attempts', async () => {
      const { queue } = await open()
      await queue.offer('notify/terminal', [item('a')])
      const attempts: number[] = []
      const handle = async ({ attempt }: Delivery) => {
        attempts.push(attempt)
        if (attempt < 3) throw new AppError('E_STORE_STORAGE', 'later', { retryable: true })
      }
      await consuming(queue, 'notify/terminal', handle, async () => (await queue.depth('notify/terminal')).items === 0)
      expect(attempts).toEqual([1, 2, 3])
    })

    test('moves an item to `dead` with the reason after a permanent error, and only that item', async () => {
      const { queue } = await open()
      await queue.offer('index', [item('good-1'), item('bad', 'poison'), item('good-2')])
      const done = new Set<string>()
      const handle = async ({ items }: Delivery) => {
        if (items.some(({ id }) => id === 'bad')) throw new AppError('E_BATCH_CORRUPT', 'cannot be read')
        for (const { id } of items) done.add(id)
      }
      await consuming(queue, 'index', handle, async () => (await queue.depth('index')).items === 0)
      expect([...done].sort()).toEqual(['good-1', 'good-2'])
      const dead = await take(queue, 'dead', 1)
      expect(dead.map(({ id }) => id)).toEqual(['index/bad'])
      expect(Buffer.from(dead[0]!.payload).toString()).toBe('poison')
      expect(dead[0]!.failure).toMatchObject({ topic: 'index', code: 'E_BATCH_CORRUPT', message: 'cannot be read' })
    })

    test('gives an item up after too many attempts', async () => {
      const { queue } = await open({ maxAttempts: 3 })
      await queue.offer('notify/terminal', [item('a')])
      let calls = 0
      const handle = async () => {
        calls += 1
        throw new TypeError('a bug')
      }
      await consuming(queue, 'notify/terminal', handle, async () => (await queue.depth('dead')).items === 1)
      expect(calls).toBe(3)
      expect((await take(queue, 'dead', 1))[0]!.failure).toMatchObject({ code: 'TypeError', attempts: 3 })
    })

    test('several consumers share a topic without handing anything out twice', async () => {
      const { storage, queue } = await open()
      const other = await storage.open()
      onTestFinished(() => other.stop(1_000))
      const got: string[] = []
      const handle = async ({ items }: Delivery) => {
        got.push(...items.map(({ id }) => id))
        await new Promise((resolve) => setImmediate(resolve))
      }
      const consumers = [queue, queue, other, other].map((q) => q.consume('index', handle, { maxItems: 3 }))
      await Promise.all(consumers.map((consumer) => consumer.start()))
      await Promise.all(Array.from({ length: 40 }, (_, i) => queue.offer('index', [item(`${i}`), item(`${i}'`)])))
      await eventually(async () => (await queue.depth('index')).items === 0)
      await Promise.all(consumers.map((consumer) => consumer.stop(1_000)))
      expect(got.length).toBe(80)
      expect(new Set(got).size).toBe(80)
    })

    test('a handler that outlasts its lease keeps its items', async () => {
      // A lease is renewed at half of it; a machine that stands still for longer loses it rightly.
      const { storage, queue } = await open({ leaseMs: 800 })
      const other = await storage.open({ leaseMs: 800 })
      onTestFinished(() => other.stop(1_000))
      await queue.offer('index', [item('slow')])
      let calls = 0
      const handle = async () => {
        calls += 1
        await new Promise((resolve) => setTimeout(resolve, 2_400))
      }
      const consumers = [queue, other].map((q) => q.consume('index', handle))
      await Promise.all(consumers.map((consumer) => consumer.start()))
      await eventually(async () => (await queue.depth('index')).items === 0)
      await Promise.all(consumers.map((consumer) => consumer.stop(1_000)))
      expect(calls).toBe(1)
    })

    test('a stopped consumer finishes what it holds and takes nothing more', async () => {
      const { queue } = await open()
      await queue.offer('index', [item('a'), item('b')])
      const got: string[] = []
      const handle = async ({ items }: Delivery) => {
        got.push(...items.map(({ id }) => id))
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
      const consumer = queue.consume('index', handle, { maxItems: 1 })
      await consumer.start()
      await eventually(() => got.length === 1)
      await consumer.stop(5_000)
      await consumer.stop(5_000)
      expect(got).toEqual(['a'])
      expect((await take(queue, 'index', 1)).map(({ id }) => id)).toEqual(['b'])
    })

    test('stores checkpoints in the commit of their offer; the latest counts', async () => {
      const { storage, queue } = await open()
      expect(await queue.checkpoint('docker')).toBeNull()
      await queue.offer('batches', [item('a')], [{ source: 'docker', position: '10' }])
      await queue.offer('batches', [], [{ source: 'docker', position: '11' }])
      const other = await storage.open()
      onTestFinished(() => other.stop(1_000))
      expect(await other.checkpoint('docker')).toEqual({ source: 'docker', position: '11' })
      expect(await other.checkpoint('__proto__')).toBeNull()
    })

    test('answers `full` at its bound, takes nothing then, and takes again once there is room', async () => {
      const { queue } = await open({ maxBytes: 20_000 })
      const big = (id: string) => item(id, 'x'.repeat(6_000))
      expect(await queue.offer('index', [big('a'), big('b')])).toBe('stored')
      const before = await queue.depth('index')
      expect(await queue.offer('index', [big('c'), big('d')], [{ source: 's', position: '1' }])).toBe('full')
      expect({ ...(await queue.depth('index')), oldestMs: 0 }).toEqual({ ...before, oldestMs: 0 })
      expect(await queue.checkpoint('s')).toBeNull()
      await take(queue, 'index', 2)
      expect(await queue.offer('index', [big('c'), big('d')])).toBe('stored')
    })

    test('when full, evicts the lowest class first and keeps the headers', async () => {
      const { queue } = await open({ maxBytes: 30_000 })
      const of = (id: string, cls: Item['class'], sequence: number) =>
        item(id, 'x'.repeat(8_000), { class: cls, header: { ...header, sequence, class: cls } })
      await queue.offer('batches', [of('routine', 'routine', 1), of('bulk', 'bulk', 2), of('evidence', 'evidence', 3)])
      expect(await queue.offer('batches', [of('new', 'evidence', 4)])).toBe('stored')
      expect(await queue.offer('batches', [of('refused', 'bulk', 5)])).toBe('full')
      const got = await take(queue, 'batches', 4)
      expect(got.map(({ id, payload, header }) => [id, payload.length, header?.sequence])).toEqual([
        ['routine', 8_000, 1],
        ['bulk', 0, 2],
        ['evidence', 8_000, 3],
        ['new', 8_000, 4],
      ])
      expect((await queue.depth('batches')).bytes).toBe(0)
    })

    test('depth agrees with a naive model over any sequence of offers and deliveries', async () => {
      const step = fc.oneof(
        fc.record({
          do: fc.constant('offer' as const),
          ids: fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 4 }),
        }),
        fc.record({ do: fc.constant('take' as const), ids: fc.constant([] as number[]) }),
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
          const storage = await create()
          const queue = await storage.open()
          const held = new Set<string>()
          const ever = new Set<string>()
          for (const { do: action, ids } of steps) {
            if (action === 'offer') {
              const names = ids.map(String)
              await queue.offer(
                'index',
                names.map((id) => item(id)),
              )
              for (const id of names) if (!ever.has(id)) held.add(id)
              for (const id of names) ever.add(id)
            } else if (held.size > 0) {
              const got = await take(queue, 'index', held.size)
              expect(got.map(({ id }) => id)).toEqual([...held])
              held.clear()
            }
            expect((await queue.depth('index')).items).toBe(held.size)
          }
          await queue.stop(1_000)
        }),
        { numRuns: 15 },
      )
    })
  })
}
