/** Small batches with few distinct values, so that conditions over the same values often hold. */
import type { Batch } from '../../core/batch/batch.ts'
import { BatchBuilder } from '../../core/batch/builder.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'

export type Random = () => number

/** xorshift32: the same seed gives the same stream. */
export function seeded(seed: number): Random {
  let state = seed | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

export function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!
}

export const NAMES = ['sh', 'bash', 'nginx', 'curl', 'sshd']
export const PATHS = [
  '/etc/passwd',
  '/etc',
  '/etc/shadow',
  '/usr/bin/ls',
  '/tmp/a/../b',
  '/home/u/.ssh/id_rsa',
  '/',
  '/tmp/\xff',
  '/etc/',
  '/etc//ssh/x',
  '/passwd',
  'pipe:[7]',
  '',
]
export const IPS = ['127.0.0.1', '10.1.2.3', '192.0.2.7', '::1', '2001:db8::5']

const FILE_CALLS = ['openat', 'open', 'unlink', 'rename', 'dup', 'fchmod'] as const
/** Judged only where a rule names them, by the table of their rows. */
export const NAMED = {
  file: ['read', 'write', 'close', 'access', 'newfstatat', 'move_mount', 'fsync'],
  network: ['read', 'write', 'shutdown', 'getsockopt'],
  call: ['mmap', 'futex', 'eventfd2', 'poll'],
} as const

export function randomBatch(random: Random): Batch {
  const maybe = <T>(value: T): T | undefined => (random() < 0.75 ? value : undefined)
  const builder = new BatchBuilder(1_700_000_000_000_000_000n)
  for (let i = 0; i < 3; i++) {
    builder.add(
      'container',
      clean({
        containerId: maybe(pick(random, ['3f5a9c1e77b2d08e', 'aaaabbbbccccdddd'])),
        imageRepository: maybe(pick(random, ['nginx', 'busybox'])),
        privileged: maybe(random() < 0.5 ? 1 : 0),
        mounts: maybe(pick(random, ['/etc\0/host\0\0true\0', '/a:1\0/b\0ro\0false\0\0/\0/root\0\0true\0', ''])),
        labels: maybe('a=b\0io.kubernetes.pod.name=web'),
      }),
    )
  }
  const processes = 8
  for (let i = 0; i < processes; i++) {
    builder.add(
      'process',
      clean({
        pid: 100 + i,
        vpid: maybe(i),
        comm: maybe(pick(random, NAMES)),
        exePath: maybe(pick(random, ['/bin/sh', '/usr/sbin/nginx'])),
        argv: maybe(pick(random, ['sh\0-c\0id', 'nginx', 'curl\0http://x', ''])),
        tty: maybe(random() < 0.5 ? 0 : 34816),
        uid: maybe(pick(random, [0, 1000])),
        userName: maybe(pick(random, ['root', 'web'])),
        // Any row may be the parent, itself too: circles happen in hostile batches.
        parent: maybe(Math.floor(random() * processes)),
        container: maybe(Math.floor(random() * 3)),
        processFlags: maybe(pick(random, [0, 1])),
        startTime: maybe(1_700_000_000_000_000_000n - BigInt(Math.floor(random() * 10)) * 1_000_000_000n),
      }),
    )
  }
  const call = () => ({
    process: maybe(Math.floor(random() * processes)),
    ret: maybe(pick(random, [0, 3, -2])),
    tid: 100,
  })
  const at = () => builder.baseNs + BigInt(Math.floor(random() * 1e9))
  for (let i = 0; i < 6; i++) {
    builder.addEvent(
      'exec',
      at(),
      clean({
        type: EVENT_TYPES[pick(random, ['execve', 'execveat'] as const)].code,
        ...call(),
        rawPath: maybe(pick(random, PATHS)),
      }),
    )
    builder.addEvent(
      'file',
      at(),
      clean({
        type: EVENT_TYPES[pick(random, [...FILE_CALLS, ...NAMED.file])].code,
        ...call(),
        fd: maybe(pick(random, [3, -1])),
        fdType: maybe(102),
        path: maybe(pick(random, PATHS)),
        rawPath: maybe(pick(random, [...PATHS, 'passwd', '../x'])),
        rawPath2: maybe(pick(random, PATHS)),
        flags: maybe(pick(random, [0, 1, 0o102])),
        size: maybe(pick(random, [3, 100])),
        arg1: maybe(pick(random, [1, 3])),
      }),
    )
    builder.addEvent(
      'network',
      at(),
      clean({
        type: EVENT_TYPES[pick(random, ['connect', 'accept', 'sendto', 'dup', ...NAMED.network] as const)].code,
        ...call(),
        fd: maybe(4),
        family: maybe(2),
        protocol: maybe(pick(random, [6, 17])),
        localIp: maybe(pick(random, IPS)),
        localPort: maybe(pick(random, [80, 4711])),
        remoteIp: maybe(pick(random, IPS)),
        remotePort: maybe(pick(random, [80, 443])),
        role: maybe(pick(random, [1, 2])),
      }),
    )
    builder.addEvent(
      'call',
      at(),
      clean({
        type: EVENT_TYPES[pick(random, ['ptrace', 'setuid', ...NAMED.call] as const)].code,
        ...call(),
        arg0: maybe(16),
        argUid: maybe(0),
        fd: maybe(pick(random, [3, -1])),
        fdType: maybe(102),
        path: maybe(pick(random, PATHS)),
      }),
    )
    builder.addEvent(
      'docker',
      at(),
      clean({
        type: EVENT_TYPES.docker.code,
        container: maybe(Math.floor(random() * 3)),
        action: maybe(pick(random, ['start', 'die'])),
        objectType: maybe('container'),
      }),
    )
  }
  return builder.build()
}

function clean<T extends object>(row: T): { [K in keyof T]-?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as never
}
