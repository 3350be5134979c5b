/** What capture adds to a life: fork, exec and exit of a tiny static program, bare and attached. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SyscallSource } from '../collector/sources/syscalls/syscall-source.ts'
import type { Emission } from '../core/model/source.ts'
import { type Loop, median, runLoop } from './workload.ts'

const ROUNDS = 4_000
const REPEATS = 5

export async function run(options: { json: boolean }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'seamark-bench-'))
  try {
    const program = join(folder, 'workload')
    execFileSync('gcc', ['-O2', '-static', fileURLToPath(new URL('workload.c', import.meta.url)), '-o', program])
    const bare: Loop[] = []
    const attached: Loop[] = []
    let execs = 0
    let lost = 0
    const sink = {
      emit: async ({ batch, dropped = {} }: Emission) => {
        execs += batch.tables.exec?.rowCount ?? 0
        for (const count of Object.values(dropped)) lost += count
        return true
      },
    }
    // Without arguments the program ends at once: it is its own smallest child.
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      bare.push(await runLoop(program, ['forks', program, `${ROUNDS}`]))
      const source = new SyscallSource({ budgets: { process: { perSecond: 0, burst: 0 } } })
      await source.start(sink, null, { version: 'bench', eventTypes: [], scope: 'all', environment: false })
      attached.push(await runLoop(program, ['forks', program, `${ROUNDS}`]))
      await delay(100)
      await source.stop(5000)
    }
    const figures = {
      bench: 'forkexec',
      rounds: ROUNDS,
      bare_cpu_us_per_round: Math.round(median(bare.map((loop) => loop.cpuNs)) / ROUNDS / 1000),
      attached_cpu_us_per_round: Math.round(median(attached.map((loop) => loop.cpuNs)) / ROUNDS / 1000),
      cpu_ratio: Number((median(attached.map((l) => l.cpuNs)) / median(bare.map((l) => l.cpuNs))).toFixed(3)),
      wall_ratio: Number((median(attached.map((l) => l.wallNs)) / median(bare.map((l) => l.wallNs))).toFixed(3)),
      execs_per_round: Number((execs / ROUNDS / REPEATS).toFixed(4)),
      lost,
    }
    if (options.json) console.log(JSON.stringify(figures))
    else
      console.log(
        Object.entries(figures)
          .map(([key, value]) => `${key}=${value}`)
          .join('  '),
      )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.main) await run({ json: process.argv.includes('--json') })
