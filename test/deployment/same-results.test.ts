/**
 * How many analyzers share the work, and how events are cut into batches, must not show in what they find; nor must
 * hearing everything again. SEAMARK_SAME_RESULTS=all tries every combination instead of three.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../app/config.ts'
import { publishRules } from '../../app/rules/published-rules.ts'
import { createRedisDocuments } from '../../backends/redis/documents.ts'
import { createRedisQueue, type RedisQueue } from '../../backends/redis/queue.ts'
import { BatchBuilder } from '../../core/batch/builder.ts'
import { sealBatch } from '../../core/batch/seal.ts'
import { storageDays } from '../../core/batch/storage-day.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import type { BatchHeader, Envelope } from '../../core/model/batch.ts'
import type { Item } from '../../core/model/queue.ts'
import { type StoredDocument, storedDocuments, valueAt } from '../chaos/stored.ts'
import { Deployment } from '../support/deployment.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { until } from '../support/wait.ts'

const EVENTS = 4_000
const ALARM_EVERY = 4
const CONTAINERS = 8
const ANALYZERS = [1, 2, 4]
const BATCH_ROWS = [20, 300, 4_000]
/** Between two events; all together fit into the window of one alert. */
const STEP_MS = 50
const ITEMS_OFFERED_AT_ONCE = 16
const WAIT_MS = 120_000
const RULE = `
- rule: numbered.start
  desc: a numbered event that is to be detected
  source: docker
  condition: docker.type = container and event.action = start
  output: started %container.name
  priority: Warning
`

const every = ANALYZERS.flatMap((analyzers) => BATCH_ROWS.map((rows) => ({ analyzers, rows })))
const combinations =
  process.env.SEAMARK_SAME_RESULTS === 'all'
    ? every
    : ANALYZERS.map((analyzers, i) => ({ analyzers, rows: BATCH_ROWS[i]! }))

interface Results {
  detections: string[]
  /** Without their ids, which follow from the detection that happened to come first. */
  alerts: unknown[]
}

const missing = redisMissing() ?? elasticsearchMissing()

describe.skipIf(missing !== null)(`the results${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const startMs = Date.now() - EVENTS * STEP_MS
  let deployment: Deployment
  let expected: Results | null = null
  beforeAll(async () => {
    deployment = await Deployment.start()
  })
  afterAll(() => deployment?.remove())

  /** Events with a position of their own, as sources have that can read again: their ids are theirs in any batch. */
  function* itemsOf(epoch: string, rows: number, envelope: Envelope): Generator<Item> {
    for (let from = 0, sequence = 1; from < EVENTS; from += rows, sequence++) {
      const builder = new BatchBuilder(BigInt(startMs) * 1_000_000n)
      const containers = Array.from({ length: CONTAINERS }, (_, i) =>
        builder.add('container', { containerId: String(i).repeat(64), containerName: `numbered-${i}` }),
      )
      const to = Math.min(EVENTS, from + rows)
      for (let number = from; number < to; number++) {
        builder.addEvent('docker', BigInt(startMs + number * STEP_MS) * 1_000_000n, {
          type: EVENT_TYPES.docker.code,
          container: containers[Math.floor(number / ALARM_EVERY) % CONTAINERS]!,
          position: String(number),
          action: number % ALARM_EVERY === 0 ? 'start' : 'exec_create',
          objectType: 'container',
          objectId: String(number % CONTAINERS).repeat(64),
        })
      }
      const header: BatchHeader = {
        ...{ collector: 'numbered', epoch, sequence, lowMs: {}, dropped: {}, plan: '', edgeRuleset: '' },
        class: 'evidence',
        rows: to - from,
      }
      const { bytes } = sealBatch(header, builder.build())
      yield { id: `numbered/${epoch}/${sequence}`, class: 'evidence', header, envelope, payload: bytes }
    }
  }

  async function offerAll(queue: RedisQueue, items: Iterable<Item>): Promise<void> {
    const all = [...items]
    for (let from = 0; from < all.length; from += ITEMS_OFFERED_AT_ONCE)
      expect(await queue.offer('batches', all.slice(from, from + ITEMS_OFFERED_AT_ONCE))).toBe('stored')
    await until(
      'everything to be judged and indexed',
      async () => {
        const depths = await Promise.all((['batches', 'detections', 'index'] as const).map((t) => queue.depth(t)))
        return depths.every(({ items: left }) => left === 0)
      },
      WAIT_MS,
    )
    expect((await queue.depth('dead')).items).toBe(0)
  }

  async function resultsOf(prefix: string): Promise<Results> {
    const stored = (kind: 'detections' | 'alerts', fields: string[]) =>
      storedDocuments(deployment.elasticsearch.url, kind, fields, prefix)
    const detections = (await stored('detections', ['rule'])).map(({ id }) => id).sort()
    const fields = ['rule.name', 'container.name', 'message', 'seamark.alert.count']
    const view = ({ source }: StoredDocument) =>
      [...fields, 'seamark.alert.first', 'seamark.alert.last'].map((field) => valueAt(source, field))
    const alerts = (await stored('alerts', ['rule', 'container', 'message', 'seamark'])).map(view)
    return { detections, alerts: alerts.sort((a, b) => String(a[1]).localeCompare(String(b[1]))) }
  }

  test.each(combinations)(
    'of $analyzers analyzers and batches of $rows are those of every other, and of a replay',
    {
      timeout: 600_000,
    },
    async ({ analyzers, rows }) => {
      const name = `same-${analyzers}-${rows}`
      const redis = { url: deployment.redis.url, prefix: `{${name}}` }
      const configFile = join(deployment.directory, `${name}.yml`)
      writeFileSync(configFile, `redis: {prefix: '${redis.prefix}'}\nelasticsearch: {prefix: ${name}}\n`)
      const documents = createRedisDocuments(redis)
      const queue = createRedisQueue(redis)
      await Promise.all([documents.start(), queue.start()])
      const config = readConfig(undefined, {})
      const { version } = await publishRules(documents, [{ name: 'numbered.yaml', text: RULE }], config)
      const running = await Promise.all(
        Array.from({ length: analyzers }, () => deployment.run('analyzer', {}, ['--config', configFile])),
      )
      const receivedMs = Date.now()
      const parts = Object.fromEntries(storageDays(receivedMs).map((day) => [day, 0]))
      const envelope: Envelope = { receivedMs, ruleset: version, parts }

      await offerAll(queue, itemsOf('first', rows, envelope))
      const found = await resultsOf(name)
      expect(found.detections.length).toBe(EVENTS / ALARM_EVERY)
      expect(found.alerts.length).toBe(CONTAINERS)
      expected ??= found
      expect(found).toEqual(expected)

      await offerAll(queue, itemsOf('again', BATCH_ROWS[(BATCH_ROWS.indexOf(rows) + 1) % BATCH_ROWS.length]!, envelope))
      expect(await resultsOf(name)).toEqual(expected)
      await Promise.all(running.map((analyzer) => analyzer.end('SIGTERM')))
      await queue.stop(1_000)
      await documents.stop(1_000)
    },
  )
})
