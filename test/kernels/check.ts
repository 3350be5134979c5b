/** Runs inside the little machine: captures an attack in a cgroup and prints one line with the verdict. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, statSync } from 'node:fs'
import { release } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { loadAddon } from '../../collector/sources/syscalls/addon.ts'
import { SyscallSource } from '../../collector/sources/syscalls/syscall-source.ts'
import { type Batch, processRow, readNumber, readText } from '../../core/batch/batch.ts'

const MARK = 'SEAMARK-VERDICT '
const CGROUP = '/sys/fs/cgroup/victim'

async function check(): Promise<Record<string, unknown>> {
  const warnings: string[] = []
  const batches: Batch[] = []
  const source = new SyscallSource({ bulkRingBytes: 1 << 20, onWarning: (message) => warnings.push(message) })
  const visibility = await source.probe()
  const { addon } = loadAddon()
  const failed = (await addon?.probe())?.objects.filter((object) => object.errno !== 0) ?? []
  const logs = failed.map((object) => `${object.name}: ${object.log}`)
  const plan = {
    version: 'check',
    eventTypes: ['open', 'openat', 'connect'],
    scope: 'all' as const,
    environment: false,
  }
  try {
    await source.start({ emit: async ({ batch }) => batches.push(batch) > 0 }, null, plan)
  } catch (error) {
    return { captured: false, reason: (error as Error).message, visibility, logs }
  }
  mkdirSync(CGROUP)
  const cgroupId = statSync(CGROUP).ino
  spawnSync('/init', ['attack', `${CGROUP}/cgroup.procs`])
  await delay(1000)
  await source.stop(5000)
  return { captured: true, warnings, visibility, logs, found: batches.flatMap((batch) => deeds(batch, cgroupId)) }
}

/** What the attacker did, seen in its cgroup. */
function deeds(batch: Batch, cgroupId: number): string[] {
  const found: string[] = []
  const inside = (table: keyof Batch['tables'], say: (row: number) => string | undefined) => {
    const rows = batch.tables[table]
    for (let row = 0; row < (rows?.rowCount ?? 0); row++) {
      const process = processRow(rows!, row)
      if (readNumber(batch.tables.process!, process, 'cgroupId') !== cgroupId) continue
      const said = say(row)
      if (said !== undefined) found.push(said)
    }
  }
  const text = (table: keyof Batch['tables'], row: number, column: 'argv' | 'path' | 'remoteIp') =>
    readText(batch, batch.tables[table]!, row, column)
  inside('exec', (row) => `exec ${text('exec', row, 'argv')?.replaceAll('\0', ' ')}`)
  inside('file', (row) => `open ${text('file', row, 'path')}`)
  inside('network', (row) => `connect ${text('network', row, 'remoteIp')}`)
  inside('lifecycle', (row) => `exit ${readNumber(batch.tables.lifecycle!, row, 'exitCode')}`)
  const cgroups = batch.tables.cgroups
  for (let row = 0; row < (cgroups?.rowCount ?? 0); row++) {
    if (readNumber(cgroups!, row, 'cgroupId') === cgroupId)
      found.push(`cgroup ${readText(batch, cgroups!, row, 'cgroupPath')}`)
  }
  return found
}

const verdict = await check().catch((error: Error) => ({ captured: false, reason: String(error.stack) }))
console.log(`${MARK}${JSON.stringify({ release: release(), ...verdict })}`)
