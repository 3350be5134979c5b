/** What a quiet host pays for being watched: CPU and memory of the collector role, and of the whole embedded program. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RunningSeamark } from '../test/support/seamark.ts'
import { cpuSeconds, residentBytes } from './support/process-usage.ts'
import { Report } from './support/report.ts'

const SETTLE_MS = 5_000
const SECONDS = Number(process.env.SEAMARK_BENCH_SECONDS ?? 60)

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('idle', options)
  const directory = mkdtempSync(join(tmpdir(), 'seamark-bench-'))
  const program = [
    '--max-semi-space-size=4',
    join(dirname(fileURLToPath(import.meta.url)), 'support/collector-process.ts'),
    directory,
  ]
  // As bin/seamark does it: memory bounded, and the first run fills the cache; the second is measured.
  const env = { ...process.env, NODE_COMPILE_CACHE: join(directory, 'compiled'), MALLOC_ARENA_MAX: '2' }
  execFileSync(process.execPath, [...program, '--once'], { env, stdio: ['ignore', 'ignore', 'inherit'] })
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'ignore', 'inherit'] })
  try {
    await measure('the collector role', child.pid!, report)
  } finally {
    child.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  const seamark = await new RunningSeamark().start()
  try {
    await measure('the whole program, embedded', seamark.pid, report)
  } finally {
    await seamark.remove()
  }
}

async function measure(name: string, pid: number, report: Report): Promise<void> {
  await delay(SETTLE_MS)
  const before = cpuSeconds(pid)
  await delay(SECONDS * 1000)
  const usedSeconds = cpuSeconds(pid) - before
  report.row({
    case: name,
    seconds: SECONDS,
    cpu_percent_of_a_core: (usedSeconds / SECONDS) * 100,
    rss_without_ring_mib: residentBytes(pid) / 1024 ** 2,
  })
}
