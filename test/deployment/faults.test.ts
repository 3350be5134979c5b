/**
 * Faults of what a deployment stands on, each brought about for real: nothing is lost silently, and each is seen in the
 * metrics, as health events that reach the rules, and by `seamark doctor`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRedisQueue } from '../../backends/redis/queue.ts'
import { BatchBuilder } from '../../core/batch/builder.ts'
import { sealBatch } from '../../core/batch/seal.ts'
import { fromText } from '../../core/batch/strings.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import { docItem } from '../../core/model/index-item.ts'
import { nowNs } from '../../core/runtime/clock.ts'
import { Deployment, type RunningProcess } from '../support/deployment.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { runSeamark } from '../support/seamark.ts'
import { until } from '../support/wait.ts'
import { enrolSender, type Sender } from './sender.ts'

const missing = redisMissing() ?? elasticsearchMissing()
const SLOW_MS = 40_000

interface Hit {
  id: string
  body: { message?: string; host?: { name: string }; container?: { labels?: Record<string, string> } }
}

describe.skipIf(missing !== null)(`a deployment's faults${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let deployment: Deployment
  let ingest: RunningProcess
  let analyzer: RunningProcess
  let api: RunningProcess
  let redis: Redis
  let sender: Sender
  let sequence = 0
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-faults-'))

  beforeAll(async () => {
    // Room for so little that others can keep it busy.
    deployment = await Deployment.start({ 'thread_pool.write.size': '1', 'thread_pool.write.queue_size': '1' })
    redis = new Redis(deployment.redis.url)
    redis.on('error', () => {})
    ingest = await deployment.run('ingest')
    ;[analyzer, api] = await Promise.all([deployment.run('analyzer'), deployment.run('api')])
    sender = await enrolSender(deployment, ingest.url, 'web-1')
  })
  afterAll(async () => {
    redis?.disconnect()
    sender?.close()
    await deployment?.remove()
    rmSync(scratch, { recursive: true, force: true })
  })

  /** What this machine can see is not the question here, and takes its time. */
  function quickConfig(): string {
    const path = join(scratch, 'seamark.yml')
    writeFileSync(path, 'capture: {enabled: false}\ndocker: {enabled: false}\n')
    return path
  }

  /** A batch with one event of a container with these labels. */
  function batch(message: string, labels = '', atNs = nowNs()): Uint8Array {
    const builder = new BatchBuilder(atNs)
    const container = builder.add('container', { containerId: 'c'.repeat(64), containerName: 'web', labels })
    builder.addEvent('health', atNs, {
      type: EVENT_TYPES.health.code,
      kindName: 'test.note',
      message: fromText(message),
      count: 1,
      container,
    })
    const header = { collector: 'web-1', epoch: 'faults', sequence: ++sequence, lowMs: {}, dropped: {}, plan: 'p' }
    return sealBatch({ ...header, edgeRuleset: '', class: 'evidence', rows: 1 }, builder.build()).bytes
  }

  /** As a host does: until ingest has it. The statuses of all tries. */
  async function send(batches: readonly Uint8Array[], by = sender): Promise<number[]> {
    const statuses: number[] = []
    await until(
      'ingest to take it',
      async () => {
        const { status } = await by.send(batches).catch(() => ({ status: 0 }))
        statuses.push(status)
        return status === 200
      },
      SLOW_MS,
    )
    return statuses
  }

  const events = async (filter: string) => (await deployment.all('events', filter).catch(() => [])) as unknown as Hit[]
  const stored = (message: string) =>
    until(`${message} to be stored`, async () => (await events(`message: "${message}"`))[0], SLOW_MS)

  async function metric(of: RunningProcess, series: string): Promise<number> {
    const response = await fetch(`${of.url}/metrics`)
    expect(response.status).toBe(200)
    const line = (await response.text()).split('\n').find((one) => one.startsWith(`${series} `))
    return Number(line?.slice(series.length + 1) ?? 0)
  }
  const holds = (of: RunningProcess, condition: string, value = 1) =>
    until(
      `${condition} to be ${value} in the metrics`,
      async () => (await metric(of, `seamark_conditions{condition="${condition}"}`)) === value,
      SLOW_MS,
    )

  /** Began once and ended once since then, and the beginning was judged. */
  async function isTold(condition: string, fromMs: number): Promise<void> {
    const since = `@timestamp >= "${new Date(fromMs).toISOString()}"`
    for (const state of ['began', 'ended']) {
      const filter = `seamark.health.kind: "${condition}.${state}" and ${since}`
      await until(`the event ${condition}.${state}`, async () => (await events(filter)).length > 0, SLOW_MS)
      expect(await events(filter)).toHaveLength(1)
    }
    // One alert gathers them all, as they are of one rule; each has a detection of its own.
    await until(
      `the alert of ${condition}`,
      async () => (await deployment.all('alerts', 'rule.name: health.condition-began')).length > 0,
      SLOW_MS,
    )
    await until(
      `a detection of ${condition}`,
      async () => {
        const answer = await fetch(`${deployment.elasticsearch.url}/seamark-detections-*/_search?size=1000`)
        return (await answer.text()).includes(`condition=${condition}`)
      },
      SLOW_MS,
    )
  }

  async function doctorSays(pattern: RegExp, args: string[] = ['--url', api.url]): Promise<void> {
    await until(
      `doctor to say ${pattern}`,
      async () => {
        const { code, stdout } = await runSeamark(['doctor', ...args], deployment.env)
        return code === 1 && pattern.test(stdout)
      },
      SLOW_MS,
    )
  }
  /** Redis and Elasticsearch themselves, whether or not a Seamark can tell. */
  const LOCAL = ['--data-dir', '/nonexistent/seamark', '--no-builtin-rules', '--config', quickConfig()]

  test('Redis that is killed: hosts keep what they have, and all that was acknowledged comes out of its file', async () => {
    const fromMs = Date.now()
    await send([batch('before the kill')])
    await deployment.redis.kill()
    await holds(ingest, 'redis.unreachable')
    expect(await metric(ingest, 'seamark_redis_up')).toBe(0)
    expect((await fetch(`${ingest.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${api.url}/readyz`)).status).toBe(503)
    const meanwhile = batch('while Redis was away')
    expect((await sender.send([meanwhile])).status).toBe(503)
    await doctorSays(/redis\.unreachable[\s\S]*why: .*ECONNREFUSED[\s\S]*fix: start Redis/, LOCAL)
    // A process that starts now says why it cannot, and ends for its supervisor to start it again.
    await expect(deployment.run('ingest')).rejects.toThrow(/Redis does not answer/)
    await deployment.redis.start()
    await send([meanwhile])
    await stored('before the kill')
    await stored('while Redis was away')
    await holds(ingest, 'redis.unreachable', 0)
    await isTold('redis.unreachable', fromMs)
    expect(await events('message: "while Redis was away"')).toHaveLength(1)
  })

  test('Redis that is full: ingest takes nothing, and everything arrives when there is room', async () => {
    const fromMs = Date.now()
    const usedBytes = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
    // Far below: a server that was just started gives some of what it uses back.
    await redis.config('SET', 'maxmemory', String(Math.round(usedBytes / 2)))
    await holds(ingest, 'redis.full')
    const refused = batch('while Redis was full')
    expect((await sender.send([refused])).status).toBe(429)
    expect(await metric(ingest, 'seamark_queue_refused_offers_total')).toBeGreaterThan(0)
    await doctorSays(/redis\.full[\s\S]*MiB \(maxmemory\) are used/, LOCAL)
    await redis.config('SET', 'maxmemory', '0')
    await send([refused])
    await stored('while Redis was full')
    await holds(ingest, 'redis.full', 0)
    await isTold('redis.full', fromMs)
  })

  test('Redis that may throw data away is told of, and what it threw away is counted', async () => {
    const fromMs = Date.now()
    await redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    await holds(ingest, 'redis.evicting')
    await doctorSays(/redis\.evicting[\s\S]*allkeys-lru[\s\S]*maxmemory-policy noeviction/)
    await redis.config('SET', 'maxmemory-policy', 'volatile-ttl')
    // Keys of its own that may go, so that the deployment goes on.
    for (let i = 0; i < 200; i++) await redis.set(`filler-${i}`, 'x'.repeat(20_000), 'EX', 3_600)
    const usedBytes = Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1])
    await redis.config('SET', 'maxmemory', String(usedBytes - 1_000_000))
    await redis.set('filler-last', 'x', 'EX', 3_600)
    await holds(ingest, 'redis.evicted')
    await redis.config('SET', 'maxmemory', '0')
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    expect(await metric(ingest, 'seamark_redis_evicted_keys_total')).toBeGreaterThan(0)
    await doctorSays(/redis\.evicted[\s\S]*keys since it started/)
    await holds(ingest, 'redis.evicting', 0)
    await isTold('redis.evicting', fromMs)
    await redis.config('RESETSTAT')
    await isTold('redis.evicted', fromMs)
  })

  test('Elasticsearch with a read-only block, as at a full disk: what is to be stored waits until it is lifted', async () => {
    await send([batch('before the block')])
    await stored('before the block')
    const put = async (settings: Record<string, unknown>) => {
      const body = JSON.stringify(settings)
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(`${deployment.elasticsearch.url}/seamark-events-*/_settings`, {
        method: 'PUT',
        headers,
        body,
      })
      expect(response.status).toBe(200)
    }
    const fromMs = Date.now()
    await put({ 'index.blocks.read_only_allow_delete': true })
    await send([batch('during the block')])
    await holds(analyzer, 'store.failing')
    await doctorSays(/store\.failing, found by indexer@[\s\S]*cluster_block_exception/)
    await doctorSays(/has the block read_only_allow_delete[\s\S]*fix: free disk/, LOCAL)
    await put({ 'index.blocks.read_only_allow_delete': null })
    await stored('during the block')
    await holds(analyzer, 'store.failing', 0)
    await isTold('store.failing', fromMs)
    expect(await metric(analyzer, 'seamark_dead_letters')).toBe(0)
  })

  test('Elasticsearch that is too busy (429): documents are sent again until they are taken', async () => {
    const fromMs = Date.now()
    const flood = { stop: false, rejected: 0 }
    const line = `${JSON.stringify({ index: { _index: 'flood' } })}\n${JSON.stringify({ text: 'word '.repeat(2_000) })}\n`
    const body = line.repeat(200)
    const headers = { 'content-type': 'application/x-ndjson' }
    const clients = Array.from({ length: 12 }, async () => {
      while (!flood.stop) {
        const answer = await fetch(`${deployment.elasticsearch.url}/_bulk?filter_path=items.*.status`, {
          method: 'POST',
          headers,
          body,
        })
        if ((await answer.text()).includes('429')) flood.rejected += 1
      }
    })
    try {
      await send([batch('while it was busy')])
      await until(
        'documents to be sent again',
        async () => (await metric(analyzer, 'seamark_store_retried_documents_total')) > 0,
        SLOW_MS,
      )
      // Heartbeats of the test: something is to be stored all the time.
      await until(
        'the condition',
        async () => {
          await send([batch('more while it was busy')])
          return (await metric(analyzer, 'seamark_conditions{condition="store.failing"}')) === 1
        },
        2 * SLOW_MS,
      )
      await doctorSays(/store\.failing, found by indexer@/)
    } finally {
      flood.stop = true
      await Promise.all(clients)
    }
    expect(flood.rejected).toBeGreaterThan(0)
    await stored('while it was busy')
    await holds(analyzer, 'store.failing', 0)
    await isTold('store.failing', fromMs)
    expect(await metric(analyzer, 'seamark_dead_letters')).toBe(0)
  })

  test('labels that would conflict as paths, and a clock that is ten years off, are stored', async () => {
    const fromMs = Date.now()
    const labels = (...pairs: string[]) => fromText(pairs.join('\0'))
    await send([
      batch('label app', labels('app=web')),
      batch('label below app', labels('app.kubernetes.io/name=web', 'app=web')),
      batch('from the future', '', nowNs() + 10n * 365n * 86_400n * 1_000_000_000n),
      batch('from the past', '', nowNs() - 10n * 365n * 86_400n * 1_000_000_000n),
    ])
    await stored('label app')
    const hit = await stored('label below app')
    expect(hit.body.container?.labels).toEqual({ app: 'web', 'app_kubernetes_io/name': 'web' })
    await stored('from the future')
    await stored('from the past')
    // Under days of now, whatever they claim: a wrong clock makes no indices.
    const indices = (await (
      await fetch(`${deployment.elasticsearch.url}/_cat/indices/seamark-events-*?format=json`)
    ).json()) as { index: string }[]
    const years = new Set(indices.map(({ index }) => /events-(\d{4})/.exec(index)?.[1]))
    expect([...years].every((year) => Math.abs(Number(year) - new Date().getFullYear()) <= 1)).toBe(true)
    // The host itself, by what it says the time is.
    const skewed = async (skewMs: number) => {
      const headers = { 'seamark-sent-ms': String(Date.now() + skewMs) }
      expect((await sender.send([batch('with its time')], headers)).status).toBe(200)
    }
    await skewed(10 * 365 * 86_400_000)
    await holds(ingest, 'clock.skewed')
    expect(await metric(ingest, 'seamark_ingest_clock_skew_seconds{collector="web-1"}')).toBeGreaterThan(3e8)
    await doctorSays(/clock\.skewed of web-1[\s\S]*3650 days ahead[\s\S]*fix: synchronise/)
    await skewed(0)
    await holds(ingest, 'clock.skewed', 0)
    await isTold('clock.skewed', fromMs)
    expect(await metric(analyzer, 'seamark_dead_letters')).toBe(0)
  })

  test('a document of 10 MB, and one whose mapping conflicts, become dead letters with their reasons', async () => {
    const fromMs = Date.now()
    const queue = createRedisQueue({ url: deployment.redis.url })
    await queue.start()
    const day = new Date().toISOString().slice(0, 10)
    const item = (id: string, body: Record<string, unknown>) =>
      docItem({ kind: 'event', id, timeMs: Date.now(), day, part: 0, body })
    await queue.offer('index', [
      item('large', { message: 'x'.repeat(10 * 1024 * 1024) }),
      // `process` is an object in the mapping.
      item('conflict', { message: 'a conflict', process: 'not an object' }),
      item('good', { message: 'good beside them', '@timestamp': new Date().toISOString() }),
    ])
    await queue.stop(1_000)
    await stored('good beside them')
    await holds(analyzer, 'deadletters.held')
    const refused = 'seamark_indexer_refused_documents_total{kind="event"}'
    await until('both to be refused', async () => (await metric(analyzer, refused)) === 2)
    const list = (await deployment.command('deadletters', 'list')).stdout
    expect(list).toMatch(/the body has more than 4194304 characters/)
    expect(list).toMatch(/document_parsing_exception.*\[process\]/)
    await doctorSays(/deadletters\.held[\s\S]*E_STORE_REFUSED[\s\S]*seamark deadletters list/)
    const { code, stdout } = await deployment.command('deadletters', 'remove', '--all')
    expect([code, stdout]).toEqual([0, '2 dead letters removed\n'])
    expect((await deployment.command('deadletters', 'remove', 'gone')).code).toBe(1)
    await holds(analyzer, 'deadletters.held', 0)
    await isTold('deadletters.held', fromMs)
    // As an event of a host it is cut to what a document may hold, and stored.
    await send([batch(`long ${'y'.repeat(10 * 1024 * 1024)}`)])
    await until('the long event', async () => (await events('message: long*'))[0], SLOW_MS)
  })
})
