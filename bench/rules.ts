/**
 * How fast a rule set judges: columnar batches in, matches out, opening the batches included. The stream is made up but
 * shaped like a host's: 65 % file, 15 % process, 10 % network, 10 % other calls, 5,000 processes that live for a while,
 * 100,000 distinct strings per million events, about four events in a thousand matching. Every round meets processes that
 * were not seen before. Run with
 * `node bench/main.ts rules`; FALCO_RULES names a folder with the rule files of the Falco project.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { openBatch, sealBatch } from '../core/batch/seal.ts'
import type { BatchHeader } from '../core/model/batch.ts'
import type { RuleSet } from '../core/model/rule-set.ts'
import { loadRuleSet } from '../core/ruleset/load.ts'
import type { RuleText } from '../core/ruleset/rule-file.ts'
import { falcoRules } from '../test/support/upstream.ts'
import { eventStream } from './event-stream.ts'

const UPSTREAM = falcoRules()
const EVENTS = Number(process.env.BENCH_EVENTS ?? 1_000_000)
/** The same events of other processes: more than anything remembers, so that each round meets new ones. */
const STREAMS = 3
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5)

export async function run(options: { json: boolean }): Promise<void> {
  const streams = Array.from({ length: STREAMS }, (_, i) =>
    Array.from(eventStream(EVENTS, 1200 + i * 300_000), (batch, j) => sealBatch(header(j + 1), batch).bytes),
  )
  for (const { rules, files } of ruleFiles()) {
    const started = performance.now()
    const { ruleSet, problems } = loadRuleSet(files)
    const loadMs = performance.now() - started
    if (ruleSet === null) throw new Error(problems.find(({ severity }) => severity === 'error')?.message)
    for (const stream of streams) judge(ruleSet, stream.slice(0, 50))
    const rounds = Array.from({ length: ROUNDS }, (_, i) => judge(ruleSet, streams[i % STREAMS]!))
    const rates = rounds.map(({ cpuSeconds }) => EVENTS / cpuSeconds).sort((a, b) => a - b)
    const row = {
      bench: 'rules',
      rules,
      events: EVENTS,
      matches: rounds[0]!.matches,
      load_ms: Math.round(loadMs),
      events_per_cpu_second: Math.round(rates[Math.floor(ROUNDS / 2)]!),
      events_per_cpu_second_min: Math.round(rates[0]!),
      events_per_cpu_second_max: Math.round(rates.at(-1)!),
    }
    if (options.json) console.log(JSON.stringify(row))
    else {
      const rate = (value: number) => `${(value / 1e6).toFixed(2)}M`
      console.log(
        `rules ${String(rules).padStart(4)}: ${rate(row.events_per_cpu_second)} events per CPU-second ` +
          `(${rate(row.events_per_cpu_second_min)}-${rate(row.events_per_cpu_second_max)}), ` +
          `${row.matches} matches, loaded in ${row.load_ms} ms`,
      )
    }
  }
}

function judge(ruleSet: RuleSet, bodies: readonly Uint8Array[]): { cpuSeconds: number; matches: number } {
  const before = process.cpuUsage()
  let matches = 0
  for (const bytes of bodies) matches += ruleSet.detect(openBatch(bytes).batch).length
  const { user, system } = process.cpuUsage(before)
  return { cpuSeconds: (user + system) / 1e6, matches }
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

function ruleFiles(): { rules: number; files: RuleText[] }[] {
  const many = { name: 'generated.yaml', text: generatedRules(930) }
  if (UPSTREAM === null)
    return [25, 93, 930].map((rules) => ({ rules, files: [{ name: 'generated.yaml', text: generatedRules(rules) }] }))
  const read = (name: string) => ({ name, text: readFileSync(join(UPSTREAM, name), 'utf8') })
  const stable = read('falco_rules.yaml')
  const all = [stable, read('falco-incubating_rules.yaml'), read('falco-sandbox_rules.yaml')]
  return [
    { rules: 25, files: [stable] },
    { rules: 93, files: all },
    { rules: 930, files: [...all, { ...many, text: generatedRules(930 - 93) }] },
  ]
}

/** Rules with literals and shapes of their own. */
function generatedRules(count: number): string {
  const shapes = [
    (i: number) =>
      `evt.type in (open, openat, openat2) and evt.is_open_read = true and fd.name startswith /srv/app-${i}/secret`,
    (i: number) =>
      `evt.type in (open, openat) and evt.is_open_write = true and fd.directory = /opt/tool-${i}/bin and proc.name != updater-${i}`,
    (i: number) =>
      `evt.type in (execve, execveat) and proc.name = agent-${i} and not proc.pname in (init, starter-${i}, cron)`,
    (i: number) =>
      `evt.type = connect and fd.sip = "198.51.100.${i % 250}" and fd.sport = ${1024 + i} and proc.name != proxy-${i}`,
    (i: number) =>
      `evt.type in (unlink, unlinkat, rename, renameat) and fs.path.name endswith .key-${i} and user.uid != ${i}`,
    (i: number) =>
      `evt.type in (open, openat) and fd.name contains "/vault-${i}/" and container.image.repository = registry/app-${i % 50}`,
    (i: number) =>
      `evt.type in (execve) and proc.cmdline contains "--token-${i}" and proc.aname in (runner-${i}, builder)`,
    (i: number) =>
      `evt.type in (open, openat, creat) and fd.filename in (core-${i}, dump-${i}.bin) and proc.exepath startswith /usr/lib/x${i}`,
    (i: number) => `evt.type in (ptrace, bpf, setns) and proc.tty = ${i} and proc.cwd = /work-${i}`,
  ]
  return Array.from({ length: count }, (_, i) => {
    const condition = JSON.stringify(shapes[i % shapes.length]!(i))
    return `- {rule: generated ${i}, desc: d, condition: ${condition}, output: "%proc.name", priority: notice}\n`
  }).join('')
}
