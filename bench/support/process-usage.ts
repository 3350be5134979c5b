/** CPU and memory of another process, from /proc: all its threads, user and system. */
import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100

/** Seconds of CPU the process has used so far (resolution 10 ms). */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

/** Resident bytes without mappings of the kernel's ring buffers, which are memory of the kernel seen twice. */
export function residentBytes(pid: number): number {
  let bytes = 0
  let isRing = false
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) isRing = line.includes('bpf-map')
    else if (!isRing && line.startsWith('Rss:')) bytes += Number(/\d+/.exec(line)?.[0] ?? 0) * 1024
  }
  return bytes
}
