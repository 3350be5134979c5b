import { describe, expect, test } from 'vitest'
import { readText } from '../../../../core/batch/batch.ts'
import { openBatch } from '../../../../core/batch/seal.ts'
import { ConditionReporter } from '../../../../core/health/condition-reporter.ts'
import { Conditions, type ConditionsOptions } from '../../../../core/health/conditions.ts'
import { HealthBatches } from '../../../../core/health/health-batches.ts'
import type { HealthEvent } from '../../../../core/health/health-event.ts'
import { readinessOf } from '../../../../core/health/readiness.ts'
import { AppError } from '../../../../core/model/errors.ts'
import { createLogger } from '../../../../core/runtime/logging.ts'
import { Metrics } from '../../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../../support/memory-queue.ts'
import { until } from '../../../support/wait.ts'

const logger = createLogger({ level: 'silent', component: 'test' })

function watching(options: Partial<ConditionsOptions> = {}) {
  let nowMs = 1_000_000
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics, nowMs: () => nowMs, settleMs: 5_000, ...options })
  return {
    conditions,
    metrics,
    pass: (ms: number) => {
      nowMs += ms
    },
    gauge: async (condition: string) => {
      const text = await metrics.registry.metrics()
      return Number(new RegExp(`^seamark_conditions\\{condition="${condition}"\\} (\\d+)`, 'm').exec(text)?.[1])
    },
    /** Tells everything there is to tell; `name state@time` each. */
    tell: () =>
      conditions.untold().map((change) => {
        conditions.told(change)
        return `${change.condition.name} ${change.state}@${change.atMs}`
      }),
  }
}

describe('a condition', () => {
  test('is told once when it begins and once when it has ended for a while', async () => {
    const { conditions, pass, tell, gauge } = watching()
    conditions.set('redis.full', 'no room')
    conditions.set('redis.full', 'still no room')
    expect([tell(), tell(), await gauge('redis.full')]).toEqual([['redis.full began@1000000'], [], 1])
    expect(conditions.current()).toMatchObject([{ message: 'still no room', sinceMs: 1_000_000 }])
    pass(10_000)
    conditions.set('redis.full', null)
    expect([tell(), conditions.current(), await gauge('redis.full')]).toEqual([[], [], 0])
    pass(5_000)
    expect([tell(), tell()]).toEqual([['redis.full ended@1010000'], []])
  })

  test('that comes and goes faster than it settles began once', () => {
    const { conditions, pass, tell } = watching()
    const told: string[] = []
    for (let i = 0; i < 100; i++) {
      conditions.set('store.failing', i % 2 === 0 ? 'busy' : null)
      pass(1_000)
      told.push(...tell())
    }
    pass(10_000)
    told.push(...tell())
    expect(told).toEqual(['store.failing began@1000000', 'store.failing ended@1099000'])
  })

  test('that was over before anybody could be told is told afterwards, with its times', () => {
    const { conditions, pass, tell } = watching()
    conditions.set('redis.unreachable', 'ECONNREFUSED')
    pass(60_000)
    conditions.set('redis.unreachable', null)
    pass(60_000)
    expect(tell()).toEqual(['redis.unreachable began@1000000', 'redis.unreachable ended@1060000'])
  })

  test('is kept for each subject, and no more of them than there is room for', async () => {
    const { conditions, metrics, gauge } = watching({ maxConditions: 3 })
    for (let i = 0; i < 5; i++) conditions.set('clock.skewed', 'it is 10 years ahead', `host-${i}`)
    expect(conditions.current().map(({ subject }) => subject)).toEqual(['host-0', 'host-1', 'host-2'])
    expect(await gauge('clock.skewed')).toBe(3)
    expect(await metrics.registry.metrics()).toContain('seamark_conditions_dropped_total{condition="clock.skewed"} 2')
    expect(readinessOf(conditions)).toMatchObject({ status: 'degraded', conditions: [{ subject: 'host-0' }, {}, {}] })
  })

  test('that holds for a while only is over when it is not said again', async () => {
    const { conditions, pass, tell, gauge } = watching()
    conditions.set('clock.skewed', 'it is 40 s ahead', 'web-1', 60_000)
    expect(tell()).toEqual(['clock.skewed began@1000000'])
    pass(50_000)
    conditions.set('clock.skewed', 'it is 41 s ahead', 'web-1', 60_000)
    pass(50_000)
    expect(conditions.current()).toHaveLength(1)
    pass(20_000)
    expect([conditions.current(), await gauge('clock.skewed')]).toEqual([[], 0])
    pass(5_000)
    expect(tell()).toEqual(['clock.skewed ended@1120000'])
  })

  test('that began and ended again while its end was told is told in the order in which it happened', () => {
    const { conditions, pass, tell } = watching()
    conditions.set('redis.full', 'no room')
    tell()
    conditions.set('redis.full', null)
    pass(5_000)
    const [ended] = conditions.untold()
    conditions.set('redis.full', 'no room again')
    pass(1_000)
    conditions.set('redis.full', null)
    pass(1_000)
    conditions.told(ended!)
    pass(5_000)
    expect(tell().map((change) => change.split('@')[0])).toEqual(['redis.full began', 'redis.full ended'])
    expect([tell(), conditions.current()]).toEqual([[], []])
  })
})

describe('the reporter', () => {
  test('tells again what was not taken, and makes no events of what has its own', async () => {
    const { conditions, metrics } = watching()
    const events: HealthEvent[] = []
    let takes = false
    const emit = async (event: HealthEvent) => {
      if (takes) events.push(event)
      return takes
    }
    const reporter = new ConditionReporter({ conditions, part: 'ingest@a', emit, metrics, logger, everyMs: 5 })
    conditions.set('source.blind', 'no socket', 'docker-events')
    conditions.set('clock.skewed', 'it is 40 s ahead', 'web-1')
    await reporter.start()
    await new Promise((resolve) => setTimeout(resolve, 50))
    takes = true
    await until('the event', () => events.length > 0)
    await new Promise((resolve) => setTimeout(resolve, 50))
    await reporter.stop(1_000)
    expect(events).toEqual([
      {
        kind: 'clock.skewed.began',
        message: expect.stringMatching(/^A host's clock is off.* \(web-1\): it is 40 s ahead$/),
        count: 1,
        attributes: { condition: 'clock.skewed', part: 'ingest@a', subject: 'web-1' },
        atNs: 1_000_000_000_000n,
      },
    ])
  })

  test('offers batches whose sequence has no holes, whatever the queue refuses', async () => {
    const queue = new MemoryQueue()
    const stamp = () => ({ receivedMs: 1, ruleset: '', parts: {} })
    const batches = new HealthBatches({ queue, collector: 'ingest@a', epoch: 'e', stamp })
    const event = (kind: string): HealthEvent => ({ kind, message: 'm', count: 1, attributes: {}, atNs: 5n })
    queue.outcomes.push('full', new AppError('E_QUEUE_STORAGE', 'away', { retryable: true }), 'stored')
    expect(await batches.emit(event('a.began'))).toBe(false)
    expect(await batches.emit(event('a.began'))).toBe(false)
    expect(await batches.emit(event('a.began'))).toBe(true)
    expect(await batches.emit(event('a.ended'))).toBe(true)
    const offered = queue.items('batches')
    expect(offered.map(({ id }) => id)).toEqual(['ingest@a/e/1', 'ingest@a/e/2'])
    const { header, batch } = openBatch(offered[1]!.payload)
    expect([header.rows, header.class, batch.tables.health?.rowCount]).toEqual([1, 'evidence', 1])
  })

  test('tells each event once, also where a try was taken without an answer and another event came next', async () => {
    const queue = new MemoryQueue()
    const stamp = () => ({ receivedMs: 1, ruleset: '', parts: {} })
    const batches = new HealthBatches({ queue, collector: 'ingest@a', epoch: 'e', stamp })
    const event = (kind: string): HealthEvent => ({ kind, message: 'm', count: 1, attributes: {}, atNs: 5n })
    queue.outcomes.push(new AppError('E_QUEUE_STORAGE', 'no answer', { retryable: true }))
    expect(await batches.emit(event('b.began'))).toBe(false)
    expect(await batches.emit(event('a.ended'))).toBe(true)
    expect(await batches.emit(event('b.began'))).toBe(true)
    const told = queue.items('batches').map(({ id, payload }) => {
      const { batch } = openBatch(payload)
      return [id, readText(batch, batch.tables.health!, 0, 'kindName')]
    })
    expect(told).toEqual([
      ['ingest@a/e/1', 'b.began'],
      ['ingest@a/e/2', 'a.ended'],
    ])
  })
})
