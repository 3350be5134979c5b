import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRedisQueue, type RedisQueue } from '../../backends/redis/queue.ts'
import { BatchBuilder } from '../../core/batch/builder.ts'
import { openBatch, sealBatch } from '../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import type { Failure } from '../../core/model/queue.ts'
import { ALARM_EVERY, chaosRules, numberedBatch, numberIn } from '../chaos/numbered-events.ts'
import { storedDocuments, valueAt } from '../chaos/stored.ts'
import { Deployment, type RunningProcess } from '../support/deployment.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { until } from '../support/wait.ts'
import { enrolSender, type Sender } from './sender.ts'

const ROWS = 500
/** A consumer that is silent so long loses what it holds. */
/** Far longer than the test may take: whatever waited for it would not be done in time. */
/** Nothing is asked of how fast it goes. */
const SLOW_MS = 170_000
const LEASE = { SEAMARK_REDIS_LEASE_SECONDS: '600' }

const missing = redisMissing() ?? elasticsearchMissing()

describe.skipIf(missing !== null)(`analyzers${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let deployment: Deployment
  let ingest: RunningProcess
  let queue: RedisQueue
  beforeAll(async () => {
    deployment = await Deployment.start()
    const file = join(deployment.directory, 'numbered.yaml')
    writeFileSync(file, chaosRules('/nowhere'))
    await deployment.command('rules', 'push', '--rules', file)
    ingest = await deployment.run('ingest')
    queue = createRedisQueue({ url: deployment.redis.url })
    await queue.start()
  })
  afterAll(async () => {
    await queue?.stop(1_000)
    await deployment?.remove()
  })

  const sendNumbers = async (sender: Sender, batches: number) => {
    for (let i = 0; i < batches; i++) {
      const { payload } = numberedBatch(sender.collector, i + 1, i * ROWS + 1, (i + 1) * ROWS)
      expect((await sender.send([payload])).status).toBe(200)
    }
  }
  const detectedOn = async (collector: string) => {
    const found = await storedDocuments(deployment.elasticsearch.url, 'detections', ['host.name', 'file.path'])
    return found
      .filter(({ source }) => valueAt(source, 'host.name') === collector)
      .map(({ source }) => numberIn(valueAt(source, 'file.path') as string)!)
      .sort((a, b) => a - b)
  }
  const alarms = (batches: number) =>
    Array.from({ length: (batches * ROWS) / ALARM_EVERY }, (_, i) => (i + 1) * ALARM_EVERY)

  test('of three, one may be told to end at any time: it gives back what it holds, and nothing waits for its lease', async () => {
    const sender = await enrolSender(deployment, ingest.url, 'drained')
    const batches = 60
    await sendNumbers(sender, batches)
    const analyzers = await Promise.all([0, 1, 2].map(() => deployment.run('analyzer', LEASE)))
    await until('some to be judged', async () => (await queue.depth('batches')).items < batches)
    expect(await analyzers[0]!.end('SIGTERM')).toBe(0)
    await until('the batches to be judged', async () => (await queue.depth('batches')).items === 0, SLOW_MS)
    await until('the alerts to be counted', async () => (await queue.depth('detections')).items === 0, SLOW_MS)
    await until('the store', async () => (await detectedOn('drained')).length >= alarms(batches).length, SLOW_MS)
    expect(await detectedOn('drained')).toEqual(alarms(batches))
    for (const analyzer of analyzers.slice(1)) expect(await analyzer.end('SIGTERM')).toBe(0)
    sender.close()
  }, 600_000)

  test('what Elasticsearch refuses is a dead letter with its reason; mended and replayed, it is stored', async () => {
    const analyzer = await deployment.run('analyzer')
    const sender = await enrolSender(deployment, ingest.url, 'refused')
    const yesterdayMs = Date.now() - 86_400_000
    const day = new Date(yesterdayMs).toISOString().slice(0, 10).replaceAll('-', '.')
    const index = `${deployment.elasticsearch.url}/seamark-events-${day}-000`
    const mistaken = {
      mappings: { properties: { file: { properties: { path: { type: 'long', ignore_malformed: false } } } } },
    }
    const headers = { 'content-type': 'application/json' }
    const made = await fetch(index, { method: 'PUT', headers, body: JSON.stringify(mistaken) })
    expect(made.status).toBe(200)
    expect((await sender.send([numberedBatch('refused', 1, 1, 2, yesterdayMs).payload])).status).toBe(200)
    const letters = await until(
      'the dead letters',
      async () => {
        const lines = (await deployment.command('deadletters', 'list', '--json')).stdout.trim().split('\n')
        return (
          lines.length === 2 &&
          lines.map((line) => JSON.parse(line) as { key: string; failure: Record<string, unknown> })
        )
      },
      60_000,
    )
    for (const { failure } of letters) {
      expect(failure).toMatchObject({ topic: 'index', code: 'E_STORE_REFUSED' })
      expect(failure.message).toContain('parsing')
    }
    const shown = await deployment.command('deadletters', 'show', letters[0]!.key)
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining('/numbered/event/')])
    expect((await fetch(index, { method: 'DELETE' })).status).toBe(200)
    const replayed = await deployment.command('deadletters', 'replay', '--all')
    expect([replayed.code, replayed.stdout]).toEqual([0, '2 dead letters offered again\n'])
    const stored = await until(
      'the events',
      async () => {
        const found = await storedDocuments(deployment.elasticsearch.url, 'events', ['host.name', 'file.path'])
        const ours = found.filter(({ source }) => valueAt(source, 'host.name') === 'refused')
        return ours.length >= 2 && ours
      },
      60_000,
    )
    expect(stored.map(({ source }) => numberIn(valueAt(source, 'file.path') as string)).sort()).toEqual([1, 2])
    expect((await deployment.command('deadletters', 'list')).stdout).toBe('Nothing was given up.\n')
    expect(await analyzer.end('SIGTERM')).toBe(0)
    sender.close()
  })

  test('what one host sends and no store takes is set aside by itself, and keeps nothing of others', async () => {
    const analyzer = await deployment.run('analyzer')
    const [honest, evil] = [
      await enrolSender(deployment, ingest.url, 'honest'),
      await enrolSender(deployment, ingest.url, 'evil'),
    ]
    const nowNs = BigInt(Date.now()) * 1_000_000n
    const nothing = { epoch: 'e', lowMs: {}, dropped: {}, plan: '', edgeRuleset: '', class: 'evidence' as const }
    const strange = new BatchBuilder(nowNs)
    // Fewer characters than an id may have bytes, and more bytes.
    strange.addEvent('docker', nowNs, { type: EVENT_TYPES.docker.code, position: 'é'.repeat(400), action: 'start' })
    const { batch, header } = openBatch(numberedBatch('evil', 2, 1, 100, Date.now()).payload)
    batch.tables.file!.columns.time![50] = Number.NaN
    const statuses = await Promise.all([
      honest.send([numberedBatch('honest', 1, 1, 5, Date.now()).payload]),
      evil.send([sealBatch({ ...nothing, collector: 'evil', sequence: 1, rows: 1 }, strange.build()).bytes]),
      evil.send([sealBatch(header, batch).bytes]),
      honest.send([numberedBatch('honest', 2, 6, 10, Date.now()).payload]),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    await until(
      'all that can be stored',
      async () => {
        const found = await storedDocuments(deployment.elasticsearch.url, 'events', ['host.name', 'file.path'])
        const of = (host: string) => found.filter(({ source }) => valueAt(source, 'host.name') === host).length
        return of('honest') === 10 && of('evil') === 99
      },
      60_000,
    )
    const letters = await until(
      'the dead letters',
      async () => {
        const lines = (await deployment.command('deadletters', 'list', '--json')).stdout.trim().split('\n')
        return lines.length === 2 && lines.map((line) => JSON.parse(line) as { collector: string; failure: Failure })
      },
      60_000,
    )
    expect(letters.map(({ collector, failure }) => [collector, failure.topic, failure.code]).sort()).toEqual([
      ['evil', 'index', 'E_STORE_REFUSED'],
      ['evil', 'index', 'RangeError'],
    ])
    expect(await analyzer.end('SIGTERM')).toBe(0)
    honest.close()
    evil.close()
  })
})
