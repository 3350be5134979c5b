import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { CountedDetections } from '../../../alerts/counted-detections.ts'
import { Drafts } from '../../../alerts/drafts.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'

/** As many as fill a slot: the next id goes to another. */
const FULL = 128

test('who counts at the same time as another is told so, also where the slot at the head is full', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-counted-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  onTestFinished(async () => {
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const [one, two] = [new CountedDetections(documents, 8), new CountedDetections(documents, 8)]
  const begin = async (counted: CountedDetections) => {
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
  expect(await (await begin(one))(...Array.from({ length: FULL }, (_, i) => `old-${i}`))).toBe(true)
  const [left, right] = [await begin(one), await begin(two)]
  expect(await left('a')).toBe(true)
  expect(await right('b')).toBe(false)
  const again = await begin(two)
  expect([two.find('old-0'), two.find('a'), two.find('b')]).toEqual(['alert of old-0', 'alert of a', undefined])
  expect(await again('b')).toBe(true)
  await begin(one)
  expect(one.find('b')).toBe('alert of b')
})
