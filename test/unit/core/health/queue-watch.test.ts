import { expect, onTestFinished, test } from 'vitest'
import { Conditions } from '../../../../core/health/conditions.ts'
import { QueueWatch } from '../../../../core/health/queue-watch.ts'
import type { Depth, Topic } from '../../../../core/model/queue.ts'
import { createLogger } from '../../../../core/runtime/logging.ts'
import { Metrics } from '../../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../../support/memory-queue.ts'
import { until } from '../../../support/wait.ts'

test('what nobody takes is a condition of its topic until somebody does', async () => {
  const depths = new Map<Topic, Depth>()
  const queue = new MemoryQueue()
  queue.depth = async (topic) => {
    const depth = depths.get(topic)
    if (depth === undefined) throw new Error('away')
    return depth
  }
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics })
  const watch = new QueueWatch({
    condition: 'queue.waiting',
    queue,
    topics: ['batches', 'index', 'dead'],
    conditions,
    metrics,
    logger: createLogger({ level: 'silent', component: 'test' }),
    everyMs: 5,
    maxWaitMs: 1_000,
  })
  await watch.start()
  onTestFinished(() => watch.stop())
  const waiting = () => conditions.current().map(({ subject, message }) => [subject, message])
  depths.set('batches', { items: 7, bytes: 1, oldestMs: 90_000 })
  depths.set('index', { items: 7, bytes: 1, oldestMs: 900 })
  await until('batches', () => waiting().length > 0)
  expect(waiting()).toEqual([['batches', '7 wait in topic batches, the first for 90 s']])
  depths.set('batches', { items: 0, bytes: 0, oldestMs: 0 })
  await until('nothing to wait', () => waiting().length === 0)
})
