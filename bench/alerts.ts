/**
 * Detections per second through alerting: grouped into alerts by compare-and-set, counted once, offered to the indexer
 * and to the outbox. The queue holds all of them when it begins, in offers as an analyzer makes them, of several hundred
 * containers. `redis`: with its file synced always; `sqlite`: as in one process.
 */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Alerting } from '../alerts/alerting.ts'
import { eventStream } from '../app/rules/event-stream.ts'
import { createRedisDocuments } from '../backends/redis/documents.ts'
import { createRedisQueue } from '../backends/redis/queue.ts'
import { createSqliteDocuments } from '../backends/sqlite/documents.ts'
import { createSqliteQueue } from '../backends/sqlite/queue.ts'
import type { Component } from '../core/model/component.ts'
import type { Detection } from '../core/model/detection.ts'
import { detectionItems } from '../core/model/detection-item.ts'
import type { Documents } from '../core/model/documents.ts'
import type { Feed } from '../core/model/feed.ts'
import type { Item, Queue } from '../core/model/queue.ts'
import { createLogger } from '../core/runtime/logging.ts'
import { Metrics } from '../core/runtime/metrics.ts'
import { documentsOf } from '../indexer/event-documents.ts'
import { startRedis } from '../test/support/redis.ts'
import { cpuSeconds } from './support/process-usage.ts'
import { Report, spread } from './support/report.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)
/** Of a round. */
const DETECTIONS = Number(process.env.BENCH_EVENTS ?? 20_000)
const KEYS = 300
/** What an analyzer finds in one delivery. */
const OFFER = 64
/** And in one batch. */
const FOUND = 16
const POLL_MS = 2
/** Nobody follows. */
const NO_FEED: Feed = { publish: () => {}, hasSubscribers: () => false, subscribe: async function* () {} }

/** `redis` or `sqlite` alone. */
const ONLY = process.env.BENCH_BACKEND

interface Backend {
  queue: Queue & Component
  documents: Documents & Component
  /** CPU of the server so far, in seconds. */
  serverCpu(): number
  remove(): Promise<void>
}

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('alerts', options)
  for (const [name, open] of Object.entries({ redis: openRedis, sqlite: openSqlite })) {
    if (ONLY !== undefined && ONLY !== name) continue
    for (const destinations of [[], ['file']]) {
      const backend = await open()
      try {
        report.row({
          backend: name,
          destinations: destinations.length,
          ...(await measure(backend, destinations)),
        })
      } finally {
        await backend.queue.stop(5_000)
        await backend.documents.stop(5_000)
        await backend.remove()
      }
    }
  }
}

async function measure({ queue, documents, serverCpu }: Backend, destinations: readonly string[]) {
  await queue.start()
  await documents.start()
  const rates: number[] = []
  const ownCosts: number[] = []
  const serverCosts: number[] = []
  const stream = detections()
  const alerting = new Alerting({
    queue,
    documents,
    feed: NO_FEED,
    destinations,
    retentionDays: 1,
    metrics: new Metrics(),
    logger: createLogger({ level: 'silent', component: 'bench' }),
  })
  // The first round warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    const all = Array.from({ length: DETECTIONS }, () => stream.next().value!)
    for (let from = 0; from < all.length; from += OFFER)
      await queue.offer('detections', itemsOf(all.slice(from, from + OFFER)))
    const [ownBefore, serverBefore, startMs] = [process.cpuUsage(), serverCpu(), performance.now()]
    await alerting.start()
    while ((await queue.depth('detections')).items > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    const seconds = (performance.now() - startMs) / 1_000
    const own = process.cpuUsage(ownBefore)
    const serverSeconds = serverCpu() - serverBefore
    await alerting.stop(5_000)
    // What comes after alerting is not measured.
    for (const topic of ['index', ...destinations.map((name) => `notify/${name}` as const)] as const)
      await discard(queue, topic)
    if (round === 0) continue
    rates.push(DETECTIONS / seconds)
    ownCosts.push((own.user + own.system) / DETECTIONS)
    serverCosts.push((serverSeconds * 1e6) / DETECTIONS)
  }
  const { median, min, max } = spread(rates)
  return {
    keys: KEYS,
    detections_per_second: Math.round(median),
    detections_per_second_min: Math.round(min),
    detections_per_second_max: Math.round(max),
    cpu_us_per_detection: spread(ownCosts).median,
    server_cpu_us_per_detection: spread(serverCosts).median,
  }
}

function itemsOf(found: readonly Detection[]): Item[] {
  const items: Item[] = []
  for (let from = 0; from < found.length; from += FOUND) items.push(...detectionItems(found.slice(from, from + FOUND)))
  return items
}

async function discard(queue: Queue, topic: 'index' | `notify/${string}`): Promise<void> {
  const consumer = queue.consume(topic, async () => {}, { maxItems: 500 })
  await consumer.start()
  while ((await queue.depth(topic)).items > 0) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  await consumer.stop(5_000)
}

/** With the documents of events as they come, the containers replaced by the keys of this bench. */
function* detections(): Generator<Detection, never> {
  const stream = eventStream()
  for (let number = 0, sequence = 1; ; sequence++) {
    const batch = stream.next().value!
    const header = {
      collector: 'bench-host',
      epoch: 'bench',
      sequence,
      lowMs: {},
      dropped: {},
      plan: '',
      edgeRuleset: '',
      class: 'routine' as const,
      rows: 0,
    }
    const receivedMs = Date.UTC(2026, 0, 1)
    for (const { id, timeMs, day, part, body } of documentsOf(header, batch, { receivedMs, ruleset: '', parts: {} })) {
      const key = Math.imul(number++, 2_654_435_761) >>> 0
      const detection: Detection = {
        id: createHash('md5').update(`${id}-${number}`).digest('hex'),
        rule: `container.rule-${key % 10}`,
        ruleset: 'bench',
        source: 'syscall',
        priority: 'Warning',
        tags: ['container', 'mitre_execution'],
        hostname: header.collector,
        timeNs: `${timeMs}000000`,
        timeMs,
        key: [`container-${key % KEYS}`],
        evidence: [id],
        output: `A file was opened that nobody opens | container=${key % KEYS} id=${id}`,
        fields: { 'container.id': `container-${key % KEYS}`, 'proc.name': 'nginx', 'fd.name': '/etc/shadow' },
        event: body,
        day,
        part,
      }
      yield detection
    }
  }
}

async function openRedis(): Promise<Backend> {
  const redis = await startRedis()
  return {
    queue: createRedisQueue({ url: redis.url }),
    documents: createRedisDocuments({ url: redis.url }),
    serverCpu: () => cpuSeconds(redis.pid()),
    remove: () => redis.remove(),
  }
}

async function openSqlite(): Promise<Backend> {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-bench-alerts-'))
  return {
    queue: createSqliteQueue({ directory: join(directory, 'queue') }),
    documents: createSqliteDocuments({ directory: join(directory, 'documents') }),
    serverCpu: () => 0,
    remove: async () => rmSync(directory, { recursive: true, force: true }),
  }
}
