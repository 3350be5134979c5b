import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { Alerting } from '../../../alerts/alerting.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import type { Detection } from '../../../core/model/detection.ts'
import type { FeedItem } from '../../../core/model/feed.ts'
import { docOf } from '../../../core/model/index-item.ts'
import type { Item } from '../../../core/model/queue.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'

const scratch = mkdtempSync(join(tmpdir(), 'seamark-alerting-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
let runs = 0

const MINUTE = 60_000

function detection(id: string, timeMs: number, container: string): Detection {
  return {
    id,
    rule: 'r',
    ruleset: 'v',
    source: 'syscall',
    priority: 'Warning',
    tags: [],
    hostname: 'h',
    timeNs: String(timeMs * 1_000_000),
    timeMs,
    key: [],
    evidence: [`e-${id}`],
    output: `detection ${id}`,
    fields: {},
    event: { container: { id: container }, seamark: {} },
    day: '2026-11-22',
    part: 0,
  }
}

const item = (one: Detection): Item => ({ id: one.id, class: 'evidence', payload: Buffer.from(JSON.stringify(one)) })

async function alertingOn(queue: MemoryQueue, tail: FeedItem[] = []) {
  const metrics = new Metrics()
  const documents = createSqliteDocuments({ directory: join(scratch, String(runs++)) })
  await documents.start()
  const alerting = new Alerting({
    queue,
    documents,
    feed: {
      publish: (items) => void tail.push(...items),
      hasSubscribers: () => false,
      subscribe: async function* () {},
    },
    destinations: ['terminal', 'file'],
    metrics,
    logger: createLogger({ level: 'silent', component: 'test' }),
  })
  await alerting.start()
  return { metrics, stop: () => documents.stop(1_000) }
}

/** Alerts as the search store would have them: the highest version of each id. */
function storedAlerts(queue: MemoryQueue) {
  const alerts = new Map<string, { version: number; count: number; container: string }>()
  for (const doc of queue.items('index').map((one) => docOf(one)!)) {
    if (doc.kind !== 'alert') continue
    const { alert } = doc.body.seamark as { alert: { count: number } }
    const known = alerts.get(doc.id)
    if (known === undefined || known.version < doc.version!) {
      alerts.set(doc.id, {
        version: doc.version!,
        count: alert.count,
        container: (doc.body.container as { id: string }).id,
      })
    }
  }
  return [...alerts.values()]
}

test('firings of a rule in one container within the window are one alert; another container is another', async () => {
  const queue = new MemoryQueue()
  const { stop } = await alertingOn(queue)
  const all = [detection('1', 0, 'a'), detection('2', MINUTE, 'a'), detection('3', MINUTE, 'b')].map(item)
  await queue.deliver('detections', all)
  expect(storedAlerts(queue)).toEqual([
    { version: 2, count: 2, container: 'a' },
    { version: 1, count: 1, container: 'b' },
  ])
  await stop()
})

test('who follows sees each firing as a detection, and each new version of its alert', async () => {
  const queue = new MemoryQueue()
  const tail: FeedItem[] = []
  const { stop } = await alertingOn(queue, tail)
  await queue.deliver('detections', [detection('1', 0, 'a'), detection('2', MINUTE, 'a')].map(item))
  const [alert, ...detections] = tail
  expect(detections.map(({ kind, id }) => [kind, id])).toEqual([
    ['detection', '1'],
    ['detection', '2'],
  ])
  expect(alert).toMatchObject({ kind: 'alert', body: { seamark: { alert: { id: alert!.id, count: 2 } } } })
  await stop()
})

test('a quiet alert is left alone: the next firing opens a new one', async () => {
  const queue = new MemoryQueue()
  const { stop } = await alertingOn(queue)
  await queue.deliver('detections', [detection('1', 0, 'a'), detection('2', 11 * MINUTE, 'a')].map(item))
  expect(storedAlerts(queue).map(({ count }) => count)).toEqual([1, 1])
  await stop()
})

test('each firing is sent to each destination once, also when it is delivered again', async () => {
  const queue = new MemoryQueue()
  const { stop } = await alertingOn(queue)
  const all = [detection('1', 0, 'a'), detection('2', 1, 'a')].map(item)
  await queue.deliver('detections', all)
  await queue.deliver('detections', all, 2)
  for (const topic of ['notify/terminal', 'notify/file'] as const)
    expect(queue.items(topic).map(({ id }) => id)).toEqual(['1', '2'])
  await stop()
})

test('a delivery that fails between recording and offering is made good by the next', async () => {
  const queue = new MemoryQueue()
  const { stop } = await alertingOn(queue)
  const all = [item(detection('1', 0, 'a'))]
  queue.outcomes.push(new Error('disk'))
  await expect(queue.deliver('detections', all)).rejects.toThrow('disk')
  expect(queue.items('notify/file')).toEqual([])
  await queue.deliver('detections', all, 2)
  expect(queue.items('notify/file')).toHaveLength(1)
  expect(storedAlerts(queue)).toEqual([{ version: 1, count: 1, container: 'a' }])
  await stop()
})

test('a destination whose topic is full loses what is new, and holds up nothing else', async () => {
  const queue = new MemoryQueue()
  const { metrics, stop } = await alertingOn(queue)
  queue.outcomes.push('full')
  await queue.deliver('detections', [item(detection('1', 0, 'a'))])
  expect([queue.items('notify/terminal').length, queue.items('notify/file').length]).toEqual([0, 1])
  expect(storedAlerts(queue)).toHaveLength(1)
  const { values } = await metrics.registry.getSingleMetric('seamark_notify_dropped_total')!.get()
  expect(values).toMatchObject([{ value: 1, labels: { destination: 'terminal', reason: 'queue_full' } }])
  await stop()
})

test('any split and any repetition of deliveries counts every firing once', async () => {
  const ids = Array.from({ length: 30 }, (_, i) => i)
  const deliveries = fc.array(fc.tuple(fc.nat(29), fc.integer({ min: 1, max: 10 }), fc.boolean()), { maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(deliveries, async (script) => {
      const queue = new MemoryQueue()
      const { stop } = await alertingOn(queue)
      const all = ids.map((i) => item(detection(String(i), i * 1000, i % 3 === 0 ? 'a' : 'b')))
      for (const [from, length, fails] of script) {
        if (fails) queue.outcomes.push(new Error('disk'))
        await queue.deliver('detections', all.slice(from, from + length)).catch(() => {})
        queue.outcomes.length = 0
      }
      await queue.deliver('detections', all)
      expect(storedAlerts(queue).reduce((sum, { count }) => sum + count, 0)).toBe(30)
      expect(storedAlerts(queue)).toHaveLength(2)
      expect(queue.items('notify/file')).toHaveLength(30)
      await stop()
    }),
    { numRuns: 25 },
  )
})
