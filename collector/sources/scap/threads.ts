/**
 * The threads of the captured machine: what its list says at the beginning, kept up by the events. Memory is bounded by
 * the number of threads and descriptors; what does not fit is not known and is counted.
 */
import type { Descriptor } from './descriptors.ts'
import type { ListedThread } from './process-list.ts'
import type { ScapEvent } from './scap-event.ts'

export interface ThreadLimits {
  maxThreads: number
  maxDescriptors: number
}

export const DEFAULT_THREAD_LIMITS: ThreadLimits = { maxThreads: 131_072, maxDescriptors: 1_000_000 }

/** What is known of a thread's image and identity. Strings are byte strings. */
export interface ThreadFacts {
  comm?: string | undefined
  exe?: string | undefined
  exePath?: string | undefined
  /** Arguments after the first, a NUL after each. */
  args?: string | undefined
  env?: string | undefined
  cwd?: string | undefined
  uid?: number | undefined
  gid?: number | undefined
  vtid?: number | undefined
  vpid?: number | undefined
  sid?: number | undefined
  pgid?: number | undefined
  vpgid?: number | undefined
  tty?: number | undefined
  loginUid?: number | undefined
  capInheritable?: number | undefined
  capPermitted?: number | undefined
  capEffective?: number | undefined
  exeInode?: number | undefined
  exeCtimeNs?: bigint | undefined
  exeMtimeNs?: bigint | undefined
  /** Bits of the column `exeFlags`. */
  exeFlags?: number | undefined
  containerId?: string | undefined
}

/** Descriptors of the threads that share them. */
export type DescriptorTable = Map<number, Descriptor>

export interface Thread {
  tid: number
  pid: number
  ptid: number
  facts: ThreadFacts
  /** ns since the Unix epoch; of threads in the list it is not known. */
  startNs: bigint | undefined
  /** Counts changes of this thread. */
  revision: number
  execCount: number
  descriptors: DescriptorTable
  /** The call that this thread is in. */
  entry: ScapEvent | null
  /** Nothing but its number is known. */
  isUnknown: boolean
}

/** What the kernel appends to the path of a file that is gone. */
const DELETED = / \(deleted\)$/
const WRITABLE = 4
const UPPER_LAYER = 1
const MEMFD = 2

export class Threads {
  /** Counts every change that a process's row or an ancestor's would show. */
  version = 0
  /** What did not fit, by what it was. */
  readonly dropped = { threads: 0, descriptors: 0 }
  private readonly limits: ThreadLimits
  private readonly byTid = new Map<number, Thread>()
  private descriptorCount = 0

  constructor(limits: ThreadLimits = DEFAULT_THREAD_LIMITS) {
    this.limits = limits
  }

  clear(): void {
    this.byTid.clear()
    this.descriptorCount = 0
    this.version++
  }

  find(tid: number): Thread | undefined {
    return this.byTid.get(tid)
  }

  /** A thread that events name; one that nothing is known of is made. */
  get(tid: number): Thread {
    const known = this.byTid.get(tid)
    if (known !== undefined) return known
    const thread = newThread(tid, tid, -1, {})
    thread.isUnknown = true
    this.put(thread)
    return thread
  }

  put(thread: Thread): void {
    this.version++
    if (!this.byTid.has(thread.tid) && this.byTid.size >= this.limits.maxThreads) {
      this.dropped.threads++
      return
    }
    this.remove(thread.tid)
    this.byTid.set(thread.tid, thread)
  }

  /** Forgets a thread; a process's children become their grandparent's, or `reaper`'s where that is known. */
  end(thread: Thread, reaper: number | undefined): void {
    this.remove(thread.tid)
    if (thread.tid !== thread.pid) return
    const heir = reaper !== undefined && reaper > 0 ? reaper : thread.ptid
    for (const other of this.byTid.values()) if (other.ptid === thread.pid) other.ptid = heir
    this.version++
  }

  /** Whoever changes a thread's facts says so. */
  changed(thread: Thread): void {
    thread.revision++
    this.version++
  }

  list(listed: ListedThread, containerId: string | undefined): void {
    const thread = newThread(listed.tid, listed.pid, listed.ptid, factsOf(listed, containerId))
    const leader = this.byTid.get(listed.pid)
    if (leader !== undefined && listed.tid !== listed.pid) thread.descriptors = leader.descriptors
    this.put(thread)
  }

  /** The main thread, which holds what threads share; the thread itself where that is not known. */
  leader(thread: Thread): Thread {
    return thread.tid === thread.pid ? thread : (this.byTid.get(thread.pid) ?? thread)
  }

  parent(thread: Thread): Thread | undefined {
    const main = this.leader(thread)
    const parent = main.ptid > 0 ? this.byTid.get(main.ptid) : undefined
    return parent === undefined || parent === main ? undefined : this.leader(parent)
  }

  setDescriptor(table: DescriptorTable, fd: number, descriptor: Descriptor): void {
    if (!table.has(fd)) {
      if (this.descriptorCount >= this.limits.maxDescriptors) {
        this.dropped.descriptors++
        return
      }
      this.descriptorCount++
    }
    table.set(fd, descriptor)
  }

  closeDescriptor(table: DescriptorTable, fd: number): void {
    if (table.delete(fd)) this.descriptorCount--
  }

  /** Descriptors of a new process: its own copy of its parent's. */
  copyDescriptors(from: DescriptorTable): DescriptorTable {
    const copy: DescriptorTable = new Map()
    for (const [fd, descriptor] of from) this.setDescriptor(copy, fd, { ...descriptor })
    return copy
  }

  private remove(tid: number): void {
    const thread = this.byTid.get(tid)
    if (thread === undefined) return
    this.byTid.delete(tid)
    // Shared tables end with their process.
    if (thread.tid === thread.pid) this.descriptorCount -= thread.descriptors.size
  }
}

export function newThread(tid: number, pid: number, ptid: number, facts: ThreadFacts): Thread {
  return {
    tid,
    pid,
    ptid,
    facts,
    startNs: undefined,
    revision: 0,
    execCount: 0,
    descriptors: new Map(),
    entry: null,
    isUnknown: false,
  }
}

function factsOf(listed: ListedThread, containerId: string | undefined): ThreadFacts {
  const facts: ThreadFacts = {
    comm: listed.comm,
    exe: listed.exe,
    args: listed.args,
    cwd: listed.cwd,
    uid: listed.uid,
    gid: listed.gid,
    tty: listed.tty ?? 0,
    exeFlags:
      (listed.isExeWritable ? WRITABLE : 0) |
      (listed.isUpperLayer ? UPPER_LAYER : 0) |
      (listed.isFromMemfd ? MEMFD : 0),
  }
  const set = <K extends keyof ThreadFacts>(name: K, value: ThreadFacts[K]) => {
    if (value !== undefined) facts[name] = value
  }
  set('exePath', listed.exePath === '' ? undefined : listed.exePath?.replace(DELETED, ''))
  set('env', listed.env)
  set('vtid', known(listed.vtid))
  set('vpid', known(listed.vpid))
  set('sid', known(listed.sid))
  set('vpgid', known(listed.vpgid))
  set('pgid', known(listed.pgid))
  set('loginUid', listed.loginUid)
  set('capInheritable', listed.capInheritable)
  set('capPermitted', listed.capPermitted)
  set('capEffective', listed.capEffective)
  set('exeInode', listed.exeInode)
  set('exeCtimeNs', listed.exeCtimeNs)
  set('exeMtimeNs', listed.exeMtimeNs)
  set('containerId', containerId)
  return facts
}

/** -1 stands for what was not known. */
function known(id: number | undefined): number | undefined {
  return id === undefined || id < 0 ? undefined : id
}
