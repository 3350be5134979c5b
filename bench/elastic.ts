/**
 * Events per second from hosts' messages through ingest, Redis and rules until Elasticsearch has every one of them, and
 * the same documents sent to the same server as raw `_bulk` requests that were built beforehand. The ratio is the
 * figure. The indices of both have the same template; each round of each begins with an index of its own.
 */
import { BATCH_ROWS, eventStream } from '../app/rules/event-stream.ts'
import { bulkRequests } from '../backends/elasticsearch/bulk.ts'
import { createElasticsearchStore } from '../backends/elasticsearch/search-store.ts'
import { openBatch } from '../core/batch/seal.ts'
import { DOCUMENT_FIELDS, OPEN_OBJECTS } from '../core/fields/document-fields.ts'
import { prepareDoc } from '../core/search/prepare-document.ts'
import { documentsOf } from '../indexer/event-documents.ts'
import { elasticsearchMissing, startElasticsearch } from '../test/support/elasticsearch.ts'
import { take } from './support/batches.ts'
import { Central, type Message, sealFor } from './support/central.ts'
import { Report, spread } from './support/report.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
/** Of a round. */
const EVENTS = Number(process.env.BENCH_EVENTS ?? 60_000)
const HOSTS = Array.from({ length: 8 }, (_, i) => `bench-${i}`)
const CONCURRENCY = 8
/** As the store sends them. */
const BULK = { maxBytes: 8 * 1024 * 1024, requests: 2 }
/** Parts of the store that the pipeline never comes to. */
const RAW_PART = 900

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('elastic', options)
  const missing = elasticsearchMissing()
  if (missing !== null) throw new Error(missing)
  const server = await startElasticsearch()
  const store = createElasticsearchStore({ url: server.url, fields: DOCUMENT_FIELDS, openObjects: OPEN_OBJECTS })
  let central: Central | undefined
  try {
    await store.prepare()
    central = await Central.start(1, HOSTS, server.url)
    const stream = eventStream()
    const sequences: number[] = []
    const through: number[] = []
    const raw: number[] = []
    const ratios: number[] = []
    // The first round warms up both.
    for (let round = 0; round <= ROUNDS; round++) {
      const messages = sealFor(HOSTS, take(stream, Math.ceil(EVENTS / BATCH_ROWS)), sequences)
      const bodies = bulkBodies(messages, RAW_PART + round)
      const rawRate = await sendRaw(server.url, bodies, messages)
      const rate = await sendThrough(central, messages)
      if (round === 0) continue
      raw.push(rawRate)
      through.push(rate)
      ratios.push(rate / rawRate)
    }
    const ratio = spread(ratios)
    report.row({
      events: EVENTS,
      raw_bulk_events_per_second: Math.round(spread(raw).median),
      events_per_second: Math.round(spread(through).median),
      ratio: ratio.median,
      ratio_min: ratio.min,
      ratio_max: ratio.max,
    })
  } finally {
    await central?.remove()
    await store.stop(1_000)
    await server.remove()
  }
}

/** What the indexer makes of the messages, as requests; text, so that sending them costs nothing more. */
function bulkBodies(messages: readonly Message[], part: number): string[] {
  const docs = messages.flatMap(({ bytes }) => {
    const { header, batch } = openBatch(bytes)
    return [...documentsOf(header, batch, { receivedMs: Date.now(), ruleset: '', parts: {} })]
  })
  const prepared = docs.map((doc) => {
    const one = prepareDoc({ kind: doc.kind, id: doc.id, timeMs: doc.timeMs, day: doc.day, part, body: doc.body })
    if ('reason' in one) throw new Error(one.reason)
    return one
  })
  const requests = bulkRequests(prepared, { prefix: 'seamark', maxBytes: BULK.maxBytes })
  return [...requests].map((lines) => lines.map(({ text }) => text).join(''))
}

async function sendRaw(url: string, bodies: readonly string[], messages: readonly Message[]): Promise<number> {
  const next = bodies[Symbol.iterator]()
  const startMs = performance.now()
  const sender = async () => {
    for (let one = next.next(); one.done !== true; one = next.next()) {
      const response = await fetch(`${url}/_bulk?filter_path=errors`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson' },
        body: one.value,
      })
      const { errors } = (await response.json()) as { errors?: boolean }
      if (errors !== false) throw new Error(`Elasticsearch answered ${response.status}, errors ${errors}`)
    }
  }
  await Promise.all(Array.from({ length: BULK.requests }, sender))
  return rateSince(startMs, messages)
}

async function sendThrough(central: Central, messages: readonly Message[]): Promise<number> {
  const startMs = performance.now()
  await central.send(messages, CONCURRENCY)
  // A topic is empty when what it held is durable in the next.
  for (const topic of ['batches', 'detections', 'index'] as const) await central.empty(topic)
  return rateSince(startMs, messages)
}

function rateSince(startMs: number, messages: readonly Message[]): number {
  const events = messages.reduce((sum, message) => sum + message.events, 0)
  return events / ((performance.now() - startMs) / 1_000)
}
