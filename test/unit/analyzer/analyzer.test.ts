import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Analyzer, type AnalyzerOptions } from '../../../analyzer/analyzer.ts'
import { DeadLetters, replayLetter } from '../../../analyzer/dead-letters.ts'
import { LetterStore } from '../../../analyzer/letter-store.ts'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { EdgeFilter } from '../../../collector/edge-filter.ts'
import { readText } from '../../../core/batch/batch.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { openBatch, sealBatch } from '../../../core/batch/seal.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import type { BatchHeader } from '../../../core/model/batch.ts'
import { detectionsIn } from '../../../core/model/detection-item.ts'
import { AppError } from '../../../core/model/errors.ts'
import { ACTIVE_RULES, RULES_SPACE } from '../../../core/model/published-rules.ts'
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

/** The same calls as a host sends them that runs other rules. */
function unfiltered(paths: readonly string[], ruleset?: string): Item {
  const builder = new BatchBuilder(1_795_000_000_000_000_000n)
  const process = builder.add('process', { pid: 1, comm: 'cat' })
  for (const path of paths)
    builder.addEvent('file', builder.baseNs, { type: EVENT_TYPES.openat.code, ret: 3, fd: 3, path, process })
  const { header: known } = batchItem(rulesFor('/a'), ['/a'])
  const header = { ...known!, edgeRuleset: '', rows: paths.length }
  const payload = sealBatch(header, builder.build()).bytes
  const envelope = { receivedMs: 1_795_000_000_000, ruleset: ruleset ?? '', parts: {} }
  return { id: 'h/e/1', class: 'evidence', header, payload, envelope }
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
    queue.items('detections').flatMap((item) => detectionsIn(item).map(({ detection }) => detection))
  const substituted = async () =>
    (await metrics.registry.getSingleMetric('seamark_analyzer_substituted_rulesets_total')!.get()).values[0]?.value
  const dropped = async () =>
    (await metrics.registry.getSingleMetric('seamark_analyzer_dropped_detections_total')!.get()).values[0]?.value
  return { queue, analyzer, detections, substituted, dropped }
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

test('a match that a host names again and again counts once, and more matches than a batch may have are refused', async () => {
  const rules = rulesFor('/a')
  const { queue, analyzer, detections } = await analyzing(rules)
  const named = (times: number, sequence: number): Item => {
    const whole = openBatch(batchItem(rules, ['/a'], sequence).payload)
    const { matches } = whole.batch.tables
    const columns = Object.fromEntries(
      Object.entries(matches!.columns).map(([name, data]) => [
        name,
        new (data!.constructor as Uint32ArrayConstructor)(times).fill(data![0] as number),
      ]),
    )
    whole.batch.tables.matches = { name: 'matches', rowCount: times, columns }
    return { ...batchItem(rules, ['/a'], sequence), payload: sealBatch(whole.header, whole.batch).bytes }
  }
  await queue.deliver('batches', [named(100_000, 1), named(200_000, 2), batchItem(rules, ['/a'], 3)])
  expect(detections().map(({ rule }) => rule)).toEqual(['opened /a', 'opened /a'])
  expect(queue.items('dead').map(({ id, failure }) => [id, failure?.message])).toEqual([
    ['batches/h/e/2', expect.stringContaining('more matches than a batch may have')],
  ])
  await analyzer.stop(100)
})

test('of a batch whose every event is a detection as many are told as a batch may have', async () => {
  const rules = rulesFor('/a')
  const { queue, analyzer, detections, dropped } = await analyzing(rules)
  await queue.deliver('batches', [unfiltered(Array<string>(20_000).fill('/a'))])
  expect([detections().length, await dropped()]).toEqual([16_384, 20_000 - 16_384])
  await analyzer.stop(100)
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

/** Judges as the rules do, but cannot bear one path. */
function throwsFor(ruleSet: RuleSet, path: string): RuleSet {
  const detect: RuleSet['detect'] = (batch) => {
    const { file } = batch.tables
    for (let row = 0; row < (file?.rowCount ?? 0); row++)
      if (readText(batch, file!, row, 'path') === path) throw new Error(`cannot judge ${path}`)
    return ruleSet.detect(batch)
  }
  return { ...ruleSet, version: `${ruleSet.version}-throws`, detect }
}

test('a batch with one poisoned event is split until only that event is set aside, and the rest is judged and kept', async () => {
  const ruleSet = rulesFor('/a')
  const { queue, detections } = await analyzing(throwsFor(ruleSet, '/poison'))
  const paths = Array.from({ length: 999 }, (_, i) => (i === 617 ? '/poison' : i % 10 === 0 ? '/a' : `/kept-${i}`))
  await queue.deliver('batches', [unfiltered(paths)])
  expect(detections()).toHaveLength(100)
  expect(new Set(detections().map(({ evidence }) => evidence[0])).size).toBe(100)
  const pathsOf = (item: Item) => {
    const { batch } = openBatch(item.payload)
    const file = batch.tables.file!
    return Array.from({ length: file.rowCount }, (_, row) => readText(batch, file, row, 'path'))
  }
  expect(queue.items('dead').map((item) => [item.id, item.header?.rows, item.failure?.message, pathsOf(item)])).toEqual(
    [['batches/h/e/1.0', 1, 'cannot judge /poison', ['/poison']]],
  )
  expect(queue.items('index').flatMap(pathsOf)).toEqual(paths.filter((path) => path !== '/poison'))
})

test('a poisoned event that is replayed after a fix is judged by the rules in force, under the id it always had', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-dead-'))
  const documents = createSqliteDocuments({ directory })
  await documents.start()
  onTestFinished(async () => {
    await documents.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const [fixed, broken] = [rulesFor('/poison'), throwsFor(rulesFor('/a'), '/poison')]
  const { queue, analyzer, detections } = await analyzing(broken)
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics })
  const letters = new DeadLetters({
    queue,
    documents,
    conditions,
    metrics,
    logger: createLogger({ level: 'silent', component: 'test' }),
  })
  await letters.start()
  await queue.deliver('batches', [unfiltered(['/x', '/poison'], broken.version)])
  await queue.deliver('dead', queue.items('dead'))
  analyzer.useRuleSet(fixed)
  await documents.put(RULES_SPACE, ACTIVE_RULES, { version: fixed.version, sinceMs: 0 }, 0)
  const store = new LetterStore({ documents })
  const letter = await store.oldest()
  expect(await replayLetter(queue, documents, letter!.key)).toBe(true)
  await queue.deliver('batches', queue.items('batches'))
  expect(detections().map(({ rule, ruleset, evidence }) => [rule, ruleset, evidence[0]!.split('.').at(-1)])).toEqual([
    ['opened /poison', fixed.version, '1'],
  ])
  expect(await store.usage()).toEqual({ letters: 0, bytes: 0 })
  expect(await store.oldest()).toBeUndefined()
  await letters.stop(100)
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
