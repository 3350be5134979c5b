import { expect, test } from 'vitest'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { openBatch, sealBatch } from '../../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import { AppError } from '../../../core/model/errors.ts'
import { batchesOf, batchItems, docItem, docItems } from '../../../core/model/index-item.ts'
import type { Item } from '../../../core/model/queue.ts'
import type { Doc, Refused, SearchStore } from '../../../core/model/search-store.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { Indexer } from '../../../indexer/indexer.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'

const doc = (id: string): Doc => ({ kind: 'event', id, timeMs: 1, day: '2026-11-22', part: 0, body: { message: id } })

/** Takes documents unless their id is on its list. */
async function indexing(refuses: Set<string>) {
  const queue = new MemoryQueue()
  const written: string[] = []
  /** Documents of each write, also of those that failed. */
  const tried: number[] = []
  const world = {
    isAway: false,
    /** What the store says to documents that it fails for, by a part of their JSON. */
    failsFor: undefined as { text: string; error: Error } | undefined,
    pauses: 0,
    pause: async (_signal: AbortSignal): Promise<unknown> => undefined,
  }
  const write = async (some: Iterable<Doc>): Promise<Refused[]> => {
    const docs = [...some]
    tried.push(docs.length)
    if (world.isAway) throw new AppError('E_STORE_STORAGE', 'away', { retryable: true })
    const { failsFor } = world
    if (failsFor !== undefined && docs.some(({ body }) => JSON.stringify(body).includes(failsFor.text)))
      throw failsFor.error
    written.push(...docs.filter(({ id }) => !refuses.has(id)).map(({ id }) => id))
    return docs.filter(({ id }) => refuses.has(id)).map(({ id }) => ({ id, reason: 'mapper_parsing: no date' }))
  }
  const store = { write, expire: async () => {} } as Pick<SearchStore, 'write' | 'expire'> as SearchStore
  const logger = createLogger({ level: 'silent', component: 'test' })
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics })
  const options = {
    queue,
    store,
    retentionDays: 1,
    maxBytes: 1,
    conditions,
    metrics,
    logger,
    pause: async (ms: number, signal: AbortSignal) => {
      expect(ms).toBe(1_000)
      world.pauses += 1
      await world.pause(signal)
    },
  }
  const indexer = new Indexer(options)
  await indexer.start()
  return { queue, written, tried, conditions, metrics, world, stop: () => indexer.stop(100) }
}

test('a document that the store refuses becomes a dead letter with its reason; the others are written', async () => {
  const { queue, written, stop } = await indexing(new Set(['b']))
  await queue.deliver(
    'index',
    ['a', 'b', 'c'].map((id) => docItem(doc(id))),
  )
  await stop()
  expect(written).toEqual(['a', 'c'])
  const dead = queue.items('dead')
  expect(dead.map(({ id, failure }) => [id, failure?.topic, failure?.code, failure?.message])).toEqual([
    ['index/event:b:0', 'index', 'E_STORE_REFUSED', 'mapper_parsing: no date'],
  ])
  expect(JSON.parse(Buffer.from(dead[0]!.payload).toString('utf8'))).toEqual(doc('b'))
})

test('a document that is refused again after a replay is a dead letter again', async () => {
  const { queue, stop } = await indexing(new Set(['b']))
  await queue.deliver('index', [docItem(doc('b'))])
  await queue.deliver('index', [{ ...docItem(doc('b')), id: 'event:b:0#7' }])
  await stop()
  expect(queue.items('dead').map(({ id }) => id)).toEqual(['index/event:b:0', 'index/event:b:0#7'])
})

test('where the dead-letter topic is full, the delivery is tried again', async () => {
  const { queue, stop } = await indexing(new Set(['b']))
  queue.outcomes.push('full')
  await expect(queue.deliver('index', [docItem(doc('b'))])).rejects.toMatchObject({
    code: 'E_QUEUE_FULL',
    retryable: true,
  })
  await stop()
})

test('while the store is away a delivery waits for it, and only one item of it asks, once a second', async () => {
  const { queue, written, tried, world, stop } = await indexing(new Set())
  world.isAway = true
  world.pause = async () => {
    world.isAway = world.pauses < 4
  }
  await queue.deliver(
    'index',
    ['a', 'b', 'c'].map((id) => docItem(doc(id))),
  )
  await queue.deliver('index', [docItem(doc('d')), docItem(doc('e'))])
  await stop()
  expect(tried).toEqual([3, 1, 1, 1, 1, 2, 2])
  expect(world.pauses).toBe(4)
  expect(written).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('an item that was evicted asks nothing of the store, and so says nothing of it', async () => {
  const { queue, tried, conditions, world, stop } = await indexing(new Set())
  world.isAway = true
  const evicted = { ...docItem(doc('a')), payload: new Uint8Array(0) }
  await queue.deliver('index', [evicted])
  expect(tried).toEqual([])
  await expect(queue.deliver('index', [evicted, docItem(doc('b'))])).rejects.toMatchObject({ retryable: true })
  expect(tried).toEqual(Array.from({ length: 30 }, () => 1))
  expect(conditions.current().map(({ name }) => name)).toEqual(['store.failing'])
  await stop()
})

test('where the store stays away the delivery goes back to the queue in the end, and the next waits before it asks', async () => {
  const { queue, tried, world, stop } = await indexing(new Set())
  const items = ['a', 'b'].map((id) => docItem(doc(id)))
  world.isAway = true
  await expect(queue.deliver('index', items)).rejects.toMatchObject({ code: 'E_STORE_STORAGE', retryable: true })
  expect([tried.length, world.pauses]).toEqual([30, 29])
  await expect(queue.deliver('index', items)).rejects.toMatchObject({ code: 'E_STORE_STORAGE', retryable: true })
  expect([tried.length, world.pauses]).toEqual([60, 59])
  await stop()
})

test('an indexer that stops does not wait for the store', async () => {
  const { queue, world, stop } = await indexing(new Set())
  world.isAway = true
  const isWaiting = Promise.withResolvers<void>()
  world.pause = (signal) => {
    isWaiting.resolve()
    return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  }
  const delivery = queue.deliver('index', [docItem(doc('a'))])
  const outcome = expect(delivery).rejects.toMatchObject({ code: 'E_STORE_STORAGE', retryable: true })
  await isWaiting.promise
  await stop()
  await outcome
})

test('of many documents in one item, the refused one alone is a dead letter, and can be told from the others', async () => {
  const { queue, written, stop } = await indexing(new Set(['7']))
  const items = docItems(Array.from({ length: 300 }, (_, i) => doc(String(i))))
  expect(items.length).toBe(3)
  await queue.deliver('index', items)
  await stop()
  expect(written).toHaveLength(299)
  const dead = queue.items('dead')
  expect(dead.map(({ id }) => id)).toEqual([`index/${items[0]!.id}/event:7:0`])
  expect(JSON.parse(Buffer.from(dead[0]!.payload).toString('utf8'))).toEqual(doc('7'))
})

/** Batches as the analyzer leaves them, each with stamps of its own. */
function sealedBatches(count: number): Item[] {
  return Array.from({ length: count }, (_, i) => {
    const builder = new BatchBuilder(1_767_225_600_000_000_000n)
    builder.addEvent('file', 1_767_225_600_000_000_000n, { type: EVENT_TYPES.openat.code, path: `/file-${i}`, ret: 3 })
    const { collector, ...rest } = { ...emptyHeader, collector: `host-${i}`, rows: 1 }
    const { header, bytes } = sealBatch({ collector, ...rest }, builder.build())
    const envelope = { receivedMs: 1_767_225_600_000 + i, ruleset: 'rules', parts: { '2026-01-01': i } }
    const id = `batch:${collector}/epoch/1`
    return { id, class: 'routine', header, envelope, payload: bytes }
  })
}

const emptyHeader = {
  epoch: 'epoch',
  sequence: 1,
  lowMs: {},
  dropped: {},
  plan: '',
  edgeRuleset: '',
  class: 'routine' as const,
}

test('batches that share an item are written as they would be alone', async () => {
  const batches = sealedBatches(70)
  const shared = batchItems(batches)
  expect(shared).toHaveLength(2)
  expect(shared.flatMap(batchesOf).map(({ id, envelope }) => [id, envelope])).toEqual(
    batches.map(({ id, envelope }) => [id, envelope]),
  )
  const apart = await indexing(new Set())
  await apart.queue.deliver('index', batches)
  await apart.stop()
  const together = await indexing(new Set())
  await together.queue.deliver('index', shared)
  await together.stop()
  expect(together.written).toHaveLength(70)
  expect(together.written).toEqual(apart.written)
})

test('what shares an item and is evicted leaves behind how many events went', async () => {
  const [shared] = batchItems(sealedBatches(5))
  expect(shared!.header).toMatchObject({ collector: '', rows: 5 })
  const { queue, written, metrics, stop } = await indexing(new Set())
  await queue.deliver('index', [{ ...shared!, payload: new Uint8Array(0) }])
  await stop()
  expect([written.length, await metrics.registry.metrics()]).toEqual([
    0,
    expect.stringContaining('seamark_indexer_evicted_events_total 5'),
  ])
})

test('large batches and batches of other classes share no item', () => {
  const [first, second, third] = sealedBatches(3) as [Item, Item, Item]
  const large = { ...second, payload: Buffer.concat([second.payload, Buffer.alloc(64 * 1024)]) }
  const items = batchItems([first, { ...third, class: 'evidence' }, large])
  expect(items.map(({ id }) => id).sort()).toEqual([first.id, large.id, third.id].sort())
})

test('a batch that cannot be read becomes a dead letter; those that share its item are written', async () => {
  const batches = sealedBatches(3)
  batches[1] = { ...batches[1]!, payload: Buffer.from(batches[1]!.payload).fill(0xff, 40, 60) }
  const { queue, written, conditions, stop } = await indexing(new Set())
  await queue.deliver('index', batchItems(batches))
  await stop()
  expect(written).toHaveLength(2)
  expect(queue.items('dead').map(({ id, failure }) => [id, failure?.code])).toEqual([
    ['index/batch:host-1/epoch/1', 'E_BATCH_CORRUPT'],
  ])
  expect(conditions.current().map(({ name }) => name)).not.toContain('store.failing')
})

const BASE_NS = 1_767_225_600_000_000_000n

/** Of one host, with so many events; the times of some are no numbers. */
function batchOf(events: number, timeless: readonly number[] = []): Item {
  const builder = new BatchBuilder(BASE_NS)
  const process = builder.add('process', { pid: 100, comm: 'x' })
  for (let i = 0; i < events; i++)
    builder.addEvent('file', BASE_NS + BigInt(i), {
      type: EVENT_TYPES.openat.code,
      process,
      path: `/file-${i}`,
      ret: 3,
    })
  const batch = builder.build()
  for (const i of timeless) batch.tables.file!.columns.time![i] = Number.NaN
  const { header, bytes } = sealBatch({ ...emptyHeader, collector: 'host', rows: events }, batch)
  const envelope = { receivedMs: 1_767_225_600_000, ruleset: 'rules', parts: {} }
  return { id: 'batch:host/epoch/1', class: 'routine', header, envelope, payload: bytes }
}

test('of a batch with events that no document can be made of, all others are written under the ids they had', async () => {
  const whole = await indexing(new Set())
  await whole.queue.deliver('index', [batchOf(100)])
  await whole.stop()
  const { queue, written, conditions, stop } = await indexing(new Set())
  await queue.deliver('index', [...sealedBatches(2), batchOf(100, [20, 50])])
  expect(written.slice(2)).toEqual(whole.written.filter((_, i) => i !== 20 && i !== 50))
  const dead = queue.items('dead')
  expect(dead.map(({ id, failure, header }) => [id, failure?.code, header?.collector, header?.rows])).toEqual([
    ['index/batch:host/epoch/1.0', 'RangeError', 'host', 1],
    ['index/batch:host/epoch/1.1', 'RangeError', 'host', 1],
  ])
  expect(conditions.current()).toEqual([])
  // Once what was wrong is mended, a replay stores it as if nothing had been.
  const { failure: _, ...letter } = dead[1]!
  const { header, batch } = openBatch(letter.payload)
  batch.tables.file!.columns.time![0] = 50
  await queue.deliver('index', [{ ...letter, id: 'again', payload: sealBatch(header, batch).bytes }])
  await stop()
  expect(written.at(-1)).toBe(whole.written[50])
})

test('what the store can never do is blamed on the one batch that it is for, not on those that share its item', async () => {
  for (const [error, attempt] of [
    [new AppError('E_BATCH_CORRUPT', 'never', { retryable: false }), 1],
    [new TypeError('never'), 8],
  ] as const) {
    const { queue, written, world, stop } = await indexing(new Set())
    world.failsFor = { text: '/file-2', error }
    await queue.deliver('index', batchItems(sealedBatches(5)), attempt)
    await stop()
    expect(written).toHaveLength(4)
    const dead = queue.items('dead')
    expect(dead.map(({ id, failure, header }) => [id, failure?.message, failure?.attempts, header?.collector])).toEqual(
      [['index/batch:host-2/epoch/1', 'never', attempt, 'host-2']],
    )
  }
})

test('what may pass is tried again, and nothing is set aside for it', async () => {
  const { queue, world, stop } = await indexing(new Set())
  world.failsFor = { text: '/file-2', error: new TypeError('strange') }
  await expect(queue.deliver('index', batchItems(sealedBatches(5)), 7)).rejects.toThrow('strange')
  await stop()
  expect(queue.items('dead')).toEqual([])
})

test('a refused document counts against the host that it is of', async () => {
  const batches = sealedBatches(3)
  const all = await indexing(new Set())
  await all.queue.deliver('index', batches)
  await all.stop()
  const { queue, stop } = await indexing(new Set([all.written[1]!, 'detection']))
  const detection = { ...doc('detection'), body: { seamark: { collector: 'host-9' } } }
  await queue.deliver('index', [...batchItems(batches), docItem(detection)])
  await stop()
  expect(queue.items('dead').map(({ header }) => [header?.collector, header?.rows])).toEqual([
    ['host-1', 1],
    ['host-9', 1],
  ])
})
