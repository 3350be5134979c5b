import { expect, test } from 'vitest'
import { Collector, type CollectorOptions } from '../../../collector/collector.ts'
import { Containers } from '../../../collector/host/containers.ts'
import { emptyBatch, readNumber, readText } from '../../../core/batch/batch.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { openBatch } from '../../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { CapturePlan, Emission, Sink, Source } from '../../../core/model/source.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'
import { until } from '../../support/wait.ts'

const RULES = `
- rule: secret opened
  desc: test
  condition: evt.type = openat and fd.name = /secret
  output: opened %fd.name
  priority: warning
`
const { ruleSet } = loadRuleSet([{ name: 'r.yaml', text: RULES }], { keepEventTypes: ['health'] })

/** A source whose emissions are the test's. */
class Hand implements Source {
  readonly name: string
  sink: Sink | null = null
  from: unknown = null

  constructor(name = 'syscall') {
    this.name = name
  }
  async probe() {
    return { source: this.name, sees: [], blind: [] }
  }
  async start(sink: Sink, from: unknown) {
    this.sink = sink
    this.from = from
  }
  async replan(_plan: CapturePlan) {}
  async stop() {}
}

function opened(...paths: string[]): Emission {
  const builder = new BatchBuilder(1_795_000_000_000_000_000n)
  const process = builder.add('process', { pid: 1, comm: 'cat' })
  for (const path of paths) {
    builder.addEvent('file', builder.baseNs, { type: EVENT_TYPES.openat.code, ret: 3, fd: 3, path, process })
  }
  return { source: 'syscall', batch: builder.build(), lowMs: 1 }
}

async function collecting(sources: Source[], queue = new MemoryQueue(), options: Partial<CollectorOptions> = {}) {
  const metrics = new Metrics()
  const collector = new Collector({
    collector: 'h',
    epoch: 'e',
    queue,
    ruleSet: ruleSet!,
    keepEventTypes: ['health'],
    sources,
    join: async (batch) => batch,
    conditions: new Conditions({ metrics }),
    metrics,
    logger: createLogger({ level: 'silent', component: 'test' }),
    ...options,
  })
  await collector.start()
  const batches = () => queue.items('batches').map(({ payload }) => openBatch(payload))
  return { collector, queue, batches, metrics }
}

test('what no rule and no policy wants ends on the host; what a rule matched travels with its match', async () => {
  const hand = new Hand()
  const { collector, batches } = await collecting([hand])
  expect(await hand.sink!.emit(opened('/a', '/secret', '/b'))).toBe(true)
  await collector.stop(1_000)
  const { batch, header } = batches().find(({ header }) => header.rows > 0)!
  expect(header).toMatchObject({
    collector: 'h',
    epoch: 'e',
    class: 'evidence',
    rows: 1,
    edgeRuleset: ruleSet!.version,
  })
  expect(readText(batch, batch.tables.file!, 0, 'path')).toBe('/secret')
  // The ordinal is that of the row before the others went: the event's id does not depend on its neighbours.
  expect(readNumber(batch.tables.file!, 0, 'ordinal')).toBe(1)
  expect(readText(batch, batch.tables.matches!, 0, 'matchRule')).toBe('secret opened')
})

test('a full queue refuses, and sequence numbers still have no holes', async () => {
  const hand = new Hand()
  const { collector, queue, batches } = await collecting([hand])
  expect(await hand.sink!.emit(opened('/secret'))).toBe(true)
  queue.outcomes.push('full')
  expect(await hand.sink!.emit(opened('/secret'))).toBe(false)
  queue.outcomes.push(new AppError('E_QUEUE_STORAGE', 'the disk is full', { retryable: true }))
  expect(await hand.sink!.emit(opened('/secret'))).toBe(false)
  expect(await hand.sink!.emit(opened('/secret'))).toBe(true)
  await collector.stop(1_000)
  const sequences = batches().map(({ header }) => header.sequence)
  expect(sequences).toEqual(sequences.map((_, i) => i + 1))
})

test('what is more than a batch may be goes as several in one offer, and what no batch can hold is counted', async () => {
  const hand = new Hand()
  const maxBatchBytes = 4_000
  const plain = loadRuleSet([
    { name: 'r.yaml', text: RULES.replace('fd.name = /secret', 'fd.name startswith /secret') },
  ])
  const { collector, batches } = await collecting([hand], new MemoryQueue(), {
    maxBatchBytes,
    ruleSet: plain.ruleSet!,
  })
  const paths = Array.from({ length: 20 }, (_, i) => `/secret${i}${'x'.repeat(i === 7 ? 5_000 : 500)}`)
  expect(await hand.sink!.emit({ ...opened(...paths), lowMs: 9 })).toBe(true)
  await collector.stop(1_000)
  const parts = batches().filter(({ header }) => header.rows > 0 && header.lowMs.health === undefined)
  expect(parts.length).toBeGreaterThan(2)
  expect(parts.map(({ header }) => header.sequence)).toEqual(parts.map((_, i) => i + 1))
  // Until the last of them has come, older rows may follow.
  expect(parts.map(({ header }) => header.lowMs.syscall)).toEqual(
    parts.map((_, i) => (i < parts.length - 1 ? undefined : 9)),
  )
  const ordinals = parts.flatMap(({ batch }) => [...(batch.tables.file!.columns.ordinal as Uint32Array)])
  expect(ordinals).toEqual(
    paths
      .keys()
      .filter((i) => i !== 7)
      .toArray(),
  )
  const matched = parts.flatMap(({ batch }) => [...(batch.tables.matches!.columns.matchOrdinal as Uint32Array)])
  expect(matched).toEqual(ordinals)
  expect(parts[0]!.header.dropped).toEqual({ too_large: 1 })
})

test('losses stand in the next header and become an event', async () => {
  const hand = new Hand()
  const { collector, batches } = await collecting([hand])
  await hand.sink!.emit({ ...opened('/secret'), dropped: { ring_full: 7 } })
  const health = await until(
    'the health event',
    () => batches().find(({ batch }) => batch.tables.health !== undefined),
    5_000,
  )
  await collector.stop(1_000)
  expect(batches()[0]!.header.dropped).toEqual({ ring_full: 7 })
  const table = health.batch.tables.health!
  expect(readText(health.batch, table, 0, 'kindName')).toBe('capture.drop')
  expect(readNumber(table, 0, 'count')).toBe(7)
})

test("a source's checkpoint becomes durable with its events, and is where it starts again", async () => {
  const hand = new Hand('docker-events')
  const { collector, queue } = await collecting([hand])
  const at = { source: 'docker-events', position: '42' }
  queue.outcomes.push('full')
  expect(await hand.sink!.emit({ source: 'docker', batch: emptyBatch(), at, lowMs: 1 })).toBe(false)
  expect(await queue.checkpoint('docker-events')).toBeNull()
  expect(await hand.sink!.emit({ source: 'docker', batch: emptyBatch(), at, lowMs: 1 })).toBe(true)
  await collector.stop(1_000)
  const again = new Hand('docker-events')
  const second = await collecting([again], queue)
  expect(again.from).toEqual(at)
  await second.collector.stop(1_000)
})

test('a source that cannot start is told of, and the others run', async () => {
  class Blind extends Hand {
    override async start(): Promise<void> {
      throw new AppError('E_CAPTURE_UNAVAILABLE', 'no privileges')
    }
  }
  const hand = new Hand('other')
  const { collector, batches, metrics } = await collecting([new Blind(), hand])
  expect(await hand.sink!.emit(opened('/secret'))).toBe(true)
  await collector.stop(1_000)
  const health = batches().find(({ batch }) => batch.tables.health !== undefined)!
  expect(readText(health.batch, health.batch.tables.health!, 0, 'message')).toContain('no privileges')
  expect(await metrics.registry.metrics()).toContain('seamark_source_up{source="syscall"} 0')
})

test('of two quick changes of the rules the last one wins, however long a source takes for the first', async () => {
  const other = (path: string) =>
    loadRuleSet([{ name: 'r.yaml', text: RULES.replace('/secret', path) }], { keepEventTypes: ['health'] }).ruleSet!
  const delays = [30, 0]
  const plans: string[] = []
  class Slow extends Hand {
    override async replan(plan: CapturePlan) {
      const delay = delays.shift() ?? 0
      await new Promise((resolve) => setTimeout(resolve, delay))
      plans.push(plan.version)
    }
  }
  const hand = new Slow()
  const { collector, batches } = await collecting([hand])
  const [first, second] = [other('/first'), other('/second')]
  await Promise.all([collector.useRuleSet(first), collector.useRuleSet(second)])
  await hand.sink!.emit(opened('/first', '/second'))
  await collector.stop(1_000)
  expect(plans).toEqual([first.plan.version, second.plan.version])
  const { batch, header } = batches().find(({ header }) => header.rows > 0)!
  expect(header.edgeRuleset).toBe(second.version)
  expect(readText(batch, batch.tables.file!, 0, 'path')).toBe('/second')
})

test('a plan that a source refuses leaves rules and plans as they were, and the next change goes through', async () => {
  const plans: string[] = []
  class Picky extends Hand {
    refuses = true
    override async replan(plan: CapturePlan) {
      if (this.refuses && plan.version !== ruleSet!.plan.version) throw new Error('no such call')
      plans.push(plan.version)
    }
  }
  const [easy, picky] = [new Hand('docker'), new Picky()]
  easy.replan = async (plan) => void plans.push(`easy ${plan.version}`)
  const { collector, batches } = await collecting([easy, picky])
  const text = RULES.replaceAll('openat', 'execve')
  const changed = loadRuleSet([{ name: 'r.yaml', text }], { keepEventTypes: ['health'] }).ruleSet!
  await expect(collector.useRuleSet(changed)).rejects.toThrow('no such call')
  expect(plans).toEqual([`easy ${changed.plan.version}`, `easy ${ruleSet!.plan.version}`, ruleSet!.plan.version])
  await picky.sink!.emit(opened('/secret'))
  expect(batches().find(({ header }) => header.rows > 0)!.header.edgeRuleset).toBe(ruleSet!.version)
  picky.refuses = false
  await collector.useRuleSet(changed)
  await collector.stop(1_000)
})

test('losses that a failing queue did not hear of are told once it works again', async () => {
  const hand = new Hand()
  const { collector, queue, batches, metrics } = await collecting([hand])
  await hand.sink!.emit({ ...opened('/secret'), dropped: { ring_full: 7 } })
  // Not the kind of failure that the collector expects of a queue.
  queue.outcomes.push(new TypeError('a bug'))
  const health = await until(
    'the health event',
    () => batches().find(({ batch }) => batch.tables.health !== undefined),
    4_000,
  )
  expect(readNumber(health.batch.tables.health!, 0, 'count')).toBe(7)
  const { values } = await metrics.registry.getSingleMetric('seamark_background_failures_total')!.get()
  expect(values).toMatchObject([{ value: 1, labels: { task: 'heartbeat' } }])
  await collector.stop(1_000)
})

test('an inspection that fails unforeseen is counted, and nobody waits in vain', async () => {
  const containers = new Containers({ inspect: () => Promise.reject(new TypeError('a bug')) })
  await containers.resolve([{ id: 'abc', runtime: 'docker' }])
  expect(containers.failedInspections).toBe(1)
  expect(containers.get('abc')).toBeUndefined()
})
