/**
 * What a host spends per kernel event, all of it: drain, columns, contexts, edge filter, durable enqueue of what is
 * kept. A load of opens, one in a hundred of a file that a rule looks for, runs beside the collector role.
 */
import { fork, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { falcoRules } from '../test/support/upstream.ts'
import { Report, spread } from './support/report.ts'

const HERE = dirname(fileURLToPath(import.meta.url))
const UPSTREAM = falcoRules()
const RUNS = Number(process.env.BENCH_ROUNDS ?? 5)
const SECONDS = 4
const WARM_UP_SECONDS = 5

interface MetricsMessage {
  kind: 'metrics'
  cpuSeconds: number
  metrics: { name: string; values: { value: number; labels: Record<string, string> }[] }[]
}

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('host', options)
  const sets: [string, string[]][] =
    UPSTREAM !== null
      ? [
          ['25 upstream rules', [join(UPSTREAM, 'falco_rules.yaml')]],
          [
            '93 upstream rules',
            ['falco_rules', 'falco-incubating_rules', 'falco-sandbox_rules'].map((name) =>
              join(UPSTREAM, `${name}.yaml`),
            ),
          ],
        ]
      : [['the shipped rules', []]]
  for (const [name, files] of sets) {
    const perEvent: number[] = []
    let events = 0
    let kept = 0
    let dropped = 0
    for (let i = 0; i < RUNS; i++) {
      const measured = await once(files)
      perEvent.push((measured.cpuSeconds / measured.events) * 1e6)
      events += measured.events
      kept += measured.kept
      dropped += measured.dropped
    }
    const { median, min, max } = spread(perEvent)
    report.row({
      rules: name,
      us_per_event: median,
      min_us: min,
      max_us: max,
      runs: RUNS,
      events_per_second: events / RUNS / SECONDS,
      kept_percent: (kept / events) * 100,
      dropped_events: dropped,
    })
  }
}

async function once(files: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-bench-'))
  const collector = fork(join(HERE, 'support/collector-process.ts'), [directory, ...files], {
    env: { ...process.env, SEAMARK_BENCH_KEEP: 'nothing' },
  })
  try {
    await message(collector, 'started')
    await delay(1_500)
    // A host runs for months: what the compiler costs in the first seconds is not what an event costs.
    await load(WARM_UP_SECONDS)
    const before = await ask(collector)
    await load(SECONDS)
    await delay(1_500)
    const after = await ask(collector)
    const count = (name: string) => total(after, name) - total(before, name)
    return {
      cpuSeconds: after.cpuSeconds - before.cpuSeconds,
      events: count('seamark_collector_received_events_total'),
      kept: count('seamark_collector_kept_events_total'),
      dropped: count('seamark_collector_dropped_events_total'),
    }
  } finally {
    collector.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
}

async function load(seconds: number): Promise<void> {
  const child = spawn(process.execPath, [join(HERE, 'support/open-load.ts'), String(seconds)], { stdio: 'ignore' })
  await new Promise((resolve) => child.once('exit', resolve))
}

function ask(collector: ReturnType<typeof fork>): Promise<MetricsMessage> {
  const answer = message(collector, 'metrics') as Promise<MetricsMessage>
  collector.send('metrics')
  return answer
}

function message(collector: ReturnType<typeof fork>, kind: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const listen = (value: unknown) => {
      if ((value as { kind: string }).kind !== kind) return
      collector.off('message', listen)
      resolve(value)
    }
    collector.on('message', listen)
    collector.once('exit', () => reject(new Error('the collector ended')))
  })
}

function total({ metrics }: MetricsMessage, name: string): number {
  return metrics.find((metric) => metric.name === name)?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
}
