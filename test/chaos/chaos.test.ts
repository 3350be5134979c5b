/**
 * Everything is killed with SIGKILL at random points while numbered events flow; at the end the numbers must add up.
 * SEAMARK_CHAOS_KILLS sets how many kills (default 7: about a minute), SEAMARK_CHAOS_EVENTS how many events
 * (default 20,000), SEAMARK_CHAOS_SEED the order of the kills.
 */
import { expect, onTestFinished, test } from 'vitest'
import { createRedisQueue } from '../../backends/redis/queue.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { captureMissing } from '../support/seamark.ts'
import { until } from '../support/wait.ts'
import { audit, miscounted, range } from './audit.ts'
import { ChaosRun } from './chaos-run.ts'
import { ALARM_EVERY, acknowledged, alarmsUpTo } from './numbered-events.ts'
import { indexNames, leftInRedis, type StoredDocument, storedDocuments, valueAt } from './stored.ts'

const KILLS = Number(process.env.SEAMARK_CHAOS_KILLS ?? 7)
const EVENTS = Number(process.env.SEAMARK_CHAOS_EVENTS ?? 20_000)
const SEED = Number(process.env.SEAMARK_CHAOS_SEED ?? Date.now() % 1_000_000)
const HOSTS = 2
const ROWS = 200
/** A longer run meets more of what takes its time, such as back-off. */
const PAUSE_MS = KILLS < 20 ? { least: 200, most: 1_500 } : { least: 500, most: 3_000 }
const TOPICS = ['batches', 'detections', 'index', 'dead'] as const

/** Keys that stay when all is done, with the most that may be in them. */
const BOUNDED_KEYS: readonly (readonly [RegExp, number])[] = [
  // Ids that each topic remembers as done, and its counters.
  [/:topic:[\w/]+:done$/, 100_000],
  [/:topic:[\w/]+:(bytes|order)$/, 1],
  // BullMQ's own facts about a queue, and the last steps of its jobs (Redis trims whole nodes of a stream).
  [/:(batches|detections|index|dead|notify%2F\w+):(meta|id|stalled-check|marker)$/, 100],
  [/:(batches|detections|index|dead|notify%2F\w+):events$/, 300],
  [/:layout$/, 1],
  // Documents: the state that is meant to stay.
  [/:documents:version$/, 1],
  [
    /:documents:(rulesets|agents|agent-\w+|enrolment-tokens|destinations|alerts|alert-groups|alert-counted):\w+$/,
    100_000,
  ],
  // What was wrong with a process when it was killed, until the next one starts; and the last changes of that.
  [/:documents:conditions:(keys|values)$/, 100],
  [/:documents:conditions:changes$/, 2_000],
]

const missing = redisMissing() ?? elasticsearchMissing()
const noCapture = missing === null ? await captureMissing() : missing

test.skipIf(missing !== null)(
  `nothing acknowledged is lost or doubled over ${KILLS} kills (seed ${SEED})`,
  async () => {
    const batches = EVENTS / HOSTS / ROWS
    // The events flow for as long as the kills go on.
    const pauseMs = Math.floor((KILLS * ((PAUSE_MS.least + PAUSE_MS.most) / 2)) / batches)
    const chaos = await ChaosRun.start({
      hosts: HOSTS,
      eventsPerHost: EVENTS / HOSTS,
      rowsPerBatch: ROWS,
      pauseMs,
      capture: noCapture === null,
      seed: SEED,
    })
    // Not after all tests: a second try would leave the first one's processes running.
    onTestFinished(() => chaos.remove())
    const tookS: Record<string, number> = {}
    const timed = async (name: string, work: Promise<void>) => {
      const startMs = performance.now()
      await work
      tookS[name] = Math.round((performance.now() - startMs) / 1_000)
      console.log(`${name} took ${tookS[name]} s`)
    }
    await timed('kills', chaos.killMany(KILLS, PAUSE_MS))
    await timed('shipping', chaos.allShipped(120_000))
    await chaos.stopHosts()
    await timed('draining', drained(chaos))

    const events = await storedDocuments(chaos.elasticsearchUrl, 'events', ['host.name', 'file.path'])
    const detections = await storedDocuments(chaos.elasticsearchUrl, 'detections', [
      'host.name',
      'file.path',
      'seamark',
    ])
    const alerts = await storedDocuments(chaos.elasticsearchUrl, 'alerts', ['host.name', 'seamark'])
    const lost: Record<string, number> = {}
    for (const { config, lost: unacknowledged } of chaos.hosts) {
      const last = await acknowledged(config.directory)
      expect(last).toBe(config.total)
      const ofHost = (documents: readonly StoredDocument[]) =>
        documents.filter(({ source }) => valueAt(source, 'host.name') === config.collector)
      expect(audit(ofHost(events), range(1, last))).toEqual({ missing: [], doubled: [] })
      const alarms = range(1, alarmsUpTo(last)).map((n) => n * ALARM_EVERY)
      expect(audit(ofHost(detections), alarms)).toEqual({ missing: [], doubled: [] })
      lost[config.collector] = unacknowledged
    }
    // What the watched host saw, it saw once; what it missed while it was dead can be counted.
    const watched = detections.filter(({ source }) => valueAt(source, 'host.name') === 'watched')
    expect(audit(watched, []).doubled).toEqual([])
    expect(watched.length <= chaos.opened).toBe(true)
    if (chaos.opened > 0) expect(watched.length).toBeGreaterThan(0)
    lost.watched = chaos.opened - watched.length

    expect(miscounted(alerts, detections)).toEqual([])
    const today = (n: number) => new Date(Date.now() - n * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '.')
    for (const name of await indexNames(chaos.elasticsearchUrl))
      expect(name === 'seamark-alerts-000001' || name.includes(today(0)) || name.includes(today(1))).toBe(true)
    expect(await leftInRedis(chaos.redisUrl, BOUNDED_KEYS)).toEqual([])
    const ends = Object.fromEntries(
      ['ingest', 'analyzer', 'host', 'collector'].map((name) => [name, endsOf(chaos, name)]),
    )
    console.log(
      JSON.stringify({
        seed: SEED,
        took_s: tookS,
        kills: Object.fromEntries(chaos.kills),
        ended_by_themselves: ends,
        events: events.length,
        detections: detections.length,
        alerts: alerts.length,
        made_but_not_acknowledged: lost,
      }),
    )
  },
  3_600_000,
)

/** Waits until every topic is empty; what is dead would be missing. */
async function drained(chaos: ChaosRun): Promise<void> {
  const queue = createRedisQueue({ url: chaos.redisUrl })
  await queue.start()
  try {
    await until(
      'the queue to be empty',
      async () => {
        const depths = await Promise.all(TOPICS.map((topic) => queue.depth(topic)))
        return depths.every(({ items }) => items === 0)
      },
      240_000,
    )
  } finally {
    await queue.stop(1_000)
  }
}

function endsOf(chaos: ChaosRun, name: string): number {
  return chaos.processes.filter((one) => one.name === name).reduce((sum, { ends }) => sum + ends, 0)
}
