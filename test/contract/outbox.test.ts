/** The outbox on the queue that production uses: what one destination does must not be felt by another. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Destination, notificationItem, notificationTopic } from '../../alerts/notify/destination.ts'
import { Outbox } from '../../alerts/notify/outbox.ts'
import { createSqliteDocuments } from '../../backends/sqlite/documents.ts'
import { createSqliteQueue } from '../../backends/sqlite/queue.ts'
import type { Detection } from '../../core/model/detection.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { eventually, take } from './queue.suite.ts'

/** Refuses while `failure` is set; remembers the ids that it took, and how often it was tried. */
class TestDestination implements Destination {
  readonly name: string
  failure: Error | null = null
  tries = 0
  readonly got: string[] = []

  constructor(name: string, failure: Error | null = null) {
    this.name = name
    this.failure = failure
  }

  async start() {}
  async stop() {}

  async send(notifications: readonly { detection: Detection }[]) {
    this.tries += 1
    if (this.failure !== null) throw this.failure
    this.got.push(...notifications.map(({ detection }) => detection.id))
  }
}

const notification = (id: string) => notificationItem({ id, line: JSON.stringify({ id }) }, { id: 'a', count: 1 })

async function opened() {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-outbox-'))
  const queue = createSqliteQueue({ directory, backoffMs: { first: 5, most: 20 } })
  const documents = createSqliteDocuments({ directory })
  const metrics = new Metrics()
  const logged: string[] = []
  const log = (_facts: unknown, message: string) => void logged.push(message)
  const logger = { error: log, warn: log } as unknown as Logger
  await queue.start()
  await documents.start()
  onTestFinished(async () => {
    await queue.stop(1_000)
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const outbox = async (destinations: Destination[], maxAttempts = 1_000) => {
    const backoff = { firstMs: 5, maxMs: 20 }
    const made = new Outbox({ queue, documents, destinations, metrics, logger, maxAttempts, backoff })
    onTestFinished(() => made.stop(1_000))
    await made.start()
    return made
  }
  const offer = async (ids: string[], ...destinations: string[]) => {
    for (const name of destinations) await queue.offer(notificationTopic(name), ids.map(notification))
  }
  const metric = async (name: string, destination: string) => {
    const { values } = await metrics.registry.getSingleMetric(name)!.get()
    return values.find(({ labels }) => labels.destination === destination)?.value
  }
  return { queue, outbox, offer, metric, logged }
}

test('a dead destination neither delays nor repeats what another gets, and misses nothing once it is back', async () => {
  const { outbox, offer, metric, logged } = await opened()
  const dead = new TestDestination('dead-end', new Error('connection refused'))
  const alive = new TestDestination('alive')
  await outbox([dead, alive])
  const ids = Array.from({ length: 250 }, (_, i) => `d${i}`)
  await offer(ids, 'dead-end', 'alive')
  await eventually(() => alive.got.length >= 250 && dead.tries >= 5)
  expect(alive.got).toEqual(ids)
  expect(await metric('seamark_notify_up', 'dead-end')).toBe(0)
  // A state is told when it begins and when it ends, however many wait and however often they are tried.
  expect(logged).toHaveLength(1)
  dead.failure = null
  await eventually(() => dead.got.length >= 250)
  expect([...new Set(dead.got)].sort()).toEqual([...ids].sort())
  expect(alive.got).toEqual(ids)
  expect(logged).toHaveLength(2)
  expect(await metric('seamark_notify_up', 'dead-end')).toBe(1)
  expect(await metric('seamark_notify_errors_total', 'alive')).toBeUndefined()
})

test('however much waits, a dead destination is tried at the pace of its own backoff', async () => {
  const { outbox, offer } = await opened()
  const dead = new TestDestination('dead-end', new Error('connection refused'))
  await offer(
    Array.from({ length: 1_000 }, (_, i) => `d${i}`),
    'dead-end',
  )
  await outbox([dead])
  await new Promise((resolve) => setTimeout(resolve, 500))
  // Ten deliveries of a hundred, each at the queue's own pace, would make hundreds of tries.
  expect(dead.tries).toBeGreaterThan(5)
  expect(dead.tries).toBeLessThan(60)
})

test('what was tried often enough is dead, with the reason', async () => {
  const { queue, outbox, offer, metric } = await opened()
  await offer(['d1'], 'chat')
  await outbox([new TestDestination('chat', new Error('no such channel'))], 3)
  await eventually(async () => (await queue.depth('dead')).items === 1)
  const [item] = await take(queue, 'dead', 1)
  expect(item).toMatchObject({
    id: 'notify/chat/d1',
    failure: { topic: 'notify/chat', code: 'E_NOTIFY_FAILED', attempts: 3 },
  })
  expect(item!.failure!.message).toContain('no such channel')
  expect(await metric('seamark_notify_dead_total', 'chat')).toBe(1)
})

test('what a destination refuses for good is given up alone', async () => {
  const { queue, outbox, offer } = await opened()
  const chat = new TestDestination('chat')
  const send = chat.send.bind(chat)
  chat.send = async (notifications) => {
    if (notifications.some(({ detection }) => detection.id === 'poison'))
      throw new AppError('E_NOTIFY_FAILED', 'the message is too long')
    await send(notifications)
  }
  await offer(['d1', 'poison', 'd2'], 'chat')
  await outbox([chat])
  await eventually(async () => (await queue.depth('dead')).items === 1 && chat.got.length === 2)
  expect(chat.got.sort()).toEqual(['d1', 'd2'])
})

test('what waits for a destination that is no longer configured is counted and gone', async () => {
  const { queue, outbox, offer, metric, logged } = await opened()
  const first = await outbox([new TestDestination('old', new Error('down'))])
  await offer(['d1', 'd2'], 'old')
  await first.stop(1_000)
  logged.length = 0
  await outbox([new TestDestination('new')])
  await eventually(async () => (await queue.depth('notify/old')).items === 0)
  expect(await metric('seamark_notify_dropped_total', 'old')).toBe(2)
  expect(logged).toHaveLength(1)
})
