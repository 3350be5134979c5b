import { expect, test } from 'vitest'
import { Metrics } from '../../../core/runtime/metrics.ts'

const readValue = async (metrics: Metrics, name: string) =>
  (await metrics.registry.getMetricsAsJSON())
    .find((metric) => metric.name === name)
    ?.values.reduce((sum, { value }) => sum + Number(value), 0)

test('a counter follows a total that is counted elsewhere, also when that begins anew', async () => {
  const metrics = new Metrics()
  for (const total of [5, 5, 7, 2, 3]) metrics.countTo('seamark_queue_evicted_items_total', total)
  expect(await readValue(metrics, 'seamark_queue_evicted_items_total')).toBe(10)
})

test('each combination of labels follows its own total', async () => {
  const metrics = new Metrics()
  metrics.countTo('seamark_capture_malformed_records_total', 3, { reason: 'kind' })
  metrics.countTo('seamark_capture_malformed_records_total', 4, { reason: 'version' })
  metrics.countTo('seamark_capture_malformed_records_total', 5, { reason: 'kind' })
  expect(await readValue(metrics, 'seamark_capture_malformed_records_total')).toBe(9)
})
