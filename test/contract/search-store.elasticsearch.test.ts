import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createElasticsearchStore, type ElasticsearchStoreOptions } from '../../backends/elasticsearch/search-store.ts'
import { type ElasticsearchServer, elasticsearchMissing, startElasticsearch } from '../support/elasticsearch.ts'
import { event, is, NOON, searchAll, searchStoreSuite, TEST_FIELDS } from './search-store.suite.ts'

const missing = elasticsearchMissing()
let server: ElasticsearchServer | undefined
beforeAll(async () => {
  if (missing === null) server = await startElasticsearch()
}, 180_000)
afterAll(() => server?.remove())

function opened(options: Partial<ElasticsearchStoreOptions> = {}) {
  const store = createElasticsearchStore({
    url: server!.url,
    prefix: `t${randomUUID()}`,
    fields: TEST_FIELDS,
    refresh: true,
    ...options,
  })
  onTestFinished(() => store.stop(1_000))
  return store
}

describe.skipIf(missing !== null)(`Elasticsearch${missing === null ? '' : ` (${missing})`}`, () =>
  searchStoreSuite('Elasticsearch', async () => opened()),
)

describe.skipIf(missing !== null)('Elasticsearch search store', () => {
  test('label keys of any making are stored and found, whatever they lie beside', async () => {
    const store = opened({ openObjects: ['container.labels'] })
    const labelled = (labels: Record<string, unknown>) => ({ container: { labels } })
    const docs = [
      event('a', NOON, labelled({ app: 'web', 'app.kubernetes.io/name': 'front' })),
      event('b', NOON + 1, labelled({ 'app.kubernetes.io/name': { deep: 'odd' }, app: { name: 'x' } })),
      event('c', NOON + 2, labelled({ '': 'empty', ' ': 'space', 'a..b': 'dots', long: 'x'.repeat(40_000) })),
    ]
    expect(await store.write(docs)).toEqual([])
    const find = async (field: string, text: string) =>
      (await searchAll(store, { kind: 'event', filter: is(field, text), limit: 10 })).map(({ id }) => id)
    expect(await find('container.labels.app', 'web')).toEqual(['a'])
    expect(await find('container.labels.app.kubernetes.io/name', 'front')).toEqual(['a'])
    expect(await find('container.labels.app', 'w*b')).toEqual(['a'])
    expect((await searchAll(store, { kind: 'event', limit: 10 })).map(({ body }) => body.container)).toEqual(
      docs.map(({ body }) => body.container).reverse(),
    )
  })

  test('refuses while the server is away or takes no writes, and goes on by itself', { timeout: 180_000 }, async () => {
    const mine = await startElasticsearch()
    onTestFinished(() => mine.remove())
    const store = opened({ url: mine.url, prefix: 'outage' })
    await store.write([event('before', NOON)])
    const block = (on: boolean) =>
      fetch(`${mine.url}/outage-*/_settings`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ 'index.blocks.read_only_allow_delete': on ? true : null }),
      })
    await block(true)
    setTimeout(() => void block(false), 700)
    expect(await store.write([event('blocked', NOON + 1)])).toEqual([])
    await mine.kill()
    const lost = expect(store.write([event('lost', NOON + 2)])).rejects
    await lost.toMatchObject({ code: 'E_STORE_STORAGE', retryable: true })
    await expect(store.search({ kind: 'event', limit: 1 })).rejects.toMatchObject({ code: 'E_STORE_STORAGE' })
    await mine.start()
    await store.write([event('after', NOON + 3)])
    const found = await searchAll(store, { kind: 'event', limit: 10 })
    expect(found.map(({ id }) => id)).toEqual(['after', 'blocked', 'before'])
  })
})
