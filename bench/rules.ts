/**
 * How fast a rule set judges: sealed batches in, matches out, opening the batches included; events per second of CPU of
 * the whole process. Each rule set runs in a thread of its own, so that none finds the code of another compiled already.
 * `new` is the figure that counts: all rounds are one stream in which every batch brings processes, containers and
 * strings that the engine never met. `warm` repeats one round; `cold` is the first round after loading, V8's compilers
 * included; `open` only opens the batches.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { BATCH_ROWS, eventStream } from '../app/rules/event-stream.ts'
import { sealBatch } from '../core/batch/seal.ts'
import type { BatchHeader } from '../core/model/batch.ts'
import type { RuleText } from '../core/ruleset/rule-file.ts'
import { falcoRules } from '../test/support/upstream.ts'
import { generatedRules } from './support/generated-rules.ts'
import { Report, spread } from './support/report.ts'
import type { Judged, Judgement } from './support/rules-judge.ts'

const UPSTREAM = falcoRules()
/** Events of a round; fewer leave the rate of what is new as it is. */
const EVENTS = Number(process.env.BENCH_EVENTS ?? 1_000_000)
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('rules', options)
  const rounds = streamInRounds()
  report.row({ events: EVENTS, ...novelty() })
  // Other guests of a machine slow it by up to half and more; a loop of known work, timed around each round, shows it.
  let fastestMs = Number.POSITIVE_INFINITY
  for (const { rules, files } of ruleFiles()) {
    const { loadMs, cases } = await judge({ files, rounds })
    for (const { referenceMs } of Object.values(cases)) fastestMs = Math.min(fastestMs, ...referenceMs)
    for (const [name, { rates, matches, referenceMs }] of Object.entries(cases)) {
      const { median, min, max } = spread(rates)
      report.row({
        rules,
        case: name,
        events_per_cpu_second: Math.round(median),
        events_per_cpu_second_min: Math.round(min),
        events_per_cpu_second_max: Math.round(max),
        ns_per_event: 1e9 / median,
        machine_slowdown: spread(referenceMs).median / fastestMs,
        matches,
        load_ms: Math.round(loadMs),
      })
    }
  }
}

function judge(judgement: Judgement): Promise<Judged> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./support/rules-judge.ts', import.meta.url), { workerData: judgement })
    worker.once('message', resolve).once('error', reject)
  })
}

/** One round more than is measured: the first is the cold one. */
function streamInRounds(): Uint8Array[][] {
  const stream = eventStream()
  let sequence = 0
  return Array.from({ length: ROUNDS + 1 }, () =>
    Array.from({ length: Math.ceil(EVENTS / BATCH_ROWS) }, () => {
      const batch = stream.next().value!
      return sealBatch(header(++sequence), batch).bytes
    }),
  )
}

/** What a million events of the stream bring that did not occur before, counted in the stream itself. */
function novelty(): Record<string, number> {
  const strings = new Set<string>()
  const processes = new Set<number>()
  const batches = 1_000_000 / BATCH_ROWS
  let batch = 0
  let before = { strings: 0, processes: 0 }
  let stringsInBatches = 0
  for (const { strings: dictionary, tables } of eventStream()) {
    if (batch === batches) before = { strings: strings.size, processes: processes.size }
    if (batch++ === 2 * batches) break
    stringsInBatches += dictionary.count - 1
    for (let i = 1; i < dictionary.count; i++) strings.add(dictionary.text(i))
    for (const pid of tables.process!.columns.pid as Uint32Array) processes.add(pid)
  }
  return {
    new_strings_per_million_events: strings.size - before.strings,
    new_processes_per_million_events: processes.size - before.processes,
    strings_per_batch: Math.round(stringsInBatches / (2 * batches)),
  }
}

function header(sequence: number): BatchHeader {
  return {
    collector: 'bench',
    epoch: 'e',
    sequence,
    lowMs: {},
    dropped: {},
    plan: '',
    edgeRuleset: '',
    class: 'routine',
    rows: 0,
  }
}

/** Falco's own where its folder is given, else made-up ones of the same number. */
export function ruleFiles(): { rules: number; files: RuleText[] }[] {
  const generated = (count: number) => ({ name: 'generated.yaml', text: generatedRules(count) })
  if (UPSTREAM === null) return [25, 93, 930].map((rules) => ({ rules, files: [generated(rules)] }))
  const read = (name: string) => ({ name, text: readFileSync(join(UPSTREAM, name), 'utf8') })
  const stable = read('falco_rules.yaml')
  const all = [stable, read('falco-incubating_rules.yaml'), read('falco-sandbox_rules.yaml')]
  return [
    { rules: 25, files: [stable] },
    { rules: 93, files: all },
    { rules: 930, files: [...all, generated(930 - 93)] },
  ]
}
