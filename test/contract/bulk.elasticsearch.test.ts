import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type BulkOptions, writeBulk } from '../../backends/elasticsearch/bulk.ts'
import { connect } from '../../backends/elasticsearch/connection.ts'
import { type Prepared, prepareDoc } from '../../core/search/prepare-document.ts'
import { type ElasticsearchServer, elasticsearchMissing, startElasticsearch } from '../support/elasticsearch.ts'
import { event, NOON } from './search-store.suite.ts'

const missing = elasticsearchMissing()
const LIMIT_BYTES = 64 * 1024
let server: ElasticsearchServer | undefined
beforeAll(async () => {
  if (missing === null) server = await startElasticsearch({ 'http.max_content_length': `${LIMIT_BYTES}b` })
}, 180_000)
afterAll(() => server?.remove())

function options(prefix: string): BulkOptions {
  return {
    client: connect({ url: server!.url }),
    prefix,
    prepare: async () => {},
    refresh: true,
    maxBytes: 4 * 1024 * 1024,
    concurrency: 1,
    sleep: async () => {},
    onRetry: () => {},
  }
}

function prepared(id: string, path = ''): Prepared {
  return prepareDoc(event(id, NOON, { file: { path } })) as Prepared
}

/** As if it had passed the door: its id has more bytes than the server takes. */
function tooLong(n: number): Prepared {
  const { doc, json } = prepared(String(n))
  return { doc: { ...doc, id: `${n}${'é'.repeat(400)}` }, json }
}

describe.skipIf(missing !== null)(
  `bulk requests that are refused as a whole${missing === null ? '' : ` (${missing})`}`,
  () => {
    test('what the server refuses a request for is found by halving; all others are written', async () => {
      const docs = Array.from({ length: 100 }, (_, i) => (i === 17 || i === 80 ? tooLong(i) : prepared(String(i))))
      const { refused, written } = await writeBulk(docs, options('halved'))
      expect(written).toBe(98)
      expect(refused.map(({ id }) => id)).toEqual([docs[17]!.doc.id, docs[80]!.doc.id])
      for (const { reason } of refused) expect(reason).toMatch(/id .* too long/)
    })

    test('so is what makes a request too large', async () => {
      const docs = Array.from({ length: 100 }, (_, i) =>
        prepared(String(i), 'x'.repeat(i === 50 ? LIMIT_BYTES : 2_000)),
      )
      const { refused, written } = await writeBulk(docs, options('large'))
      expect(written).toBe(99)
      expect(refused).toEqual([{ id: '50', reason: expect.stringContaining('too large') }])
    })

    test('where all is refused the work is bounded, and each has its reason', { timeout: 60_000 }, async () => {
      let requests = 0
      const some = options('all')
      const { transport } = some.client
      const send = transport.request.bind(transport)
      transport.request = ((...args: Parameters<typeof send>) => {
        requests += 1
        return send(...args)
      }) as typeof transport.request
      const docs = Array.from({ length: 4_000 }, (_, i) => tooLong(i))
      const { refused, written } = await writeBulk(docs, some)
      expect([written, new Set(refused.map(({ id }) => id)).size]).toEqual([0, 4_000])
      expect(requests).toBe(1_001)
    })
  },
)
