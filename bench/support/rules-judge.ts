/** The thread of the bench of rules: loads one rule set, judges the rounds of a stream and answers with the rates. */
import { parentPort, workerData } from 'node:worker_threads'
import { BATCH_ROWS } from '../../app/rules/event-stream.ts'
import { openBatch } from '../../core/batch/seal.ts'
import { loadRuleSet } from '../../core/ruleset/load.ts'
import type { RuleText } from '../../core/ruleset/rule-file.ts'

export interface Judgement {
  files: RuleText[]
  /** Sealed batches; the first round is judged cold. */
  rounds: Uint8Array[][]
}

export interface Judged {
  loadMs: number
  cases: Record<'new' | 'warm' | 'cold' | 'open', Case>
}

export interface Case {
  /** Events per second of CPU of each round. */
  rates: number[]
  /** CPU time of one and the same loop before and after each round, the slower: how fast the machine was just then. */
  referenceMs: number[]
  /** Of the first round. */
  matches: number
}

const TABLE = new Uint32Array(0x40000)

const { files, rounds } = workerData as Judgement
const [first = [], ...others] = rounds
const started = performance.now()
const { ruleSet, problems } = loadRuleSet(files)
const loadMs = performance.now() - started
if (ruleSet === null) throw new Error(problems.find(({ severity }) => severity === 'error')?.message)

const judge = (bytes: Uint8Array) => ruleSet.detect(openBatch(bytes).batch).length
const open = (bytes: Uint8Array) => openBatch(bytes).batch.strings.count * 0
const last = others.at(-1) ?? first

for (let call = 0; call < 3; call++) reference()
const cold = measure([first], judge)
const fresh = measure(others, judge)
measure([last], judge)
const warm = measure(
  others.map(() => last),
  judge,
)
const opened = measure(others, open)
const judged: Judged = { loadMs, cases: { new: fresh, warm, cold, open: opened } }
parentPort!.postMessage(judged)

function measure(sets: readonly Uint8Array[][], work: (bytes: Uint8Array) => number): Case {
  const measured = sets.map((batches) => {
    const earlierMs = reference()
    const before = process.cpuUsage()
    let matches = 0
    for (const bytes of batches) matches += work(bytes)
    const { user, system } = process.cpuUsage(before)
    const rate = (batches.length * BATCH_ROWS) / ((user + system) / 1e6)
    return { rate, matches, referenceMs: Math.max(earlierMs, reference()) }
  })
  return {
    rates: measured.map(({ rate }) => rate),
    referenceMs: measured.map(({ referenceMs }) => referenceMs),
    matches: measured[0]?.matches ?? 0,
  }
}

/** Steps through a table at random, as judging does; only the machine decides how long that takes. */
function reference(): number {
  const before = process.threadCpuUsage().user
  let at = 1
  for (let step = 0; step < 10_000_000; step++)
    at = (Math.imul(at, 1_103_515_245) + TABLE[at & 0x3ffff]! + 12_345) >>> 0
  TABLE[0] = at & 1
  return (process.threadCpuUsage().user - before) / 1000
}
