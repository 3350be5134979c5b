/** Rows of a batch's process table: one for each state of a process that events of the batch saw, and its ancestors. */
import type { BatchBuilder, Row } from '../../../core/batch/builder.ts'
import { MAX_ANCESTORS } from '../../../core/fields/cursor.ts'
import type { CapturedContainers } from './containers.ts'
import type { Thread, Threads } from './threads.ts'
import type { Users } from './users.ts'

interface KnownRow {
  /** State of all threads when the row was made. */
  version: number
  row: number
}

export class ProcessRows {
  private readonly builder: BatchBuilder
  private readonly threads: Threads
  private readonly users: Users
  private readonly containers: CapturedContainers
  private readonly known = new Map<Thread, KnownRow>()
  /** The same facts and the same parent are the same row, however often something else changed. */
  private readonly same = new Map<Thread, { state: string; row: number }>()
  private readonly containerRows = new Map<string, number>()

  constructor(builder: BatchBuilder, threads: Threads, users: Users, containers: CapturedContainers) {
    this.builder = builder
    this.threads = threads
    this.users = users
    this.containers = containers
  }

  /** What names of containers and users mean has changed. */
  forget(): void {
    this.known.clear()
    this.same.clear()
    this.containerRows.clear()
  }

  /** The row of a thread as it is now. */
  rowOf(thread: Thread, depth = 0): number {
    const known = this.known.get(thread)
    if (known !== undefined && known.version === this.threads.version) return known.row
    const parent = depth < MAX_ANCESTORS ? this.threads.parent(thread) : undefined
    const parentRow = parent === undefined ? undefined : this.rowOf(parent, depth + 1)
    const row = this.makeRow(thread, parentRow)
    this.known.set(thread, { version: this.threads.version, row })
    return row
  }

  private makeRow(thread: Thread, parentRow: number | undefined): number {
    const main = this.threads.leader(thread)
    const state = `${thread.revision} ${main.tid} ${main.revision} ${main.ptid} ${parentRow}`
    const same = this.same.get(thread)
    if (same?.state === state) return same.row
    const row = this.builder.add('process', this.columns(thread, parentRow))
    this.same.set(thread, { state, row })
    return row
  }

  private columns(thread: Thread, parent: number | undefined): Row {
    const { facts } = thread
    const row: Row = { execCount: thread.execCount }
    const set = (column: keyof Row, value: Row[keyof Row]) => {
      if (value !== undefined) row[column] = value
    }
    if (!thread.isUnknown) {
      set('pid', id(thread.pid))
      set('ppid', id(this.threads.leader(thread).ptid))
    }
    set('parent', parent)
    // A thread that the capture does not describe is one without a name, as in Falco.
    set('comm', facts.comm ?? (thread.isUnknown ? '<NA>' : undefined))
    set('exePath', facts.exePath)
    const exe = facts.exe ?? (thread.isUnknown ? '<NA>' : undefined)
    set('argv', exe === undefined ? undefined : `${exe}\0${facts.args ?? ''}`)
    set('env', facts.env)
    set('cwd', withSlash(this.threads.leader(thread).facts.cwd))
    set('tty', facts.tty)
    set('sid', facts.sid)
    set('pgid', facts.pgid)
    set('vpgid', facts.vpgid)
    set('vpid', facts.vpid)
    set('loginUid', facts.loginUid)
    set('capPermitted', facts.capPermitted)
    set('capEffective', facts.capEffective)
    set('capInheritable', facts.capInheritable)
    set('exeInode', facts.exeInode)
    set('exeCtime', facts.exeCtimeNs)
    set('exeMtime', facts.exeMtimeNs)
    set('exeFlags', facts.exeFlags)
    set('uid', facts.uid)
    set('gid', facts.gid)
    set('userName', facts.uid === undefined ? undefined : this.users.users.get(facts.uid))
    set('groupName', facts.gid === undefined ? undefined : this.users.groups.get(facts.gid))
    set('loginName', facts.loginUid === undefined ? undefined : this.users.users.get(facts.loginUid))
    // The list is the host's: what users of a container have is not in the capture.
    const isKnownUser = facts.uid !== undefined && facts.containerId === undefined
    const account = isKnownUser ? this.users.accounts.get(facts.uid!) : undefined
    set('userHome', account?.home)
    set('userShell', account?.shell)
    set('startTime', thread.startNs)
    set('cgroupPaths', facts.cgroups)
    const main = this.threads.leader(thread).facts
    set('descriptorLimit', main.fdLimit)
    set('vmSizeKb', main.vmSizeKb)
    set('vmRssKb', main.vmRssKb)
    set('vmSwapKb', main.vmSwapKb)
    set('majorFaults', facts.majorFaults)
    set('minorFaults', facts.minorFaults)
    set('container', facts.containerId === undefined ? undefined : this.containerRow(facts.containerId))
    return row
  }

  private containerRow(containerId: string): number {
    let row = this.containerRows.get(containerId)
    if (row === undefined) {
      row = this.builder.add('container', this.containers.rowOf(containerId))
      this.containerRows.set(containerId, row)
    }
    return row
  }
}

function id(value: number): number | undefined {
  return value >= 0 && value < 0xffffffff ? value : undefined
}

/** As Falco has directories: rules ask whether one starts with `/dev/shm/`. */
export function withSlash(directory: string | undefined): string | undefined {
  return directory === undefined || directory.endsWith('/') ? directory : `${directory}/`
}
