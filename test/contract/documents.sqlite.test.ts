import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteDocuments } from '../../backends/sqlite/documents.ts'
import { documentsSuite } from './documents.suite.ts'

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-documents-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

documentsSuite('SQLite', async () => {
  const directory = temporaryDirectory()
  return {
    async open() {
      const documents = createSqliteDocuments({ directory })
      await documents.start()
      return documents
    },
  }
})

test('SQLite documents: a damaged file is set aside and reported', async () => {
  const directory = temporaryDirectory()
  writeFileSync(join(directory, 'documents.db'), 'no database'.repeat(1_000))
  const reports: string[] = []
  const documents = createSqliteDocuments({ directory, onCorrupt: ({ movedTo }) => reports.push(movedTo) })
  await documents.start()
  onTestFinished(() => documents.stop(1_000))
  expect(reports).toEqual([join(directory, 'documents.db.corrupt')])
  expect(await documents.put('s', 'k', 1, 0)).toBe(true)
})
