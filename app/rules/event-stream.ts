/**
 * A made-up stream of a busy host, the same on every run, without an end. Novelty comes at a steady rate: per million
 * events exactly 5,000 processes, 50 containers and 100,000 strings that did not occur before.
 */
import type { Batch } from '../../core/batch/batch.ts'
import { BatchBuilder } from '../../core/batch/builder.ts'
import { EVENT_TYPES, type EventTypeName } from '../../core/fields/event-types.ts'

export const BATCH_ROWS = 4000
const ALIVE = 150
const CONTAINERS = 40
/** New ones per event. Each process brings one string (its arguments), each container two. */
const PROCESS_RATE = 0.005
const CONTAINER_RATE = 0.000_05
const ADDRESS_RATE = 0.02
const PATH_RATE = 0.1 - PROCESS_RATE - 2 * CONTAINER_RATE - ADDRESS_RATE
/** Strings that occurred before and may occur again. */
const REMEMBERED = 4000

const PROGRAMS =
  'nginx node python3 java postgres redis-server php-fpm sidekiq ruby envoy kubelet dockerd worker'.split(' ')
const DIRECTORIES =
  '/usr/lib/x86_64-linux-gnu /usr/share/zoneinfo /proc/self /var/lib/app/data /srv/www/assets /tmp /home/app/.cache /usr/local/lib/node_modules /var/log/app /sys/fs/cgroup'.split(
    ' ',
  )

interface Container {
  number: number
  image: number
}

interface Process {
  pid: number
  comm: string
  parent: Process | null
  container: Container | null
}

/** Draws a string: a new one whenever one is due, else one that occurred before; a few occur all the time. */
class Repertoire {
  private readonly make: (number: number) => string
  private readonly rate: number
  private readonly random: () => number
  private readonly known: string[] = []
  private made = 0

  constructor(rate: number, random: () => number, make: (number: number) => string) {
    this.rate = rate
    this.random = random
    this.make = make
  }

  /** `events`: how many there were so far. */
  draw(events: number): string {
    if (this.made > events * this.rate) return this.known[Math.floor(this.known.length * this.random() ** 4)]!
    const text = this.make(this.made++)
    if (this.known.length < REMEMBERED) this.known.push(text)
    else this.known[Math.floor(REMEMBERED * this.random())] = text
    return text
  }
}

/** Batches of so many events. */
export function* eventStream(batchRows = BATCH_ROWS): Generator<Batch> {
  const random = seeded(20261122)
  const int = (below: number) => Math.floor(random() * below)
  const paths = new Repertoire(PATH_RATE, random, (i) => {
    return `${DIRECTORIES[i % DIRECTORIES.length]}/${Math.imul(i, 2654435761) >>> 0}/entry-${i}.dat`
  })
  const addresses = new Repertoire(ADDRESS_RATE, random, (i) => `10.${i >>> 16}.${(i >>> 8) & 255}.${i & 255}`)
  let containersMade = 0
  const rootOf = (image: number): Process => ({
    pid: 10 + image,
    comm: image === 0 ? 'systemd' : 'containerd-shim',
    parent: null,
    container: image === 0 ? null : { number: containersMade++, image },
  })
  const roots = Array.from({ length: CONTAINERS }, (_, image) => rootOf(image))
  const alive: Process[] = []
  let born = 0
  const bear = (): Process => {
    const parent = random() < 0.6 || alive.length === 0 ? roots[int(CONTAINERS)]! : alive[int(alive.length)]!
    return { pid: 1200 + born++, comm: PROGRAMS[int(PROGRAMS.length)]!, parent, container: parent.container }
  }
  while (alive.length < ALIVE) alive.push(bear())
  let clock = 1_767_225_600_000_000_000n
  for (let events = 0; ; ) {
    const builder = new BatchBuilder(clock)
    const containerRows = new Map<Container, number>()
    const processRows = new Map<Process, number>()
    const containerRow = (container: Container | null): number | undefined => {
      if (container === null) return undefined
      const known = containerRows.get(container)
      if (known !== undefined) return known
      const row = builder.add('container', {
        containerId: `${container.number.toString(16).padStart(8, '0')}c0ffee00`.repeat(4),
        containerName: `app-${container.number}`,
        imageName: `registry/app-${container.image}:1`,
        imageRepository: `registry/app-${container.image}`,
        imageTag: '1',
        privileged: 0,
        mounts: '',
      })
      containerRows.set(container, row)
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
    for (let i = 0; i < batchRows; i++, events++) {
      clock += 3000n
      if (containersMade - CONTAINERS < events * CONTAINER_RATE) {
        const image = 1 + int(CONTAINERS - 1)
        roots[image] = rootOf(image)
      }
      const isNew = born - ALIVE < events * PROCESS_RATE
      const at = int(ALIVE)
      if (isNew) alive[at] = bear()
      const process = alive[at]!
      const call = (type: EventTypeName, ret: number) => ({
        type: EVENT_TYPES[type].code,
        process: processRow(process),
        tid: process.pid,
        ret,
        cpu: i & 3,
      })
      const kind = random()
      if (kind < 0.65) {
        const name = random() < 0.0025 ? '/etc/shadow' : paths.draw(events)
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
            ...(roll < 0.92 ? {} : { rawPath2: paths.draw(events) }),
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
          localIp: '10.255.0.7',
          localPort: 30000 + int(20000),
          remoteIp: addresses.draw(events),
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
