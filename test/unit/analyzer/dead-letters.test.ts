import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DeadLetters } from '../../../analyzer/dead-letters.ts'
import { type DeadLetter, LetterStore } from '../../../analyzer/letter-store.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import type { Item } from '../../../core/model/queue.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'
import { until } from '../../support/wait.ts'

const BOUNDS = { letters: 20, bytes: 4_000 }

async function keeping() {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-dead-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  const [queue, metrics] = [new MemoryQueue(), new Metrics()]
  const logger = createLogger({ level: 'silent', component: 'test' })
  const conditions = new Conditions({ metrics })
  const letters = new DeadLetters({ queue, documents, conditions, metrics, logger, everyMs: 10, bounds: BOUNDS })
  await letters.start()
  onTestFinished(async () => {
    await letters.stop(1_000)
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const metric = async (name: string) =>
    Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await metrics.registry.metrics())?.[1] ?? 0)
  const store = new LetterStore({ documents, all: BOUNDS })
  const kept = async () => {
    const found: DeadLetter[] = []
    for await (const { letter } of store.letters()) found.push(letter)
    return found
  }
  return { queue, store, kept, metric, conditions }
}

/** Given up at this ms; of a collector, or of nobody in particular. */
function dead(n: number, collector?: string, payload = String(n)): Item {
  const failure = { topic: 'batches', code: 'E_BATCH_CORRUPT', message: 'no', attempts: 1, atMs: n } as const
  const header = { collector, epoch: 'e', sequence: n, lowMs: {}, dropped: {}, plan: '', edgeRuleset: '', rows: 1 }
  const item: Item = { id: `batches/${n}`, class: 'routine', payload: Buffer.from(payload), failure }
  return collector === undefined ? item : { ...item, header: { ...header, collector, class: 'routine' } }
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('the oldest go when there are too many of all, and each that went is counted and told', async () => {
  const { queue, kept, metric, conditions } = await keeping()
  await queue.deliver(
    'dead',
    range(1, 15).map((n) => dead(n)),
  )
  // Delivered again: what is there stays as it is.
  await queue.deliver(
    'dead',
    range(15, 23).map((n) => dead(n)),
  )
  expect((await kept()).map(({ failure }) => failure.atMs)).toEqual(range(4, 23))
  expect([await metric('seamark_dead_letters'), await metric('seamark_dead_letters_total{topic="batches"}')]).toEqual([
    20, 23,
  ])
  expect(await metric('seamark_dead_letters_dropped_total{reason="oldest"}')).toBe(3)
  expect(conditions.current().map(({ name }) => name)).toContain('deadletters.dropped')
})

test('one collector has its share, and pushes out nobody else', async () => {
  const { queue, kept, metric, store } = await keeping()
  await queue.deliver('dead', [dead(1, 'honest'), dead(2)])
  for (const n of range(3, 60)) await queue.deliver('dead', [dead(n, 'hostile')])
  expect((await kept()).map(({ failure, header }) => [failure.atMs, header?.collector])).toEqual([
    [1, 'honest'],
    [2, undefined],
    [3, 'hostile'],
    [4, 'hostile'],
  ])
  expect(await metric('seamark_dead_letters_dropped_total{reason="share"}')).toBe(56)
  // What was dealt with makes room for more.
  for await (const { key, letter } of store.letters()) if (letter.failure.atMs === 3) await store.remove(key)
  await queue.deliver('dead', [dead(61, 'hostile')])
  expect((await kept()).map(({ failure }) => failure.atMs)).toEqual([1, 2, 4, 61])
})

test('of what has too many bytes the reason is kept and the payload is not', async () => {
  const { queue, kept, store } = await keeping()
  await queue.deliver('dead', [dead(1, 'hostile', 'x'.repeat(300)), dead(2, 'hostile', 'x'.repeat(300))])
  expect((await kept()).map(({ payload, leftOutBytes }) => [payload.length, leftOutBytes])).toEqual([
    [400, undefined],
    [0, 300],
  ])
  // And together they stay below what all may have.
  for (const n of range(3, 9))
    await queue.deliver(
      'dead',
      range(1, 3).map((i) => dead(n * 10 + i, undefined, 'x'.repeat(300))),
    )
  const { letters, bytes } = await store.usage()
  expect([letters, bytes <= BOUNDS.bytes, bytes > BOUNDS.bytes / 2]).toEqual([(await kept()).length, true, true])
  expect(bytes).toBe((await kept()).reduce((sum, { payload }) => sum + payload.length, 0))
})

test('what no collector is known of keeps its payload; the oldest go for it', async () => {
  const { queue, kept, metric } = await keeping()
  for (const n of range(1, 30)) await queue.deliver('dead', [dead(n, undefined, 'x'.repeat(900))])
  expect((await kept()).map(({ failure, leftOutBytes }) => [failure.atMs, leftOutBytes])).toEqual(
    range(28, 30).map((n) => [n, undefined]),
  )
  expect(await metric('seamark_dead_letters_dropped_total{reason="oldest"}')).toBe(27)
})

test('how many are held is told also after others took some of them away', async () => {
  const { queue, store, metric, conditions } = await keeping()
  await queue.deliver(
    'dead',
    [1, 2, 3].map((n) => dead(n)),
  )
  expect(await metric('seamark_dead_letters')).toBe(3)
  await store.remove((await store.oldest())!.key)
  await until('two', async () => (await metric('seamark_dead_letters')) === 2)
  for await (const { key } of store.letters()) expect(await store.remove(key)).toBe(true)
  expect(await store.remove('gone')).toBe(false)
  await until('none', () => conditions.current().length === 0)
})
