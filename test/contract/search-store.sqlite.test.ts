import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSqliteSearchStore, type SqliteSearchStoreOptions } from '../../backends/sqlite/search-store.ts'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import type { FieldType } from '../../core/language/kql/fields.ts'
import { event, is, NOON, searchAll, searchStoreSuite, TEST_FIELDS } from './search-store.suite.ts'

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-store-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

searchStoreSuite('SQLite', async () => {
  const store = createSqliteSearchStore({ directory: temporaryDirectory(), fields: TEST_FIELDS })
  await store.start()
  return store
})

const DAY_FILE = '2026-11-22.000.db'

async function opened(directory: string, options: Partial<SqliteSearchStoreOptions> = {}) {
  const store = createSqliteSearchStore({ directory, fields: TEST_FIELDS, ...options })
  await store.start()
  onTestFinished(() => store.stop(1_000))
  return store
}

describe('SQLite search store', () => {
  test('a damaged file is set aside and reported; the other days still answer', async () => {
    const directory = temporaryDirectory()
    const first = await opened(directory)
    await first.write([event('old', NOON - 86_400_000, {}, { day: '2026-11-21' }), event('new', NOON)])
    await first.stop(1_000)
    const path = join(directory, DAY_FILE)
    // The header is whole; only walking through the trees shows the damage.
    const file = openSync(path, 'r+')
    writeSync(file, Buffer.alloc(statSync(path).size - 8192, 0x5a), 0, undefined, 8192)
    closeSync(file)
    const reports: string[] = []
    const store = await opened(directory, { onCorrupt: ({ movedTo }) => reports.push(movedTo) })
    expect(reports).toEqual([`${path}.corrupt`])
    expect(store.counters.corruptFiles).toBe(1)
    expect((await store.search({ kind: 'event', limit: 10 })).hits.map(({ id }) => id)).toEqual(['old'])
    await store.write([event('after', NOON)])
    expect((await store.search({ kind: 'event', limit: 10 })).hits.map(({ id }) => id)).toEqual(['after', 'old'])
  })

  test('small writes end up in blocks that compress', async () => {
    const directory = temporaryDirectory()
    const store = await opened(directory)
    for (let i = 0; i < 600; i++) await store.write([event(`e${i}`, NOON + i, { process: { name: 'sh' } })])
    const database = new DatabaseSync(join(directory, DAY_FILE))
    onTestFinished(() => database.close())
    expect(database.prepare('SELECT count(*) AS n FROM event_blocks').get()?.n).toBeLessThan(12)
    const all = await searchAll(store, { kind: 'event', limit: 1000, order: 'oldest' })
    expect(all.map(({ id }) => id)).toEqual(Array.from({ length: 600 }, (_, i) => `e${i}`))
  })

  test('a query that takes too long is given up, and the next one answers', async () => {
    const store = await opened(temporaryDirectory(), { queryTimeoutMs: 0 })
    await store.write([event('a', NOON)])
    const refused = store.search({ kind: 'event', limit: 10 })
    await expect(refused).rejects.toMatchObject({ code: 'E_STORE_QUERY' })
    expect(await store.get('event', 'a')).toMatchObject({ id: 'a' })
  })

  test('a heavy query leaves the caller free and does not hold up writes', async () => {
    const store = await opened(temporaryDirectory())
    const docs = (from: number) =>
      Array.from({ length: 5_000 }, (_, i) =>
        event(`${from + i}`, NOON + from + i, { process: { pid: i, name: 'sh' } }),
      )
    for (let from = 0; from < 40_000; from += 5_000) await store.write(docs(from))
    let beats = 0
    const beat = setInterval(() => {
      beats += 1
    }, 5)
    const [total] = await store.count({ kind: 'event', filter: { kind: 'exists', field: 'process.pid' } }, [])
    clearInterval(beat)
    expect(total?.count).toBe(40_000)
    // Parsing 40,000 documents takes far longer than this; in the caller's thread there would be no beat at all.
    expect(beats).toBeGreaterThan(5)
    const slow = store.count({ kind: 'event', filter: { kind: 'exists', field: 'process.pid' } }, ['process.pid'])
    await store.write([event('meanwhile', NOON)])
    expect(await Promise.race([slow.then(() => 'query'), Promise.resolve('write')])).toBe('write')
    await slow
  })

  test('fields that are new since a part was written are still found in it', async () => {
    const directory = temporaryDirectory()
    const older: Record<string, FieldType> = { ...TEST_FIELDS }
    delete older['user.name']
    delete older['file.path']
    const first = await opened(directory, { fields: older })
    await first.write([event('a', NOON, { user: { name: 'root' }, file: { path: '/etc/shadow' } })])
    await first.stop(1_000)
    const store = await opened(directory)
    await store.write([event('b', NOON + 1, { user: { name: 'root' } })])
    const find = async (filter: KqlNode) =>
      (await store.search({ kind: 'event', filter, limit: 10 })).hits.map(({ id }) => id)
    expect(await find(is('user.name', 'root'))).toEqual(['b', 'a'])
    expect(await find({ kind: 'not', child: is('user.name', 'root') })).toEqual([])
    expect(await find(is('file.path', '*shadow'))).toEqual(['a'])
    expect(await find(is(null, 'shadow'))).toEqual(['a'])
    expect(await store.count({ kind: 'event' }, ['user.name'], 60_000)).toEqual([
      { key: ['root'], fromMs: NOON, count: 2 },
    ])
  })

  test('names the next part once one is large enough', async () => {
    const store = await opened(temporaryDirectory(), { maxPartBytes: 200_000 })
    expect(store.currentPart('2026-11-22')).toBe(0)
    await store.write(Array.from({ length: 2_000 }, (_, i) => event(`${i}`, NOON + i, { message: `m${i}` })))
    expect(store.currentPart('2026-11-22')).toBe(1)
    expect(store.currentPart('2026-11-23')).toBe(0)
  })

  test('says so when its disk refuses, and takes the same documents later', async (context) => {
    const directory = temporaryDirectory()
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', directory], { stdio: 'pipe' })
    } catch {
      context.skip('mounting a small file system needs root')
    }
    onTestFinished(() => void execFileSync('umount', ['-l', directory]))
    const store = await opened(directory)
    await store.write([event('first', NOON)])
    // Takes all that is left.
    expect(() => writeFileSync(join(directory, 'filler'), Buffer.alloc(4_000_000))).toThrow('ENOSPC')
    const docs = Array.from({ length: 800 }, (_, i) =>
      event(`${i}`, NOON + i, { message: randomBytes(600).toString('hex') }),
    )
    await expect(store.write(docs)).rejects.toMatchObject({ code: 'E_STORE_STORAGE', retryable: true })
    expect((await store.search({ kind: 'event', limit: 10 })).hits.map(({ id }) => id)).toEqual(['first'])
    rmSync(join(directory, 'filler'))
    await store.write(docs.slice(0, 100))
    expect(await searchAll(store, { kind: 'event', limit: 1000 })).toHaveLength(101)
  })

  test('a reader elsewhere sees what the writer removed and wrote again', async () => {
    const directory = temporaryDirectory()
    const writer = await opened(directory)
    const reader = await opened(directory, { readOnly: true })
    const find = async () => (await reader.search({ kind: 'event', limit: 10 })).hits.map(({ id }) => id)
    expect(await find()).toEqual([])
    await writer.write([event('first', NOON)])
    expect(await find()).toEqual(['first'])
    await writer.expire('2026-11-23', Number.MAX_SAFE_INTEGER)
    await writer.write([event('second', NOON)])
    expect(await find()).toEqual(['second'])
  })
})
