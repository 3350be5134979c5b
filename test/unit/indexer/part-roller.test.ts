import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import type { SearchStore } from '../../../core/model/search-store.ts'
import { PARTS_SPACE } from '../../../core/model/store-parts.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { PartRoller } from '../../../indexer/part-roller.ts'

const TODAY = '2026-11-22'
const NOON_MS = Date.parse(`${TODAY}T12:00:00Z`)
const DAY_MS = 86_400_000
const MAX_BYTES = 100

async function rolling() {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-roller-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  onTestFinished(async () => {
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  /** What the store shows. */
  const shown: { parts: { day: string; part: number; bytes: number }[] } = { parts: [] }
  const clock = { nowMs: NOON_MS }
  const roller = () =>
    new PartRoller({
      documents,
      store: { parts: async () => shown.parts } as Pick<SearchStore, 'parts'> as SearchStore,
      maxPartBytes: MAX_BYTES,
      metrics: new Metrics(),
      logger: createLogger({ level: 'silent', component: 'test' }),
      nowMs: () => clock.nowMs,
    })
  const stamped = async (day = TODAY) => (await documents.get(PARTS_SPACE, day))?.value ?? null
  return { documents, shown, clock, roller: roller(), other: roller(), stamped }
}

test('a part that has outgrown its bound is followed by the next, once, whoever sees it', async () => {
  const { shown, roller, other, stamped } = await rolling()
  shown.parts = [{ day: TODAY, part: 0, bytes: MAX_BYTES - 1 }]
  await roller.roll()
  expect(await stamped()).toBeNull()
  shown.parts = [{ day: TODAY, part: 0, bytes: MAX_BYTES }]
  await Promise.all([roller.roll(), other.roll()])
  await roller.roll()
  expect(await stamped()).toEqual({ part: 1 })
})

test('a part that was just rolled stays, though the store shows nothing of its day', async () => {
  const { shown, roller, stamped } = await rolling()
  shown.parts = [{ day: TODAY, part: 0, bytes: MAX_BYTES }]
  await roller.roll()
  // Part 0 was dropped for want of space before anything came to part 1; or the store was restarted and reads nothing yet.
  shown.parts = []
  await roller.roll()
  expect(await stamped()).toEqual({ part: 1 })
})

test('a number that was lost comes back from what the store holds', async () => {
  const { shown, roller, stamped } = await rolling()
  shown.parts = [
    { day: TODAY, part: 2, bytes: 1 },
    { day: TODAY, part: 1, bytes: MAX_BYTES },
  ]
  await roller.roll()
  expect(await stamped()).toEqual({ part: 2 })
})

test('the number of a day goes when nothing can be stamped with it and nothing is left of it', async () => {
  const { shown, clock, roller, documents } = await rolling()
  shown.parts = [{ day: TODAY, part: 0, bytes: MAX_BYTES }]
  await roller.roll()
  clock.nowMs += 20 * DAY_MS
  await roller.roll()
  expect(await documents.scan(PARTS_SPACE, '', 10)).toHaveLength(1)
  shown.parts = []
  await roller.roll()
  expect(await documents.scan(PARTS_SPACE, '', 10)).toEqual([])
})
