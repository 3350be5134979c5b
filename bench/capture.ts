/**
 * What capture costs and carries, against the same loop bare: a loop of open, read and close on a six-component path with
 * opens wanted, and a loop of the cheapest system call with nothing wanted. Rows are counted where JavaScript gets them.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SyscallSource } from '../collector/sources/syscalls/syscall-source.ts'
import { readNumber } from '../core/batch/batch.ts'
import type { Emission } from '../core/model/source.ts'
import { type Loop, median, runLoop } from './workload.ts'

/** Short turns, many of them: a machine that others share changes its speed within seconds, and pairs must meet the same. */
const ROUNDS = { opens: 200_000, calls: 1_000_000 }
const REPEATS = 25
const MIB = 1024 * 1024

interface Case {
  name: string
  loop: keyof typeof ROUNDS
  eventTypes: string[] | null
  bulkRingBytes: number
}

const CASES: Case[] = [
  { name: 'bare calls', loop: 'calls', eventTypes: null, bulkRingBytes: 0 },
  { name: 'calls, nothing wanted', loop: 'calls', eventTypes: [], bulkRingBytes: 8 * MIB },
  { name: 'bare opens', loop: 'opens', eventTypes: null, bulkRingBytes: 0 },
  { name: 'opens wanted', loop: 'opens', eventTypes: ['open', 'openat', 'openat2'], bulkRingBytes: 8 * MIB },
  { name: 'opens wanted, 32 MiB', loop: 'opens', eventTypes: ['open', 'openat', 'openat2'], bulkRingBytes: 32 * MIB },
]

interface Measured extends Loop {
  rows: number
  lost: number
  collectorCpuMs: number
}

async function measure(program: string, path: string, { loop: name, eventTypes, bulkRingBytes }: Case) {
  const run = () => runLoop(program, [name, path, `${ROUNDS[name]}`])
  if (eventTypes === null) return { ...(await run()), rows: 0, lost: 0, collectorCpuMs: 0 }
  let rows = 0
  let lost = 0
  const sink = {
    emit: async ({ batch, dropped = {} }: Emission) => {
      const table = batch.tables.file
      for (let row = 0; row < (table?.rowCount ?? 0); row++) if (readNumber(table!, row, 'fd')! >= 0) rows++
      for (const count of Object.values(dropped)) lost += count
      return true
    },
  }
  // Budgets are for many cgroups; here one may have everything, so that the ring is what is measured.
  const unbounded = { perSecond: 0, burst: 0 }
  const source = new SyscallSource({ bulkRingBytes, budgets: { file: unbounded } })
  await source.start(sink, null, { version: 'bench', eventTypes, scope: 'all', environment: false })
  const before = process.cpuUsage()
  const loop = await run()
  await delay(100)
  const cpu = process.cpuUsage(before)
  await source.stop(5000)
  return { ...loop, rows, lost, collectorCpuMs: (cpu.user + cpu.system) / 1000 }
}

export async function run(options: { json: boolean }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'seamark-bench-'))
  try {
    const program = join(folder, 'workload')
    execFileSync('gcc', ['-O2', fileURLToPath(new URL('workload.c', import.meta.url)), '-o', program])
    const deep = join(folder, 'one/two/three')
    mkdirSync(deep, { recursive: true })
    const path = join(deep, 'file')
    writeFileSync(path, 'x')
    const results = new Map<string, Measured[]>()
    // Cases take turns, so that a noisy minute hits all of them.
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const one of CASES) {
        results.set(one.name, [...(results.get(one.name) ?? []), await measure(program, path, one)])
      }
    }
    for (const one of CASES) report(one, results.get(one.name)!, results.get(`bare ${one.loop}`)!, options.json)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function report({ name, loop: kind }: Case, loops: Measured[], bare: Measured[], json: boolean): void {
  const rounds = ROUNDS[kind]
  const cpuNs = median(loops.map((loop) => loop.cpuNs))
  // Each against the bare loop of its own turn: a slow minute slows both.
  const ratios = loops.map((loop, turn) => loop.cpuNs / bare[turn]!.cpuNs)
  const added = loops.map((loop, turn) => (loop.cpuNs - bare[turn]!.cpuNs) / rounds)
  const shown = (values: number[], digits: number) =>
    `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)} to ${Math.max(...values).toFixed(digits)})`
  const figures = {
    bench: 'capture',
    case: name,
    rounds,
    workload_cpu_ns_per_round: Math.round(cpuNs / rounds),
    workload_cpu_ratio: shown(ratios, 2),
    added_ns_per_round: shown(added, 0),
    events_per_second: Math.round(median(loops.map((loop) => loop.rows / (loop.wallNs / 1e9)))),
    lost_percent: Number((median(loops.map((loop) => loop.lost / rounds)) * 100).toFixed(2)),
    collector_cpu_ns_per_event: Math.round(
      median(loops.map((loop) => (loop.rows === 0 ? 0 : (loop.collectorCpuMs * 1e6) / loop.rows))),
    ),
  }
  if (json) console.log(JSON.stringify(figures))
  else
    console.log(
      Object.entries(figures)
        .map(([key, value]) => `${key}=${value}`)
        .join('  '),
    )
}

if (import.meta.main) await run({ json: process.argv.includes('--json') })
