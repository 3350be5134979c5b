/** A made-up stream of a busy host, the same on every run. */
import type { Batch } from '../core/batch/batch.ts'
import { BatchBuilder } from '../core/batch/builder.ts'
import { EVENT_TYPES, type EventTypeName } from '../core/fields/event-types.ts'

export const BATCH_ROWS = 4000
const PROCESSES = 5000
const ALIVE = 150
const CONTAINERS = 40
const STRINGS = 100_000

const PROGRAMS =
  'nginx node python3 java postgres redis-server php-fpm sidekiq ruby envoy kubelet dockerd worker'.split(' ')
const DIRECTORIES =
  '/usr/lib/x86_64-linux-gnu /usr/share/zoneinfo /proc/self /var/lib/app/data /srv/www/assets /tmp /home/app/.cache /usr/local/lib/node_modules /var/log/app /sys/fs/cgroup'.split(
    ' ',
  )

interface Process {
  pid: number
  comm: string
  parent: Process | null
  container: number
}

/** Batches of BATCH_ROWS events until `events` are out; another first pid (a multiple of 300) gives other processes. */
export function* eventStream(events: number, firstPid = 1200): Generator<Batch> {
  const random = seeded(20261122)
  const int = (below: number) => Math.floor(random() * below)
  // A few strings are named all the time, most hardly ever.
  const path = () => {
    const i = Math.floor(STRINGS * random() ** 4)
    return `${DIRECTORIES[i % DIRECTORIES.length]}/${(i * 2654435761) >>> 0}/entry-${i}.dat`
  }
  const roots: Process[] = Array.from({ length: CONTAINERS }, (_, i) => ({
    pid: 10 + i,
    comm: i === 0 ? 'systemd' : 'containerd-shim',
    parent: null,
    container: i === 0 ? -1 : i,
  }))
  const alive: Process[] = []
  let born = 0
  const bear = (): Process => {
    const parent = random() < 0.6 || alive.length === 0 ? roots[int(CONTAINERS)]! : alive[int(alive.length)]!
    return { pid: firstPid + born++, comm: PROGRAMS[int(PROGRAMS.length)]!, parent, container: parent.container }
  }
  while (alive.length < ALIVE) alive.push(bear())
  let clock = 1_767_225_600_000_000_000n
  for (let done = 0; done < events; done += BATCH_ROWS) {
    const builder = new BatchBuilder(clock)
    const containerRows = new Map<number, number>()
    const processRows = new Map<Process, number>()
    const containerRow = (i: number): number | undefined => {
      if (i < 0) return undefined
      const known = containerRows.get(i)
      if (known !== undefined) return known
      const row = builder.add('container', {
        containerId: `${i.toString(16).padStart(4, '0')}c0ffee`.repeat(6),
        containerName: `app-${i}`,
        imageName: `registry/app-${i}:1`,
        imageRepository: `registry/app-${i}`,
        imageTag: '1',
        privileged: 0,
        mounts: '',
      })
      containerRows.set(i, row)
      return row
    }
    const processRow = (process: Process): number => {
      const known = processRows.get(process)
      if (known !== undefined) return known
      const parent = process.parent === null ? undefined : processRow(process.parent)
      const container = containerRow(process.container)
      const row = builder.add('process', {
        pid: process.pid,
        vpid: process.pid % 100,
        ppid: process.parent?.pid ?? 1,
        comm: process.comm,
        exePath: `/usr/bin/${process.comm}`,
        argv: `${process.comm}\0--config\0/etc/app/${process.pid}.conf\0--worker`,
        cwd: '/srv/app',
        tty: 0,
        uid: process.pid % 3 === 0 ? 0 : 1000,
        gid: 1000,
        userName: process.pid % 3 === 0 ? 'root' : 'app',
        sid: process.pid,
        startNs: process.pid * 1e6,
        execCount: 1,
        startTime: 1_767_225_000_000_000_000n + BigInt(process.pid) * 1_000_000n,
        capPermitted: 0,
        capEffective: 0,
        processFlags: 0,
        ...(parent === undefined ? {} : { parent }),
        ...(container === undefined ? {} : { container }),
      })
      processRows.set(process, row)
      return row
    }
    const rows = Math.min(BATCH_ROWS, events - done)
    for (let i = 0; i < rows; i++) {
      clock += 3000n
      if (random() < PROCESSES / events) alive[int(ALIVE)] = bear()
      const process = alive[int(ALIVE)]!
      const call = (type: EventTypeName, ret: number) => ({
        type: EVENT_TYPES[type].code,
        process: processRow(process),
        tid: process.pid,
        ret,
        cpu: i & 3,
      })
      const kind = random()
      if (kind < 0.65) {
        const matching = random() < 0.0025
        const name = matching ? '/etc/shadow' : path()
        const roll = random()
        if (roll < 0.85) {
          const failed = random() < 0.1
          const file = {
            rawPath: name,
            flags: random() < 0.15 ? 0x241 : 0x80000,
            fd: failed ? -1 : 5 + (i % 20),
            fdType: random() < 0.1 ? 100 : 102,
            dirFd: -100,
          }
          builder.addEvent('file', clock, {
            ...call('openat', failed ? -2 : 5),
            ...file,
            ...(failed ? {} : { path: name, inode: i }),
          })
        } else
          builder.addEvent('file', clock, {
            ...call(roll < 0.92 ? 'unlinkat' : 'renameat', 0),
            rawPath: name,
            dirFd: -100,
            ...(roll < 0.92 ? {} : { rawPath2: `${name}.new` }),
          })
      } else if (kind < 0.8) {
        if (kind < 0.7)
          builder.addEvent('exec', clock, {
            ...call('execve', 0),
            rawPath: `/usr/bin/${process.comm}`,
            comm: process.comm,
          })
        else
          builder.addEvent(
            'lifecycle',
            clock,
            kind < 0.75 ? { ...call('clone', process.pid + 1), flags: 0x11 } : { ...call('procexit', 0), exitCode: 0 },
          )
      } else if (kind < 0.9) {
        builder.addEvent('network', clock, {
          ...call('connect', 0),
          fd: 7,
          fdType: 52,
          family: 2,
          protocol: 6,
          socketType: 1,
          localIp: '10.0.0.7',
          localPort: 30000 + int(20000),
          remoteIp: `10.${int(4)}.${int(250)}.${int(250)}`,
          remotePort: random() < 0.8 ? 443 : 5432,
          role: 1,
        })
      } else builder.addEvent('call', clock, { ...call(random() < 0.5 ? 'kill' : 'prctl', 0), arg0: 0, argUid: 1000 })
    }
    yield builder.build()
  }
}

function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
