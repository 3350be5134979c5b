/**
 * What a process holds at the moment, from /proc: read when a batch is joined, only where some rule or output asks. Lists
 * are bounded; how long the kernel takes to tell is the caller's to watch. A process that is gone, or whose number another
 * one has now, gives nothing. Never throws.
 */
import { type Dir, opendirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Row } from '../../core/batch/builder.ts'
import type { CaptureWant } from '../../core/model/source.ts'
import { socketsOf } from './proc-sockets.ts'

export const STATE_COLUMNS = [
  'vmSizeKb',
  'vmRssKb',
  'vmSwapKb',
  'majorFaults',
  'minorFaults',
  'threadCount',
  'cpuTimeNs',
  'descriptorCount',
  'descriptorLimit',
  'descriptors',
  'cgroupPaths',
] as const

export type ProcessState = Pick<Row, (typeof STATE_COLUMNS)[number]>

export const NO_STATE: ProcessState = Object.freeze({})

const TICK_NS = 1e9 / 100
/** Counted no further: a process with more is not looked through for each batch. */
const MAX_COUNTED = 65_536
const MAX_LISTED = 256
const LAST_NAMED = 2
/** include/uapi/asm-generic/fcntl.h */
const O_DIRECTORY = 0o200000
const MAX_CGROUP_BYTES = 16 * 1024

export interface ProcessStateOptions {
  wants: ReadonlySet<CaptureWant>
  procRoot?: string
}

/** `startNs` is the process's own, ns since boot, to tell it from a later one with the same number. */
export function readProcessState(pid: number, startNs: number, options: ProcessStateOptions): ProcessState {
  const { wants, procRoot = '/proc' } = options
  const directory = join(procRoot, String(pid))
  const stat = read(join(directory, 'stat'))
  if (stat === null) return NO_STATE
  // Counted from the last parenthesis: the name inside may hold some itself. Numbers as in proc(5), less three.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const at = (field: number) => Number(fields[field - 3] ?? Number.NaN)
  if (Math.abs(at(22) * TICK_NS - startNs) > TICK_NS) return NO_STATE
  const state: ProcessState = {}
  if (wants.has('resources')) {
    const status = read(join(directory, 'status')) ?? ''
    set(state, 'vmSizeKb', kilobytes(status, 'VmSize'))
    set(state, 'vmRssKb', kilobytes(status, 'VmRSS'))
    set(state, 'vmSwapKb', kilobytes(status, 'VmSwap'))
    set(state, 'minorFaults', at(10))
    set(state, 'majorFaults', at(12))
    set(state, 'threadCount', at(20))
    set(state, 'cpuTimeNs', (at(14) + at(15)) * TICK_NS)
  }
  if (wants.has('descriptors')) readDescriptors(directory, state)
  if (wants.has('cgroups')) {
    const text = read(join(directory, 'cgroup'))
    if (text !== null) state.cgroupPaths = cgroupPaths(text.slice(0, MAX_CGROUP_BYTES))
  }
  return state
}

/** Lines of /proc/PID/cgroup: `4:cpu,cpuacct:/path`; the second version's hierarchy has no controllers. */
export function cgroupPaths(text: string): string {
  const entries: string[] = []
  for (const line of text.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? []
    if (controllers === undefined) continue
    const names = controllers === '' ? ['unified'] : controllers.split(',').map((name) => name.replace(/^name=/, ''))
    for (const name of names) entries.push(`${name}=${path}`)
  }
  return entries.join('\0')
}

function readDescriptors(directory: string, state: ProcessState): void {
  const limit = /^Max open files +(\d+)/m.exec(read(join(directory, 'limits')) ?? '')?.[1]
  if (limit !== undefined) state.descriptorLimit = Number(limit)
  const numbers = listDescriptors(join(directory, 'fd'))
  if (numbers === null) return
  state.descriptorCount = numbers.length
  numbers.sort((a, b) => a - b)
  const found = numbers.slice(0, MAX_LISTED).map((number) => {
    return { number, target: link(join(directory, 'fd', String(number))) ?? '' }
  })
  const inodes = found.flatMap(({ target }) => socketInode(target) ?? [])
  const sockets = inodes.length === 0 ? new Map() : socketsOf(join(directory, 'net'), new Set(inodes))
  const parts = found.flatMap(({ number, target }) => {
    const socket = sockets.get(socketInode(target))
    const type = socket?.type ?? descriptorType(target, join(directory, 'fdinfo', String(number)))
    return [String(number), type, number <= LAST_NAMED ? (socket?.name ?? target) : '']
  })
  // A name is a path and cannot hold the separator.
  state.descriptors = parts.join('\0')
}

function listDescriptors(path: string): number[] | null {
  let directory: Dir
  try {
    directory = opendirSync(path, { bufferSize: 256 })
  } catch {
    return null
  }
  const numbers: number[] = []
  try {
    for (
      let entry = directory.readSync();
      entry !== null && numbers.length < MAX_COUNTED;
      entry = directory.readSync()
    ) {
      numbers.push(Number(entry.name))
    }
  } catch {
    // The process ended meanwhile: what was seen until then counts.
  } finally {
    directory.closeSync()
  }
  return numbers
}

function socketInode(target: string): string | undefined {
  return /^socket:\[(\d+)\]$/.exec(target)?.[1]
}

/** What the kernel calls anonymous inodes, and Falco's names for them. */
const ANONYMOUS: Readonly<Record<string, string>> = {
  eventfd: 'event',
  eventpoll: 'eventpoll',
  inotify: 'inotify',
  signalfd: 'signalfd',
  timerfd: 'timerfd',
  userfaultfd: 'userfaultfd',
  io_uring: 'io_uring',
  pidfd: 'pidfd',
}

function descriptorType(target: string, infoPath: string): string {
  if (target.startsWith('pipe:')) return 'pipe'
  if (target.startsWith('socket:')) return 'other'
  if (target.startsWith('anon_inode:')) {
    const kind = /^anon_inode:\[?([a-z_]+)/.exec(target)?.[1] ?? ''
    if (kind.startsWith('bpf')) return 'bpf'
    return Object.hasOwn(ANONYMOUS, kind) ? ANONYMOUS[kind]! : 'other'
  }
  if (target.startsWith('/memfd:')) return 'memfd'
  // The file itself is not asked: on a file system of the container's making it could answer never.
  const flags = /^flags:\s+([0-7]+)$/m.exec(read(infoPath) ?? '')?.[1]
  return flags !== undefined && (Number.parseInt(flags, 8) & O_DIRECTORY) !== 0 ? 'directory' : 'file'
}

function set(state: ProcessState, column: (typeof STATE_COLUMNS)[number], value: number | undefined): void {
  if (value !== undefined && Number.isFinite(value)) state[column] = value
}

function kilobytes(status: string, key: string): number | undefined {
  const value = new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]
  return value === undefined ? undefined : Number(value)
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return null
  }
}

function link(path: string): string | null {
  try {
    return readlinkSync(path, 'latin1')
  } catch {
    return null
  }
}
