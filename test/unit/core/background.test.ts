import { expect, test } from 'vitest'
import { createBackground } from '../../../core/runtime/background.ts'
import type { Logger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'

test('failures are counted each time, logged when they begin, and end nothing', async () => {
  const metrics = new Metrics()
  const logged: unknown[] = []
  const logger = { error: (facts: unknown) => logged.push(facts) } as unknown as Logger
  const inBackground = createBackground({ metrics, logger })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  const fail = () => Promise.reject(new Error('no'))
  inBackground('a', fail)
  inBackground('a', fail)
  inBackground('b', () => {
    throw new Error('before it began')
  })
  await settled()
  expect(logged).toHaveLength(2)
  inBackground('a', async () => {})
  await settled()
  inBackground('a', fail)
  await settled()
  expect(logged).toHaveLength(3)
  const { values } = await metrics.registry.getSingleMetric('seamark_background_failures_total')!.get()
  expect(values.map(({ value, labels }) => [labels.task, value]).sort()).toEqual([
    ['a', 3],
    ['b', 1],
  ])
})
