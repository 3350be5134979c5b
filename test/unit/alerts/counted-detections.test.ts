import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CountedDetections } from '../../../alerts/counted-detections.ts'
import { Drafts } from '../../../alerts/drafts.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import type { Documents } from '../../../core/model/documents.ts'

/** As many as fill a slot: the next id goes to another. */
const FULL = 128

async function openedDocuments(): Promise<Documents> {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-counted-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  onTestFinished(async () => {
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  return documents
}

const manyIds = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`)

/** Begins an attempt; the function it gives counts and commits. */
async function begin(documents: Documents, counted: CountedDetections) {
  const drafts = new Drafts(documents)
  await counted.begin(drafts)
  return async (...ids: string[]) => {
    for (const id of ids) counted.note(id, `alert of ${id}`)
    await counted.stage(drafts)
    const isCommitted = await drafts.commit()
    if (isCommitted) counted.settle()
    return isCommitted
  }
}

test('who counts at the same time as another is told so, also where the slot at the head is full', async () => {
  const documents = await openedDocuments()
  const [one, two] = [new CountedDetections(documents, 8), new CountedDetections(documents, 8)]
  expect(await (await begin(documents, one))(...manyIds('old', FULL))).toBe(true)
  const [left, right] = [await begin(documents, one), await begin(documents, two)]
  expect(await left('a')).toBe(true)
  expect(await right('b')).toBe(false)
  const again = await begin(documents, two)
  expect([two.find('old-0'), two.find('a'), two.find('b')]).toEqual(['alert of old-0', 'alert of a', undefined])
  expect(await again('b')).toBe(true)
  await begin(documents, one)
  expect(one.find('b')).toBe('alert of b')
})

test('what another counts in the next slot, while one learns of a full one, stays counted', async () => {
  const documents = await openedDocuments()
  const other = new CountedDetections(documents, 8)
  let between: (() => Promise<void>) | null = null
  const watched: Documents = {
    get: (space, key) => documents.get(space, key),
    put: (space, key, value, ifVersion) => documents.put(space, key, value, ifVersion),
    remove: (space, key, ifVersion) => documents.remove(space, key, ifVersion),
    commit: (changes) => documents.commit(changes),
    scan: (space, after, limit) => documents.scan(space, after, limit),
    watch: (space, signal) => documents.watch(space, signal),
    async getAll(wanted) {
      const found = await documents.getAll(wanted)
      const act = between
      between = null
      await act?.()
      return found
    },
  }
  const one = new CountedDetections(watched, 8)
  expect(await (await begin(watched, one))('first')).toBe(true)
  expect(await (await begin(documents, other))(...manyIds('old', FULL - 1))).toBe(true)
  between = async () => void (await (await begin(documents, other))('theirs'))
  await (await begin(watched, one))('ours')
  const third = new CountedDetections(documents, 8)
  await begin(documents, third)
  expect(third.find('theirs')).toBe('alert of theirs')
})
