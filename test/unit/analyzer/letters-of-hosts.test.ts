import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DeadLetters, replayLetter } from '../../../analyzer/dead-letters.ts'
import { type DeadLetter, LetterStore } from '../../../analyzer/letter-store.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { sealBatch } from '../../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import { deadItem } from '../../../core/model/dead-item.ts'
import { batchItems } from '../../../core/model/index-item.ts'
import type { Item } from '../../../core/model/queue.ts'
import type { SearchStore } from '../../../core/model/search-store.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { prepareDoc } from '../../../core/search/prepare-document.ts'
import { Indexer } from '../../../indexer/indexer.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'

const BASE_NS = 1_767_225_600_000_000_000n

/** What is given up at the indexer, kept as the analyzer keeps it; the store refuses what no store can hold. */
async function setAside() {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-letters-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  const [queue, metrics] = [new MemoryQueue(), new Metrics()]
  const shared = { queue, conditions: new Conditions({ metrics }), metrics }
  const logger = createLogger({ level: 'silent', component: 'test' })
  const write: SearchStore['write'] = async (docs) =>
    [...docs].map((doc) => prepareDoc(doc)).filter((one) => 'reason' in one)
  const store = { write, expire: async () => {} } as Pick<SearchStore, 'write' | 'expire'> as SearchStore
  const indexer = new Indexer({ ...shared, store, retentionDays: 1, maxBytes: 1, logger })
  const letters = new DeadLetters({ ...shared, documents, logger })
  await indexer.start()
  await letters.start()
  onTestFinished(async () => {
    await indexer.stop(1_000)
    await letters.stop(1_000)
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const kept = async () => {
    const found: (DeadLetter & { key: string })[] = []
    for await (const { key, letter } of new LetterStore({ documents }).letters()) found.push({ key, ...letter })
    return found
  }
  return { queue, documents, kept }
}

/** Events that no store takes: the text that names each is too long. */
function refusedBatch(collector: string, sequence: number, events: number): Item {
  const builder = new BatchBuilder(BASE_NS)
  for (let i = 0; i < events; i++) {
    const position = `${'a'.repeat(600)}${sequence}.${i}`
    builder.addEvent('docker', BASE_NS, { type: EVENT_TYPES.docker.code, position, action: 'start' })
  }
  const nothing = { epoch: 'e', lowMs: {}, dropped: {}, plan: '', edgeRuleset: '', class: 'evidence' as const }
  const { header, bytes } = sealBatch({ ...nothing, collector, sequence, rows: events }, builder.build())
  return { id: `batch:${collector}/e/${sequence}`, class: 'evidence', header, payload: bytes }
}

test('a host keeps its letters while another makes more than are kept of all', { timeout: 60_000 }, async () => {
  const { queue, kept } = await setAside()
  await queue.deliver('index', batchItems([refusedBatch('honest', 1, 2), refusedBatch('other', 1, 1)]))
  for (let sequence = 1; sequence <= 3; sequence++)
    await queue.deliver('index', [refusedBatch('hostile', sequence, 4_000)])
  const dead = queue.items('dead')
  expect(dead).toHaveLength(12_003)
  await queue.deliver('dead', dead)
  const counts: Record<string, number> = {}
  for (const { header } of await kept()) counts[header!.collector] = (counts[header!.collector] ?? 0) + 1
  expect(counts).toEqual({ honest: 2, other: 1, hostile: 1_000 })
})

const lease = { topic: 'index', code: 'lease', message: 'died', attempts: 9 } as const

test('of an item that a queue gave up whole, each batch is a letter of its own host', async () => {
  const { queue, documents, kept } = await setAside()
  const [item] = batchItems(['a', 'b', 'c'].map((host) => refusedBatch(host, 1, 1)))
  await queue.deliver('dead', [deadItem(item!, lease, 5)])
  const letters = await kept()
  expect(letters.map(({ id, header, failure }) => [id, header?.collector, failure.code]).sort()).toEqual(
    ['a', 'b', 'c'].map((host) => [`index/batch:${host}/e/1`, host, 'lease']),
  )
  for (const { key } of letters) expect(await replayLetter(queue, documents, key)).toBe(true)
  expect(
    queue
      .items('index')
      .map(({ header }) => header?.collector)
      .sort(),
  ).toEqual(['a', 'b', 'c'])
})

test('a letter that batches share is offered as its batches', async () => {
  const { queue, documents, kept } = await setAside()
  const [item] = batchItems(['a', 'b', 'c'].map((host) => refusedBatch(host, 1, 1)))
  const letter = deadItem(item!, lease, 5)
  // As it was kept before they were taken apart.
  await new LetterStore({ documents }).keep(letter, letter.failure!)
  const [held] = await kept()
  expect(await replayLetter(queue, documents, held!.key)).toBe(true)
  expect(await kept()).toEqual([])
  const offered = queue.items('index')
  expect(offered.map(({ id, header }) => [id.replace(/#\d+$/, '#'), header?.collector])).toEqual(
    ['a', 'b', 'c'].map((host) => [`batch:${host}/e/1#`, host]),
  )
})
