import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { LetterStore } from '../../../analyzer/letter-store.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import type { Item } from '../../../core/model/queue.ts'
import { runSeamark } from '../../support/seamark.ts'

const dataDir = mkdtempSync(join(tmpdir(), 'seamark-deadletters-'))
afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

const rest = { epoch: 'e', sequence: 1, lowMs: {}, dropped: {}, plan: '', edgeRuleset: '', rows: 1 }

beforeAll(async () => {
  const documents = createSqliteDocuments({ directory: join(dataDir, 'documents') })
  await documents.start()
  const store = new LetterStore({ documents })
  for (let n = 1; n <= 130; n++) {
    const failure = { topic: 'index', code: 'E_STORE_REFUSED', message: `no ${n}`, attempts: 1, atMs: n } as const
    const item: Item = { id: `index/${n}`, class: 'routine', payload: Buffer.from('x'), failure }
    const collector = n === 2 ? 'web\u001b[2J' : 'web'
    await store.keep(n === 1 ? item : { ...item, header: { ...rest, collector, class: 'routine' } }, failure)
  }
  await documents.stop(1_000)
})

async function list(...args: string[]) {
  const { code, stdout, stderr } = await runSeamark(['deadletters', 'list', '--data-dir', dataDir, ...args])
  return { code, lines: stdout.trimEnd().split('\n'), stderr }
}

test('a hundred are listed, each with the collector that it is of, and how many more there are', async () => {
  const { code, lines } = await list()
  expect([code, lines.length]).toEqual([0, 101])
  expect(lines[0]).toMatch(/^0+1-[0-9a-f]{12} {2}index {2}- {2}E_STORE_REFUSED: no 1$/)
  expect(lines[1]).not.toContain('\u001b')
  expect(lines[99]).toMatch(/ {2}index {2}web {2}E_STORE_REFUSED: no 100$/)
  expect(lines[100]).toBe('and 30 more; see them with --limit 130')
  expect((await list('--limit', '130')).lines).toHaveLength(130)
  expect((await list('-n', '1')).lines.at(-1)).toBe('and 129 more; see them with --limit 130')
})

test('as JSON all are listed, unless a limit is said', async () => {
  const letters = (await list('--json')).lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  expect(letters).toHaveLength(130)
  expect(letters.slice(0, 3).map(({ id, collector }) => [id, collector])).toEqual([
    ['index/1', null],
    ['index/2', 'web\u001b[2J'],
    ['index/3', 'web'],
  ])
  expect((await list('--json', '--limit', '2')).lines).toHaveLength(2)
})

test('a limit that is no number is a mistake of who asks', async () => {
  const { code, stderr } = await list('--limit', 'many')
  expect([code, stderr]).toEqual([2, expect.stringContaining("--limit takes a whole number from 1, not 'many'")])
})
