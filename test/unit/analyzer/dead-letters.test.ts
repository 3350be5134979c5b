import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DEAD_SPACE, type DeadLetter, DeadLetters } from '../../../analyzer/dead-letters.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import type { Item } from '../../../core/model/queue.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'
import { until } from '../../support/wait.ts'

const MAX_LETTERS = 5

async function keeping() {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-dead-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  const [queue, metrics] = [new MemoryQueue(), new Metrics()]
  const logger = createLogger({ level: 'silent', component: 'test' })
  const conditions = new Conditions({ metrics })
  const letters = new DeadLetters({
    queue,
    documents,
    conditions,
    metrics,
    logger,
    everyMs: 10,
    maxLetters: MAX_LETTERS,
  })
  await letters.start()
  onTestFinished(async () => {
    await letters.stop(1_000)
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const metric = async (name: string) =>
    Number(new RegExp(`^${name} (\\d+)`, 'm').exec(await metrics.registry.metrics())?.[1] ?? 0)
  return { queue, documents, metric }
}

function dead(n: number): Item {
  const failure = { topic: 'index', code: 'E_STORE_REFUSED', message: 'no', attempts: 1, atMs: n } as const
  return { id: `index/${n}`, class: 'routine', payload: Buffer.from(String(n)), failure }
}

test('the oldest go when there are too many, and each that went is counted', async () => {
  const { queue, documents, metric } = await keeping()
  await queue.deliver('dead', [1, 2, 3].map(dead))
  // Delivered again: what is there stays as it is.
  await queue.deliver('dead', [3, 4, 5, 6, 7, 8].map(dead))
  const kept = await documents.scan(DEAD_SPACE, '', 100)
  expect(kept.map(({ value }) => (value as DeadLetter).id)).toEqual([4, 5, 6, 7, 8].map((n) => `index/${n}`))
  expect([await metric('seamark_dead_letters'), await metric('seamark_dead_letters_dropped_total')]).toEqual([
    MAX_LETTERS,
    3,
  ])
})

test('how many are held is told also after others took some of them away', async () => {
  const { queue, documents, metric } = await keeping()
  await queue.deliver('dead', [1, 2, 3].map(dead))
  expect(await metric('seamark_dead_letters')).toBe(3)
  const [first] = await documents.scan(DEAD_SPACE, '', 1)
  await documents.remove(DEAD_SPACE, first!.key, first!.version)
  await until('two', async () => (await metric('seamark_dead_letters')) === 2)
})
