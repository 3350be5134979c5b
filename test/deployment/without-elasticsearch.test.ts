/**
 * Elasticsearch is away while events pass: alerts must not wait for it, and nothing may be missing or doubled when it
 * is back. SEAMARK_OUTAGE_EVENTS sets how many events (default 20,000).
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ApiClient } from '../../app/api-client.ts'
import { readConfig } from '../../app/config.ts'
import { createRedisQueue, type RedisQueue } from '../../backends/redis/queue.ts'
import type { Hit } from '../../core/model/search-store.ts'
import { audit, miscounted, range } from '../chaos/audit.ts'
import { ALARM_EVERY, alarmsUpTo, CONTAINERS, chaosRules, numberedBatch, numberIn } from '../chaos/numbered-events.ts'
import { storedDocuments, valueAt } from '../chaos/stored.ts'
import { Deployment, type RunningProcess } from '../support/deployment.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { until } from '../support/wait.ts'
import { enrolSender } from './sender.ts'

const EVENTS = Number(process.env.SEAMARK_OUTAGE_EVENTS ?? 20_000)
const ROWS = 1_000
const BATCHES_SENT_AT_ONCE = 10
const WAIT_MS = 300_000
const ALARMS = alarmsUpTo(EVENTS)

const missing = redisMissing() ?? elasticsearchMissing()

describe.skipIf(missing !== null)(`without Elasticsearch${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let deployment: Deployment
  let queue: RedisQueue
  let ingest: RunningProcess
  let api: RunningProcess
  let analyzers: RunningProcess[]
  const stopTail = new AbortController()
  beforeAll(async () => {
    deployment = await Deployment.start()
    const file = join(deployment.directory, 'numbered.yaml')
    writeFileSync(file, chaosRules('/nowhere'))
    await deployment.command('rules', 'push', '--rules', file)
    queue = createRedisQueue({ url: deployment.redis.url })
    await queue.start()
    ingest = await deployment.run('ingest')
    api = await deployment.run('api')
    analyzers = await Promise.all([0, 1].map(() => deployment.run('analyzer', {}, ['--json'])))
  })
  afterAll(async () => {
    stopTail.abort()
    await queue?.stop(1_000)
    await deployment?.remove()
  })

  const get = async (path: string) => {
    const response = await fetch(`${api.url}${path}`)
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  const empty = async (topic: 'batches' | 'detections' | 'index') => (await queue.depth(topic)).items === 0
  const countIn = ({ body }: Pick<Hit, 'body'>) => Number(valueAt(body, 'seamark.alert.count'))

  test(`${EVENTS} events raise their alerts at once, and are indexed once when it is back`, {
    timeout: 1_800_000,
  }, async () => {
    const sender = await enrolSender(deployment, ingest.url, 'numbered')
    await deployment.elasticsearch.kill()
    const tailed = new Set<string>()
    const client = new ApiClient(readConfig(undefined, {}), api.url)
    const tail = follow(client, stopTail.signal, tailed)
    await tail.opened
    for (let from = 1, sequence = 1; from <= EVENTS; ) {
      const payloads: Uint8Array[] = []
      for (; payloads.length < BATCHES_SENT_AT_ONCE && from <= EVENTS; from += ROWS, sequence++) {
        payloads.push(numberedBatch('numbered', sequence, from, Math.min(EVENTS, from + ROWS - 1)).payload)
      }
      expect((await sender.send(payloads)).status).toBe(200)
    }
    await until('every batch to be judged', () => empty('batches'), WAIT_MS)
    await until('every detection to be counted', () => empty('detections'), WAIT_MS)

    const { status, body } = await get('/api/v1/alerts?filter=rule.name:numbered.alarm&limit=1000')
    expect([status, body.notice]).toEqual([200, expect.stringContaining('does not answer')])
    const alerts = body.hits as Hit[]
    expect(alerts.reduce((sum, alert) => sum + countIn(alert), 0)).toBe(ALARMS)
    expect(new Set(alerts.map((alert) => valueAt(alert.body, 'container.name'))).size).toBe(CONTAINERS)
    const detail = await get(`/api/v1/alerts/${alerts[0]!.id}`)
    expect([detail.status, detail.body.evidence]).toEqual([200, []])
    expect(detail.body.missing).not.toEqual([])
    const events = await get('/api/v1/events')
    expect([events.status, events.body.code]).toEqual([503, 'E_STORE_STORAGE'])
    const ids = alerts.map(({ id }) => id)
    await until('every detection on a terminal', () => printedBy(analyzers).size === ALARMS, WAIT_MS)
    await until('the alerts in the tail', () => ids.every((id) => tailed.has(id)), WAIT_MS)
    expect(await empty('index')).toBe(false)

    await deployment.elasticsearch.start()
    await until('everything to be indexed', () => empty('index'), WAIT_MS)
    const { url } = deployment.elasticsearch
    const stored = await storedDocuments(url, 'events', ['file.path'])
    expect(audit(stored, range(1, EVENTS))).toEqual({ missing: [], doubled: [] })
    const detections = await storedDocuments(url, 'detections', ['file.path', 'seamark'])
    const alarms = range(1, ALARMS).map((n) => n * ALARM_EVERY)
    expect(audit(detections, alarms)).toEqual({ missing: [], doubled: [] })
    expect(miscounted(await storedDocuments(url, 'alerts', ['seamark']), detections)).toEqual([])
    expect((await queue.depth('dead')).items).toBe(0)
    const after = await get('/api/v1/alerts?filter=rule.name:numbered.alarm&limit=1000')
    expect(after.body).toEqual({ hits: expect.any(Array) })
    expect((after.body.hits as Hit[]).map(({ id }) => id)).toEqual(ids)
    sender.close()
  })
})

/** The numbers of the alarms that were printed; that the store is away is told of too. */
function printedBy(analyzers: readonly RunningProcess[]): Set<number> {
  const lines = analyzers.flatMap((analyzer) => analyzer.lines)
  if (lines.length < ALARMS) return new Set()
  const numbers = lines.map((line) => numberIn((JSON.parse(line) as { output: string }).output))
  return new Set(numbers.filter((number) => number !== null))
}

/** Collects the ids of alerts that pass in the live tail. */
function follow(client: ApiClient, signal: AbortSignal, ids: Set<string>): { opened: Promise<void> } {
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>()
  const read = async () => {
    for await (const { event, data } of client.tail({ kinds: 'alert' }, signal, resolve)) {
      if (event !== 'missed') ids.add((data as { id: string }).id)
    }
  }
  read().catch((error: unknown) => {
    if (!signal.aborted) reject(error)
  })
  return { opened }
}
