/**
 * Names the holder of a lease so that others can tell when it died: a process that was killed cannot give its lease
 * back, and waiting for the lease to end would delay what it held.
 */
import { readFileSync, readlinkSync } from 'node:fs'

let counter = 0

/** Unique per consumer: boot, pid namespace, pid, start time of the process, number. */
export function newOwner(): string {
  counter += 1
  return `${hostPart()}/${process.pid}/${startTicks(process.pid) ?? 0}/${Math.random().toString(36).slice(2)}${counter}`
}

/** False only when it is certain that the process is gone: same boot and namespace, and no such process. */
export function mayBeAlive(owner: string): boolean {
  const [boot, namespace, pid, ticks] = owner.split('/')
  const [ownBoot, ownNamespace] = hostPart().split('/')
  if (boot !== ownBoot) return false
  if (namespace !== ownNamespace) return true
  const now = startTicks(Number(pid))
  return now !== undefined && String(now) === ticks
}

function hostPart(): string {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    return `${boot}/${readlinkSync('/proc/self/ns/pid').replace(/\D/g, '')}`
  } catch {
    return 'unknown/unknown'
  }
}

/** Field 22 of /proc/PID/stat (proc_pid_stat(5)): pids are reused, start times within one boot are not. */
function startTicks(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    // A zombie holds no lease any more.
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}
