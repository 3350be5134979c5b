import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createElasticsearchStore } from '../../../backends/elasticsearch/search-store.ts'
import { createMemoryFeed } from '../../../backends/memory/feed.ts'
import { createRedisFeed } from '../../../backends/redis/feed.ts'
import { createSqliteSearchStore } from '../../../backends/sqlite/search-store.ts'
import { parseKql } from '../../../core/language/kql/parser.ts'
import { type ElasticsearchServer, elasticsearchMissing, startElasticsearch } from '../../support/elasticsearch.ts'
import { type RedisServer, redisMissing, startRedis } from '../../support/redis.ts'
import { event, NOON, TEST_FIELDS } from '../search-store.suite.ts'
import { pagingSuite } from './paging.suite.ts'
import { requestsSuite } from './requests.suite.ts'
import { type ApiBackends, evaluateFilter, MAX_BACKLOG, runningApi } from './running-api.ts'
import { socketsSuite } from './sockets.suite.ts'

const missing = elasticsearchMissing() ?? redisMissing()
let elasticsearch: ElasticsearchServer | undefined
let redis: RedisServer | undefined
beforeAll(async () => {
  if (missing !== null) return
  ;[elasticsearch, redis] = await Promise.all([startElasticsearch(), startRedis()])
}, 180_000)
afterAll(async () => {
  await elasticsearch?.remove()
  await redis?.remove()
})

function backends(): ApiBackends {
  const feed = {
    url: redis!.url,
    prefix: `{${randomUUID()}}`,
    evaluate: evaluateFilter,
    maxBacklog: MAX_BACKLOG,
  }
  const store = { url: elasticsearch!.url, prefix: `t${randomUUID()}`, fields: TEST_FIELDS, refresh: true }
  return { store: createElasticsearchStore(store), feed: createRedisFeed(feed), publisher: createRedisFeed(feed) }
}

function localBackends(): ApiBackends {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-api-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const feed = { name: randomUUID(), evaluate: evaluateFilter }
  return {
    store: createSqliteSearchStore({ directory, fields: TEST_FIELDS }),
    feed: createMemoryFeed(feed),
    publisher: createMemoryFeed(feed),
  }
}

describe.skipIf(missing !== null)(`Elasticsearch and Redis${missing === null ? '' : ` (${missing})`}`, () => {
  requestsSuite('Elasticsearch and the Redis feed', backends)
  pagingSuite('Elasticsearch', backends)
  socketsSuite('Elasticsearch and the Redis feed', backends)

  test('both stores give the same answers, to the last byte', async () => {
    const parse = { parseKql: (text: string) => parseKql(text) }
    const [ours, theirs] = [await runningApi(localBackends, parse), await runningApi(backends, parse)]
    const docs = documents()
    for (const { store } of [ours, theirs]) expect(await store.write(docs)).toEqual([])
    let answered = 0
    for (const url of requests()) {
      const [left, right] = [await ours.get(url), await theirs.get(url)]
      expect([url, right.status, right.text]).toEqual([url, left.status, left.text])
      if (left.status === 200) answered += 1
      // The cursors are the same too, so that a page of one goes on in the other.
      const next = left.status === 200 ? left.json().next : undefined
      if (next === undefined) continue
      const page = `${url}&cursor=${next}`
      expect([page, (await theirs.get(page)).text]).toEqual([page, (await ours.get(page)).text])
    }
    expect(answered).toBeGreaterThan(30)
  })
})

/** Of all types, with values that stores like to treat differently, and several of one time. */
function documents() {
  const names = ['sh', 'Sh', 'nginx', 'ä', '𝒻', 'a b', '*', 'x'.repeat(20_000), '']
  const addresses = ['10.0.0.1', '10.0.0.200', '2001:db8::1', 'no address']
  const events = Array.from({ length: 60 }, (_, i) =>
    event(`${['é', 'e', 'E', '𝒻', '-'][i % 5]}${i}`, NOON + Math.floor(i / 4) * 1_000, {
      ...(i % 7 === 0 ? {} : { process: { name: names[i % names.length], pid: i, args: ['a', `-${i % 3}`, 'a'] } }),
      ...(i % 3 === 0 ? { source: { ip: addresses[i % addresses.length] } } : {}),
      ...(i % 5 === 0 ? { system: { load: i / 4 }, container: { id: `c${i % 2}`, name: null } } : {}),
      ...(i % 11 === 0 ? { unknown: { deep: [{ x: i }] } } : {}),
      event: { severity: i % 4, action: i % 2 === 0 ? ['open', 'close'] : 'open' },
    }),
  )
  const seamark = { evidence: events.slice(0, 5).map(({ id }) => id), ancestry: [{ pid: 1, name: 'init' }] }
  const alert = (id: string, version: number) =>
    event(
      id,
      NOON + 10,
      { rule: { name: `R${version}` }, log: { level: 'error' }, seamark },
      { kind: 'alert', version },
    )
  return [...events, alert('one', 3), alert('one', 2), alert('two', 1), event('d', NOON, {}, { kind: 'detection' })]
}

function requests(): string[] {
  const filters = [
    '',
    'process.name: sh',
    'process.name: "a b"',
    'process.name: s*',
    'process.name: *',
    'not process.name: *',
    'process.name: \\*',
    'process.name: xxxx*',
    'process.pid > 10 and process.pid <= 30',
    'process.pid: 7 or event.severity: 3',
    'source.ip: 10.0.0.0/24',
    'source.ip: 10.0.*',
    'source.ip: "no address"',
    'source.ip >= 10.0.0.2',
    'system.load > 2.5',
    'event.action: close and not container.id: c1',
    'container.name: *',
    'unknown.deep.x: 11',
    'init or close',
    '(a',
    'process.name:',
  ].map((filter) => (filter === '' ? '' : `&filter=${encodeURIComponent(filter)}`))
  const [from, to] = [new Date(NOON + 2_000).toISOString(), new Date(NOON + 9_000).toISOString()]
  const id = encodeURIComponent('é0')
  return [
    ...filters.flatMap((filter) => [
      `/api/v1/events?limit=7${filter}`,
      `/api/v1/stats?kind=event&by=process.name${filter}`,
    ]),
    `/api/v1/events?from=${from}&to=${to}`,
    `/api/v1/events?limit=1000&to=${to}`,
    '/api/v1/alerts?limit=1',
    '/api/v1/alerts?filter=rule.name:R3',
    '/api/v1/alerts/one',
    '/api/v1/alerts/none',
    `/api/v1/alerts/${id}`,
    '/api/v1/stats?kind=event',
    '/api/v1/stats?kind=alert&by=log.level,rule.name',
    '/api/v1/stats?kind=detection&interval=1h',
    '/api/v1/stats?kind=event&by=event.action,event.severity&interval=5s',
    '/api/v1/stats?kind=event&by=source.ip',
    '/api/v1/stats?kind=event&by=process.args,container.id,event.severity&limit=5',
    '/api/v1/stats?kind=event&by=system.load',
    '/api/v1/stats?kind=event&by=unknown.deep',
    '/api/v1/events?cursor=nonsense',
  ]
}
