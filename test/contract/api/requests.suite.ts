/** What the API answers to requests; runs on each pair of store and feed. */
import { Counter, Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { checkDocumentField, DOCUMENT_CHECKS } from '../../../core/language/kql/known-field.ts'
import { parseKql } from '../../../core/language/kql/parser.ts'
import { event, NOON } from '../search-store.suite.ts'
import { type CreateBackends, runningApi } from './running-api.ts'

const time = (ms: number) => new Date(ms).toISOString()
const events = (count: number) =>
  Array.from({ length: count }, (_, i) =>
    event(`e${String(i).padStart(3, '0')}`, NOON + i, { process: { name: i % 2 ? 'sh' : 'nginx' } }),
  )

export function requestsSuite(name: string, create: CreateBackends): void {
  describe(`the API on ${name}`, () => {
    test('pages through events, newest first, while events arrive', async () => {
      const { get, store } = await runningApi(create)
      await store.write(events(25))
      const seen: string[] = []
      let cursor: string | undefined
      do {
        const response = await get(`/api/v1/events?limit=7${cursor === undefined ? '' : `&cursor=${cursor}`}`)
        expect(response.status).toBe(200)
        const page = response.json()
        for (const hit of page.hits) {
          seen.push(hit.id)
          expect(hit.time).toBe(time(NOON + Number(hit.id.slice(1))))
        }
        cursor = page.next
        await store.write([event(`late-${seen.length}`, NOON + 1_000 + seen.length)])
      } while (cursor !== undefined)
      expect(seen).toEqual(
        events(25)
          .map(({ id }) => id)
          .reverse(),
      )
    })

    test('filters by KQL and by time, from inclusive and to exclusive', async () => {
      const { get, store } = await runningApi(create)
      await store.write(events(10))
      const query = new URLSearchParams({ filter: 'process.name: sh', from: time(NOON + 3), to: time(NOON + 7) })
      const { hits } = (await get(`/api/v1/events?${query}`)).json()
      expect(hits.map(({ id }: { id: string }) => id)).toEqual(['e005', 'e003'])
    })

    test('shows an alert with the events behind it, what is missing of them, and the ancestry', async () => {
      const { get, store } = await runningApi(create)
      const ancestry = [
        { pid: 10, name: 'bash', command_line: 'bash -i' },
        { pid: 1, name: 'init' },
      ]
      const body = { rule: { name: 'R' }, seamark: { evidence: ['e001', 'gone'], ancestry } }
      await store.write([...events(3), event('a/1', NOON, body, { kind: 'alert', version: 1 })])
      const response = await get(`/api/v1/alerts/${encodeURIComponent('a/1')}`)
      expect(response.status).toBe(200)
      const alert = response.json()
      expect(alert).toMatchObject({ id: 'a/1', time: time(NOON), missing: ['gone'], ancestry })
      expect(alert.evidence.map(({ id }: { id: string }) => id)).toEqual(['e001'])
      expect((await get('/api/v1/alerts?filter=rule.name:R')).json().hits).toHaveLength(1)
      const missing = await get('/api/v1/alerts/none')
      expect([missing.status, missing.json().code]).toEqual([404, 'E_API_NOT_FOUND'])
    })

    test('shows alerts with much evidence, also to many at once', async () => {
      const { get, store } = await runningApi(create)
      const evidence = events(150).map(({ id }) => id)
      await store.write([...events(150), event('a', NOON, { seamark: { evidence } }, { kind: 'alert', version: 1 })])
      const answers = await Promise.all(Array.from({ length: 20 }, () => get('/api/v1/alerts/a')))
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
      expect(answers.map((answer) => answer.json().evidence.length)).toEqual(Array(20).fill(100))
    })

    test('counts by field and over time', async () => {
      const { get, store } = await runningApi(create)
      await store.write([...events(10), event('later', NOON + 60_000)])
      const { total, buckets } = (await get('/api/v1/stats?kind=event&by=process.name')).json()
      expect([total, buckets]).toEqual([
        11,
        [
          { key: ['nginx'], count: 5 },
          { key: ['sh'], count: 5 },
          { key: [null], count: 1 },
        ],
      ])
      const histogram = (await get('/api/v1/stats?kind=event&interval=1m&limit=1')).json()
      expect(histogram).toEqual({
        by: [],
        interval: '1m',
        total: 11,
        truncated: true,
        buckets: [{ key: [], from: time(NOON), count: 10 }],
      })
    })

    test.each([
      ['/api/v1/events?limit=0', 400, 'E_API_REQUEST', 'limit'],
      ['/api/v1/events?limit=1001', 400, 'E_API_REQUEST', 'limit'],
      ['/api/v1/events?limit=1&limit=2', 400, 'E_API_REQUEST', 'limit'],
      ['/api/v1/events?limit=ten', 400, 'E_API_REQUEST', 'limit'],
      ['/api/v1/events?color=red', 400, 'E_API_REQUEST', 'color'],
      ['/api/v1/events?__proto__=1', 400, 'E_API_REQUEST', '__proto__'],
      ['/api/v1/events?from=yesterday', 400, 'E_API_REQUEST', 'from'],
      ['/api/v1/events?from=2026-11-22T12:00:00', 400, 'E_API_REQUEST', 'from'],
      ['/api/v1/events?from=2026-11-23&to=2026-11-22', 400, 'E_API_REQUEST', 'from'],
      ['/api/v1/events?cursor=nonsense', 400, 'E_STORE_CURSOR', 'cursor'],
      [`/api/v1/events?filter=${'x'.repeat(8_001)}`, 400, 'E_API_REQUEST', 'filter'],
      ['/api/v1/stats?by=a,b,c,d', 400, 'E_API_REQUEST', 'by'],
      ['/api/v1/stats?interval=0m', 400, 'E_API_REQUEST', 'interval'],
      ['/api/v1/stats?kind=secret', 400, 'E_API_REQUEST', 'kind'],
      ['/api/v1/tail?kinds=everything', 400, 'E_API_REQUEST', 'kinds'],
      ['/api/v1/nothing', 404, 'E_API_NOT_FOUND', undefined],
      ['/', 404, 'E_API_NOT_FOUND', undefined],
      ['/api/v1/%ff', 400, 'E_API_REQUEST', undefined],
      [`/api/v1/alerts/${'x'.repeat(600)}`, 400, 'E_API_REQUEST', 'id'],
      [`/api/v1/alerts/${'x'.repeat(2_000)}`, 414, 'E_API_TOO_LARGE', undefined],
    ])('answers %s with a problem document (%i)', async (url, status, code, field) => {
      const { get } = await runningApi(create)
      const response = await get(url)
      expect(response.type).toMatch(/^application\/problem\+json/)
      const problem = response.json()
      expect({ status: response.status, code: problem.code, field: problem.errors?.[0]?.field }).toEqual({
        status,
        code,
        field,
      })
      expect(problem).toMatchObject({ status, type: `urn:seamark:problem:${code}` })
      expect(problem.detail.length).toBeGreaterThan(5)
    })

    test('a field that no document has is a mistake, in a filter and in counts', async () => {
      const { get } = await runningApi(create, {
        parseKql: (text) => parseKql(text, DOCUMENT_CHECKS),
        checkField: checkDocumentField,
      })
      for (const url of ['/api/v1/events', '/api/v1/alerts', '/api/v1/stats', '/api/v1/tail']) {
        const response = await get(`${url}?filter=${encodeURIComponent('user.name: a and process.nmae: sh')}`)
        expect(response.status).toBe(400)
        expect(response.json()).toMatchObject({
          code: 'E_API_QUERY',
          errors: [{ field: 'filter', position: 17, hint: 'did you mean process.name?' }],
        })
      }
      const counts = await get('/api/v1/stats?by=rule.name,rule.nam')
      expect([counts.status, counts.json().errors]).toEqual([
        400,
        [{ field: 'by', message: 'unknown field "rule.nam"', hint: 'did you mean rule.name?' }],
      ])
      expect((await get('/api/v1/events?filter=container.labels.app:web')).status).toBe(200)
    })

    test('says where a filter is wrong, and what to do', async () => {
      const { get } = await runningApi(create)
      const response = await get(`/api/v1/events?filter=${encodeURIComponent('a: { b }')}`)
      expect(response.status).toBe(400)
      expect(response.json()).toMatchObject({
        code: 'E_API_QUERY',
        errors: [
          { field: 'filter', position: 3, message: 'nested queries are not supported', hint: 'use parentheses' },
        ],
      })
    })

    test('refuses other methods and says which it has', async () => {
      const { api } = await runningApi(create)
      const response = await api.app.inject({
        method: 'DELETE',
        url: '/api/v1/alerts/x',
        headers: { host: 'localhost' },
      })
      expect([response.statusCode, response.headers.allow, response.json().code]).toEqual([
        405,
        'GET, HEAD',
        'E_API_METHOD',
      ])
      const body = await api.app.inject({
        method: 'POST',
        url: '/api/v1/events',
        headers: { host: 'localhost' },
        payload: 'x'.repeat(5_000),
      })
      expect(body.headers['content-type']).toMatch(/problem\+json/)
      expect(body.statusCode).toBeGreaterThanOrEqual(400)
    })

    test('a query that the store gives up, and a store that is busy, are told apart', async () => {
      const { AppError } = await import('../../../core/model/errors.ts')
      const failing = (error: Error) => ({ search: async () => Promise.reject(error) }) as never
      const slow = await runningApi(create, { store: failing(new AppError('E_STORE_QUERY', 'takes too long')) })
      expect((await slow.get('/api/v1/events')).status).toBe(422)
      const busy = await runningApi(create, {
        store: failing(new AppError('E_STORE_STORAGE', 'disk', { retryable: true })),
      })
      const response = await busy.get('/api/v1/events')
      expect([response.status, response.headers['retry-after']]).toEqual([503, '1'])
      const broken = await runningApi(create, { store: failing(new TypeError('secret detail')) })
      const internal = await broken.get('/api/v1/events')
      expect([internal.status, internal.json().code]).toEqual([500, 'E_API_INTERNAL'])
      expect(internal.text).not.toContain('secret')
    })

    test('is healthy, ready when its checks hold, and prints metrics', async () => {
      const registry = new Registry()
      new Counter({ name: 'seamark_test_total', help: 'A test.', registers: [registry] }).inc(3)
      let ok = false
      const readiness = [{ name: 'queue', check: async () => (ok ? { ok } : { ok, reason: 'not open' }) }]
      const { get } = await runningApi(create, { metrics: registry, readiness })
      expect((await get('/healthz')).json()).toEqual({ status: 'ok' })
      const notReady = await get('/readyz')
      expect([notReady.status, notReady.json().checks]).toEqual([
        503,
        [{ name: 'queue', ok: false, reason: 'not open' }],
      ])
      ok = true
      const isReady = await get('/readyz')
      expect([isReady.status, isReady.json()]).toEqual([200, expect.objectContaining({ status: 'ok', conditions: [] })])
      const metrics = await get('/metrics')
      expect([metrics.type, metrics.text]).toEqual([
        registry.contentType,
        expect.stringContaining('seamark_test_total 3'),
      ])
    })

    test('names what is wrong with Seamark, and is ready nevertheless', async () => {
      const condition = {
        condition: 'source.blind',
        subject: 'docker-events',
        part: 'collector@web-1',
        means: 'A source of a host sees nothing',
        why: 'no socket',
        fix: 'run doctor',
        since: '2026-11-22T12:00:00.000Z',
      }
      const { get } = await runningApi(create, { readConditions: async () => [condition] })
      const ready = await get('/readyz')
      expect([ready.status, ready.json().status, ready.json().conditions]).toEqual([200, 'degraded', [condition]])
      expect((await get('/api/v1/conditions')).json()).toEqual({ conditions: [condition] })
      const unread = await runningApi(create, { readConditions: () => Promise.reject(new Error('Redis is away')) })
      expect((await unread.get('/readyz')).status).toBe(200)
      expect((await unread.get('/api/v1/conditions')).status).toBe(500)
    })

    test('describes every address in OpenAPI 3.1, with all parameters', async () => {
      const { get } = await runningApi(create)
      const description = (await get('/openapi.json')).json()
      expect(description.openapi).toBe('3.1.0')
      expect(Object.keys(description.paths).sort()).toEqual([
        '/api/v1/alerts',
        '/api/v1/alerts/{id}',
        '/api/v1/conditions',
        '/api/v1/events',
        '/api/v1/stats',
        '/api/v1/tail',
        '/healthz',
        '/metrics',
        '/openapi.json',
        '/readyz',
      ])
      const { parameters, responses } = description.paths['/api/v1/events'].get
      expect(parameters.map((p: { name: string; required: boolean }) => [p.name, p.required])).toEqual([
        ['filter', false],
        ['from', false],
        ['to', false],
        ['limit', false],
        ['cursor', false],
      ])
      expect(responses['200'].content['application/json'].schema.properties.hits.type).toBe('array')
      expect(description.paths['/api/v1/tail'].get.responses['200'].content).toHaveProperty('text/event-stream')
      expect(description.paths['/api/v1/alerts/{id}'].get.parameters[0]).toMatchObject({
        name: 'id',
        in: 'path',
        required: true,
      })
    })
  })

  describe(`the API on ${name} keeps web pages out`, () => {
    test.each([
      ['127.0.0.1:7327', 200],
      ['localhost', 200],
      ['[::1]:7327', 200],
      ['seamark.internal:80', 200],
      ['evil.example', 421],
      ['evil.example:7327', 421],
      ['127.0.0.1.evil.example', 421],
      ['127.0.0.1@evil.example', 421],
      ['10.0.0.5', 421],
    ])('answers for the host %s: %i', async (host, status) => {
      const { get } = await runningApi(create, { allowedHosts: ['seamark.internal'] })
      const response = await get('/healthz', { host })
      expect(response.status).toBe(status)
      if (status === 421) expect(response.json()).toMatchObject({ code: 'E_API_HOST', errors: [{ field: 'Host' }] })
    })

    test.each([
      [{ origin: 'http://127.0.0.1:7327' }, 200],
      [{ origin: 'http://127.0.0.1:8080' }, 403],
      [{ origin: 'https://evil.example' }, 403],
      [{ origin: 'null' }, 403],
      [{ 'sec-fetch-site': 'cross-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
      [{ 'sec-fetch-site': 'none' }, 200],
    ] as [Record<string, string>, number][])('%j: %i', async (headers, status) => {
      const { get } = await runningApi(create)
      for (const url of ['/api/v1/events', '/metrics', '/nothing']) {
        const response = await get(url, headers)
        expect(response.status).toBe(status === 200 && url === '/nothing' ? 404 : status)
      }
    })
  })
}
