import { expect, test } from 'vitest'
import { Analyzer, type AnalyzerOptions } from '../../../analyzer/analyzer.ts'
import { EdgeFilter } from '../../../collector/edge-filter.ts'
import { readText } from '../../../core/batch/batch.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { openBatch, sealBatch } from '../../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import type { BatchHeader } from '../../../core/model/batch.ts'
import type { Detection } from '../../../core/model/detection.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Item } from '../../../core/model/queue.ts'
import type { RuleSet } from '../../../core/model/rule-set.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { MemoryQueue } from '../../support/memory-queue.ts'

/** A rule set whose one rule is named after the path it looks for. */
function rulesFor(path: string): RuleSet {
  const text = `
- rule: opened ${path}
  desc: test
  condition: evt.type = openat and fd.name = ${path}
  output: opened %fd.name
  priority: warning
`
  return loadRuleSet([{ name: 'r.yaml', text }], {}).ruleSet!
}

/** A batch of openat calls, as the collector with these rules would offer it. */
function batchItem(ruleSet: RuleSet, paths: readonly string[], sequence = 1): Item {
  const builder = new BatchBuilder(1_795_000_000_000_000_000n)
  const process = builder.add('process', { pid: 1, comm: 'cat' })
  for (const path of paths)
    builder.addEvent('file', builder.baseNs, { type: EVENT_TYPES.openat.code, ret: 3, fd: 3, path, process })
  const filtered = new EdgeFilter(ruleSet, ['openat']).apply(builder.build())
  const header: BatchHeader = {
    collector: 'h',
    epoch: 'e',
    sequence,
    lowMs: {},
    dropped: {},
    plan: ruleSet.plan.version,
    edgeRuleset: ruleSet.version,
    class: 'evidence',
    rows: filtered.kept,
  }
  return {
    id: `h/e/${sequence}`,
    class: 'evidence',
    header,
    payload: sealBatch(header, filtered.batch!).bytes,
    envelope: { receivedMs: 1_795_000_000_000, ruleset: ruleSet.version, parts: {} },
  }
}

async function analyzing(ruleSet: RuleSet, load?: AnalyzerOptions['loadRuleSet']) {
  const queue = new MemoryQueue()
  const metrics = new Metrics()
  const logger = createLogger({ level: 'silent', component: 'test' })
  const analyzer = new Analyzer({
    queue,
    ruleSet,
    metrics,
    logger,
    ...(load === undefined ? {} : { loadRuleSet: load }),
  })
  await analyzer.start()
  const detections = () =>
    queue.items('detections').map(({ payload }) => JSON.parse(Buffer.from(payload).toString('utf8')) as Detection)
  const substituted = async () =>
    (await metrics.registry.getSingleMetric('seamark_analyzer_substituted_rulesets_total')!.get()).values[0]?.value
  return { queue, analyzer, detections, substituted }
}

test('a batch is judged by the rules stamped on it, also when others were loaded meanwhile', async () => {
  const [before, after] = [rulesFor('/a'), rulesFor('/b')]
  const { queue, analyzer, detections, substituted } = await analyzing(before)
  analyzer.useRuleSet(after)
  await queue.deliver('batches', [batchItem(before, ['/a', '/b'], 1), batchItem(after, ['/a', '/b'], 2)])
  expect(detections().map(({ rule, ruleset }) => [rule, ruleset])).toEqual([
    ['opened /a', before.version],
    ['opened /b', after.version],
  ])
  expect(await substituted()).toBe(0)
})

test('rules that are no longer known are replaced by those in force, which the detection names and a metric counts', async () => {
  const all = ['/a', '/b', '/c', '/d', '/e'].map(rulesFor)
  const { queue, analyzer, detections, substituted } = await analyzing(all[0]!)
  for (const ruleSet of all.slice(1)) analyzer.useRuleSet(ruleSet)
  await queue.deliver('batches', [batchItem(all[1]!, ['/b', '/e'], 1), batchItem(all[0]!, ['/a', '/e'], 2)])
  expect(detections().map(({ rule, ruleset }) => [rule, ruleset])).toEqual([
    ['opened /b', all[1]!.version],
    ['opened /e', all[4]!.version],
  ])
  expect(await substituted()).toBe(1)
})

test('loading the same rules again forgets no others', async () => {
  const [first, second] = [rulesFor('/a'), rulesFor('/b')]
  const { queue, analyzer, detections } = await analyzing(first)
  for (let i = 0; i < 10; i++) analyzer.useRuleSet(second)
  await queue.deliver('batches', [batchItem(first, ['/a', '/b'])])
  expect(detections().map(({ rule }) => rule)).toEqual(['opened /a'])
})

test("matches are taken over by the row's ordinal, wherever the host's filter moved the row", async () => {
  const ruleSet = rulesFor('/a')
  const { queue, detections } = await analyzing(ruleSet)
  const paths = Array.from({ length: 2_000 }, (_, i) => (i % 7 === 3 ? '/a' : `/kept-${i}`))
  await queue.deliver('batches', [batchItem(ruleSet, paths)])
  const ordinals = detections().map(({ id, evidence }) => [id.length > 0, evidence[0]!.split('.').at(-1)])
  const expected = paths.flatMap((path, i) => (path === '/a' ? [[true, i.toString(36)]] : []))
  expect(ordinals).toEqual(expected)
})

test('rules that a batch is stamped with are loaded, do not become those in force, and are waited for', async () => {
  const [active, old] = [rulesFor('/a'), rulesFor('/b')]
  const asked: string[] = []
  const { queue, detections, substituted } = await analyzing(active, async (version) => {
    asked.push(version)
    if (version === 'broken') throw new AppError('E_RULES_INVALID', 'written for a newer Seamark')
    return version === old.version ? old : null
  })
  await queue.deliver('batches', [batchItem(old, ['/a', '/b'], 1)])
  expect(detections().map(({ ruleset }) => ruleset)).toEqual([old.version])
  const gone = { ...batchItem(active, ['/a'], 2), envelope: { receivedMs: 1, ruleset: 'gone', parts: {} } }
  await queue.deliver('batches', [gone])
  expect(detections().map(({ ruleset }) => ruleset)).toEqual([old.version, active.version])
  expect(await substituted()).toBe(1)
  const broken = { ...batchItem(active, ['/a'], 3), envelope: { receivedMs: 1, ruleset: 'broken', parts: {} } }
  await expect(queue.deliver('batches', [broken])).rejects.toMatchObject({ code: 'E_RULES_INVALID', retryable: true })
  expect(asked).toEqual([old.version, 'gone', 'broken'])
})

test('an event that cannot be judged becomes a dead letter, and the rest of its batch goes on', async () => {
  const rules = rulesFor('/a')
  // Rules that fail on one path, as a mistake in the engine would.
  const failing: RuleSet = {
    ...rules,
    version: 'failing',
    detect: (batch) => {
      const { file } = batch.tables
      for (let row = 0; row < (file?.rowCount ?? 0); row++) {
        if (readText(batch, file!, row, 'path') === '/poison') throw new TypeError('a bug')
      }
      return rules.detect(batch)
    },
  }
  const { queue, detections } = await analyzing(failing)
  const item = { ...batchItem(rules, ['/a', '/x', '/poison', '/a', '/y']), envelope: undefined }
  await queue.deliver('batches', [item as unknown as Item])
  expect(detections()).toHaveLength(2)
  const [dead, ...more] = queue.items('dead')
  expect(more).toEqual([])
  expect(dead?.failure).toMatchObject({ topic: 'batches', code: 'TypeError', message: 'a bug' })
  const { batch } = openBatch(dead!.payload)
  expect([batch.tables.file?.rowCount, readText(batch, batch.tables.file!, 0, 'path')]).toEqual([1, '/poison'])
  const kept = openBatch(queue.items('index')[0]!.payload)
  expect(kept.header.rows).toBe(4)
})
