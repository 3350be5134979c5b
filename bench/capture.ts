/**
 * What capture costs and carries: a C loop of open, read and close on a six-component path, bare, attached with nothing
 * wanted, and attached with opens wanted. Rows are counted where JavaScript gets them.
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

const ROUNDS = 1_000_000
const REPEATS = 5
const MIB = 1024 * 1024

interface Case {
  name: string
  eventTypes: string[] | null
  bulkRingBytes: number
}

const CASES: Case[] = [
  { name: 'bare', eventTypes: null, bulkRingBytes: 0 },
  { name: 'nothing wanted', eventTypes: [], bulkRingBytes: 8 * MIB },
  { name: 'opens wanted', eventTypes: ['open', 'openat', 'openat2'], bulkRingBytes: 8 * MIB },
  { name: 'opens wanted, 32 MiB', eventTypes: ['open', 'openat', 'openat2'], bulkRingBytes: 32 * MIB },
]

interface Measured extends Loop {
  rows: number
  lost: number
  collectorCpuMs: number
}

async function measure(program: string, path: string, { eventTypes, bulkRingBytes }: Case): Promise<Measured> {
  if (eventTypes === null)
    return { ...(await runLoop(program, ['opens', path, `${ROUNDS}`])), rows: 0, lost: 0, collectorCpuMs: 0 }
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
  const loop = await runLoop(program, ['opens', path, `${ROUNDS}`])
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
    const bareNs = median(results.get('bare')!.map((loop) => loop.cpuNs))
    for (const [name, loops] of results) report(name, loops, bareNs, options.json)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function report(name: string, loops: Measured[], bareNs: number, json: boolean): void {
  const cpuNs = median(loops.map((loop) => loop.cpuNs))
  const figures = {
    bench: 'capture',
    case: name,
    rounds: ROUNDS,
    workload_cpu_ns_per_round: Math.round(cpuNs / ROUNDS),
    workload_cpu_ratio: Number((cpuNs / bareNs).toFixed(3)),
    // Three calls a round; what one that nobody wants costs.
    added_ns_per_syscall: Math.round((cpuNs - bareNs) / ROUNDS / 3),
    events_per_second: Math.round(median(loops.map((loop) => loop.rows / (loop.wallNs / 1e9)))),
    lost_percent: Number((median(loops.map((loop) => loop.lost / ROUNDS)) * 100).toFixed(2)),
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
