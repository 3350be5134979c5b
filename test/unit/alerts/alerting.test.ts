import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { Alerting, type AlertingOptions } from '../../../alerts/alerting.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import type { Detection } from '../../../core/model/detection.ts'
import type { FeedItem } from '../../../core/model/feed.ts'
import { docsOf } from '../../../core/model/index-item.ts'
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

interface Extra extends Partial<AlertingOptions> {
  tail?: FeedItem[]
  /** Of an earlier one, to go on with its state. */
  directory?: string
}

async function alertingOn(queue: MemoryQueue, { tail = [], directory, ...options }: Extra = {}) {
  const metrics = new Metrics()
  const folder = directory ?? join(scratch, String(runs++))
  const documents = createSqliteDocuments({ directory: folder })
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
    retentionDays: 1,
    metrics,
    logger: createLogger({ level: 'silent', component: 'test' }),
    ...options,
  })
  await alerting.start()
  const stop = async () => {
    await alerting.stop(1_000)
    await documents.stop(1_000)
  }
  return { alerting, documents, directory: folder, metrics, stop }
}

/** Alerts as the search store would have them: the highest version of each id. */
function storedAlerts(queue: MemoryQueue) {
  const alerts = new Map<string, { version: number; count: number; container: string }>()
  for (const doc of queue.items('index').flatMap((one) => docsOf(one)!)) {
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
  const { stop } = await alertingOn(queue, { tail })
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
  expect(queue.items('notify/terminal')).toEqual([])
  await queue.deliver('detections', all, 2)
  expect([queue.items('notify/terminal').length, queue.items('notify/file').length]).toEqual([1, 1])
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

const total = (queue: MemoryQueue) => storedAlerts(queue).reduce((sum, { count }) => sum + count, 0)
const batch = (from: number, to: number, container = 'a') =>
  Array.from({ length: to - from }, (_, i) => item(detection(String(from + i), from + i, container)))

test('a firing that comes again after a newer alert took its group is not counted again, nor is an alert reopened', async () => {
  const queue = new MemoryQueue()
  const { stop } = await alertingOn(queue)
  const first = item(detection('1', 0, 'a'))
  await queue.deliver('detections', [first])
  await queue.deliver('detections', [item(detection('2', 60 * MINUTE, 'a'))])
  await queue.deliver('detections', [first], 2)
  await queue.deliver('detections', [item(detection('3', 61 * MINUTE, 'a'))])
  expect(storedAlerts(queue).map(({ count }) => count)).toEqual([1, 2])
  await stop()
})

test('the first of many firings is recognised when it comes again, also by another process and after a restart', async () => {
  const queue = new MemoryQueue()
  const one = await alertingOn(queue)
  for (let from = 0; from < 2_000; from += 100) await queue.deliver('detections', batch(from, from + 100))
  await queue.deliver('detections', batch(0, 100), 2)
  expect(total(queue)).toBe(2_000)
  await one.stop()
  const again = await alertingOn(queue, { directory: one.directory })
  await queue.deliver('detections', batch(0, 100), 3)
  await queue.deliver('detections', batch(1_950, 2_050), 3)
  expect(total(queue)).toBe(2_050)
  await again.stop()
})

test('of two that count at the same time each learns what the other has counted', async () => {
  const [left, right] = [new MemoryQueue(), new MemoryQueue()]
  const one = await alertingOn(left, { countedSlots: 8 })
  const other = await alertingOn(right, { countedSlots: 8, directory: one.directory })
  for (let from = 0; from < 1_000; from += 50) {
    // Each delivery goes to one, and after its lease ran out to the other; far enough to move the head of the ring on.
    const items = batch(from, from + 50)
    const [first, second] = from % 100 === 0 ? [left, right] : [right, left]
    await Promise.all([first.deliver('detections', items), second.deliver('detections', items, 2)])
  }
  const counts = [...storedAlerts(left), ...storedAlerts(right)].map(({ count }) => count)
  expect(Math.max(...counts)).toBe(1_000)
  await one.stop()
  await other.stop()
})

test('what is remembered is bounded', async () => {
  const queue = new MemoryQueue()
  const { documents, stop } = await alertingOn(queue, { countedSlots: 4 })
  for (let from = 0; from < 3_000; from += 100) await queue.deliver('detections', batch(from, from + 100))
  const slots = await documents.scan('alert-counted', '', 100)
  expect(slots).toHaveLength(4)
  const ids = slots.flatMap(({ value }) => (value as { ids: string[] }).ids.filter((_, i) => i % 2 === 0))
  expect(ids.length).toBeLessThan(4 * 228)
  expect(ids).toContain('2999')
  // The newest are still known; one that was forgotten counts as new, which is the price of the bound.
  await queue.deliver('detections', batch(2_900, 3_000), 2)
  expect(total(queue)).toBe(3_000)
  await queue.deliver('detections', batch(1, 2), 2)
  expect(total(queue)).toBe(3_001)
  await stop()
})

test('alerts that nothing touched within the retention are forgotten, a bounded number at a time', async () => {
  const queue = new MemoryQueue()
  let nowMs = 0
  const { alerting, documents, metrics, stop } = await alertingOn(queue, { nowMs: () => nowMs })
  for (let i = 0; i < 7; i++) {
    const items = Array.from({ length: 100 }, (_, j) => item(detection(`${i}-${j}`, 0, `c${i}-${j}`)))
    await queue.deliver('detections', items)
  }
  nowMs = 24 * 60 * MINUTE
  // Event time stands still: it is our own clock that counts, not that of the host.
  await queue.deliver('detections', [item(detection('late', 1, 'c0-0'))])
  await alerting.prune()
  expect((await documents.scan('alerts', '', 1_000)).length).toBe(700)
  nowMs += 1
  await alerting.prune()
  const left = (await documents.scan('alerts', '', 1_000)).length
  expect(left).toBeGreaterThanOrEqual(200)
  await alerting.prune()
  await alerting.prune()
  expect(await documents.scan('alerts', '', 1_000)).toMatchObject([{ value: { alert: { count: 2 } } }])
  expect(await documents.scan('alert-groups', '', 1_000)).toHaveLength(1)
  const { values } = await metrics.registry.getSingleMetric('seamark_alerts_pruned_total')!.get()
  expect(values).toMatchObject([{ value: 699 }])
  // What comes again after that is no new alert: it was counted.
  const before = storedAlerts(queue).length
  await queue.deliver('detections', [item(detection('6-99', 0, 'c6-99'))], 2)
  expect(storedAlerts(queue)).toHaveLength(before)
  await stop()
})

test('while nothing can be handed on, a bounded number is counted ahead', async () => {
  const queue = new MemoryQueue()
  let nowMs = 0
  const { stop } = await alertingOn(queue, { destinations: [], maxUnfinished: 150, nowMs: () => nowMs })
  const deliveries = [batch(0, 100), batch(100, 200), batch(200, 300)]
  for (const items of deliveries) {
    queue.outcomes.push('full')
    await expect(queue.deliver('detections', items)).rejects.toThrow(/full|wait/)
  }
  queue.outcomes.length = 0
  await expect(queue.deliver('detections', deliveries[2]!, 2)).rejects.toThrow('wait')
  for (const items of deliveries) await queue.deliver('detections', items, 3)
  expect(total(queue)).toBe(300)
  // What the queue has given up does not come again, and must not hold up the rest for ever.
  for (const items of [batch(300, 400), batch(400, 500)]) {
    queue.outcomes.push('full')
    await expect(queue.deliver('detections', items)).rejects.toThrow('full')
  }
  await expect(queue.deliver('detections', batch(500, 600))).rejects.toThrow('wait')
  nowMs += 6 * MINUTE
  await queue.deliver('detections', batch(500, 600))
  await stop()
})
