import { expect, test } from 'vitest'
import { Conditions } from '../../../core/health/conditions.ts'
import { docItem } from '../../../core/model/index-item.ts'
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
  const write = async (docs: readonly Doc[]): Promise<Refused[]> => {
    written.push(...docs.filter(({ id }) => !refuses.has(id)).map(({ id }) => id))
    return docs.filter(({ id }) => refuses.has(id)).map(({ id }) => ({ id, reason: 'mapper_parsing: no date' }))
  }
  const store = { write, expire: async () => {} } as Pick<SearchStore, 'write' | 'expire'> as SearchStore
  const logger = createLogger({ level: 'silent', component: 'test' })
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics })
  const options = { queue, store, retentionDays: 1, maxBytes: 1, conditions, metrics, logger }
  const indexer = new Indexer(options)
  await indexer.start()
  return { queue, written, stop: () => indexer.stop(100) }
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
