/** What is known of a process image, and how to learn it from /proc for processes that started before the capture. */
import { readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ABSENT, type Batch, readCell, type Table } from '../../core/batch/batch.ts'
import type { Row } from '../../core/batch/builder.ts'
import { EXE_FLAGS } from '../../core/batch/columns.ts'

/** The columns that describe an image; they are equal in exec rows and in the process table. */
export const FACT_COLUMNS = [
  'comm',
  'exePath',
  'argv',
  'env',
  'cwd',
  'tty',
  'sid',
  'pgid',
  'vsid',
  'vpgid',
  'loginUid',
  'capPermitted',
  'capEffective',
  'capInheritable',
  'exeInode',
  'exeCtime',
  'exeMtime',
  'exeFlags',
] as const

export type ProcessFacts = Pick<Row, (typeof FACT_COLUMNS)[number]>

/** The facts an exec row carries. */
export function factsOfRow(batch: Batch, table: Table, row: number): ProcessFacts {
  const facts: ProcessFacts = {}
  for (const column of FACT_COLUMNS) {
    const value = readCell(batch, table, row, column)
    if (value !== undefined) facts[column] = value
  }
  return facts
}

export interface ProcProcess {
  pid: number
  ppid: number
  /** ns since boot, as the kernel's clock ticks give it (10 ms steps). */
  startNs: number
  facts: ProcessFacts
  uid: number
  gid: number
  vpid: number
  mntNs: number | undefined
  isKernelThread: boolean
}

const TICK_NS = 1e9 / 100
const MAX_CMDLINE_BYTES = 4096

/** Reads one process; null when it is gone or hidden. Never throws. */
export function readProc(pid: number, procRoot = '/proc'): ProcProcess | null {
  const directory = join(procRoot, String(pid))
  const stat = read(join(directory, 'stat'))
  const status = read(join(directory, 'status'))
  if (stat === null || status === null) return null
  // The name stands in parentheses and may hold some itself: fields are counted from the last one.
  const close = stat.lastIndexOf(')')
  const comm = stat.slice(stat.indexOf('(') + 1, close)
  const fields = stat
    .slice(close + 2)
    .split(' ')
    .map(Number)
  const [ppid = 0, pgid = 0, sid = 0, tty = 0] = fields.slice(1, 5)
  const startTicks = fields[19] ?? 0
  const flags = fields[6] ?? 0
  const exePath = link(join(directory, 'exe'))
  const exe = exePath === null ? undefined : statSync(join(directory, 'exe'), { bigint: true, throwIfNoEntry: false })
  const cwd = link(join(directory, 'cwd'))
  const argv = (read(join(directory, 'cmdline')) ?? '').slice(0, MAX_CMDLINE_BYTES).replace(/\0+$/, '')
  const loginUid = Number(read(join(directory, 'loginuid')) ?? ABSENT.u32)
  const isDeleted = exePath?.endsWith(' (deleted)') === true
  const facts: ProcessFacts = {
    comm,
    argv,
    tty,
    sid,
    pgid,
    vsid: last(status, 'NSsid') ?? sid,
    vpgid: last(status, 'NSpgid') ?? pgid,
    ...(exePath === null ? {} : { exePath: isDeleted ? exePath.slice(0, -' (deleted)'.length) : exePath }),
    ...(cwd === null ? {} : { cwd }),
    ...(loginUid === ABSENT.u32 || !Number.isFinite(loginUid) ? {} : { loginUid }),
    ...capability(status, 'CapPrm', 'capPermitted'),
    ...capability(status, 'CapEff', 'capEffective'),
    ...capability(status, 'CapInh', 'capInheritable'),
    ...(exe === undefined
      ? {}
      : {
          exeInode: Number(exe.ino),
          exeCtime: exe.ctimeNs,
          exeMtime: exe.mtimeNs,
          exeFlags: isDeleted && exePath?.startsWith('/memfd:') ? EXE_FLAGS.memfd : 0,
        }),
  }
  return {
    pid,
    ppid,
    startNs: startTicks * TICK_NS,
    facts,
    uid: Number(line(status, 'Uid')?.split('\t')[1] ?? 0),
    gid: Number(line(status, 'Gid')?.split('\t')[1] ?? 0),
    vpid: last(status, 'NSpid') ?? pid,
    mntNs: namespaceInode(join(directory, 'ns/mnt')),
    // PF_KTHREAD, include/linux/sched.h.
    isKernelThread: (flags & 0x00200000) !== 0,
  }
}

/** The inode behind /proc/PID/ns/NAME; undefined when it may not be read. */
export function namespaceInode(path: string): number | undefined {
  const match = /\[(\d+)\]$/.exec(link(path) ?? '')
  return match === null ? undefined : Number(match[1])
}

function line(status: string, key: string): string | undefined {
  const start = status.startsWith(`${key}:`) ? 0 : status.indexOf(`\n${key}:`) + 1
  if (start === 0 && !status.startsWith(`${key}:`)) return undefined
  const end = status.indexOf('\n', start)
  return status.slice(start + key.length + 1, end < 0 ? undefined : end).trim()
}

/** The innermost namespace's number. */
function last(status: string, key: string): number | undefined {
  const value = line(status, key)?.split('\t').at(-1)
  return value === undefined || value === '' ? undefined : Number(value)
}

function capability<K extends string>(status: string, key: string, column: K): { [P in K]?: number } {
  const value = line(status, key)
  return value === undefined ? {} : ({ [column]: Number(BigInt(`0x${value}`)) } as { [P in K]: number })
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
