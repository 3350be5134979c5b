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

const DEFAULT_THREAD_LIMITS: ThreadLimits = { maxThreads: 131_072, maxDescriptors: 1_000_000 }

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
  /** `controller=path`, a NUL after each. */
  cgroups?: string | undefined
  fdLimit?: number | undefined
  vmSizeKb?: number | undefined
  vmRssKb?: number | undefined
  vmSwapKb?: number | undefined
  majorFaults?: number | undefined
  minorFaults?: number | undefined
}

/** Descriptors of the threads that share them. */
export type DescriptorTable = Map<number, Descriptor>

export interface Thread {
  tid: number
  pid: number
  /** Changed by `Threads.setParent` alone. */
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
const LOWER_LAYER = 16

export class Threads {
  /** Counts every change that a process's row or an ancestor's would show. */
  version = 0
  /** What did not fit, by what it was. */
  readonly dropped = { threads: 0, descriptors: 0 }
  private readonly limits: ThreadLimits
  private readonly byTid = new Map<number, Thread>()
  /** Kept threads by their parent's number, so that the end of a process costs as much as it has children. */
  private readonly children = new Map<number, Set<Thread>>()
  /** How many kept threads share a table. */
  private readonly sharers = new Map<DescriptorTable, number>()
  private descriptorCount = 0

  constructor(limits: ThreadLimits = DEFAULT_THREAD_LIMITS) {
    this.limits = limits
  }

  clear(): void {
    this.byTid.clear()
    this.children.clear()
    this.sharers.clear()
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
    this.enterChild(thread)
    this.share(thread.descriptors)
  }

  /** Forgets a thread; a process's children become their grandparent's, or `reaper`'s where that is known. */
  end(thread: Thread, reaper: number | undefined): void {
    this.remove(thread.tid)
    if (thread.tid !== thread.pid) return
    const heir = reaper !== undefined && reaper > 0 ? reaper : thread.ptid
    for (const child of [...(this.children.get(thread.pid) ?? [])]) this.setParent(child, heir)
    this.version++
  }

  setParent(thread: Thread, ptid: number): void {
    const isKept = this.byTid.get(thread.tid) === thread
    if (isKept) this.leaveParent(thread)
    thread.ptid = ptid
    if (isKept) this.enterChild(thread)
    this.changed(thread)
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

  /** Gives a thread another table. */
  setTable(thread: Thread, table: DescriptorTable): void {
    const isKept = this.byTid.get(thread.tid) === thread
    if (isKept) this.unshare(thread.descriptors)
    thread.descriptors = table
    if (isKept) this.share(table)
  }

  setDescriptor(table: DescriptorTable, fd: number, descriptor: Descriptor): void {
    if (!table.has(fd)) {
      if (this.descriptorCount >= this.limits.maxDescriptors) {
        this.dropped.descriptors++
        return
      }
      if (this.sharers.has(table)) this.descriptorCount++
    }
    table.set(fd, descriptor)
  }

  closeDescriptor(table: DescriptorTable, fd: number): void {
    if (table.delete(fd) && this.sharers.has(table)) this.descriptorCount--
  }

  /** Descriptors of a new process: its own copy of its parent's. */
  copyDescriptors(from: DescriptorTable): DescriptorTable {
    const copy: DescriptorTable = new Map()
    for (const [fd, descriptor] of from) {
      if (this.descriptorCount + copy.size >= this.limits.maxDescriptors) {
        this.dropped.descriptors += from.size - copy.size
        break
      }
      copy.set(fd, { ...descriptor })
    }
    return copy
  }

  private enterChild(thread: Thread): void {
    const siblings = this.children.get(thread.ptid)
    if (siblings === undefined) this.children.set(thread.ptid, new Set([thread]))
    else siblings.add(thread)
  }

  private leaveParent(thread: Thread): void {
    const siblings = this.children.get(thread.ptid)
    if (siblings?.delete(thread) && siblings.size === 0) this.children.delete(thread.ptid)
  }

  private remove(tid: number): void {
    const thread = this.byTid.get(tid)
    if (thread === undefined) return
    this.byTid.delete(tid)
    this.leaveParent(thread)
    this.unshare(thread.descriptors)
  }

  /** A table counts from the first thread that is kept and has it. */
  private share(table: DescriptorTable): void {
    const others = this.sharers.get(table) ?? 0
    if (others === 0) this.descriptorCount += table.size
    this.sharers.set(table, others + 1)
  }

  /** A table ends with the last thread that has it. */
  private unshare(table: DescriptorTable): void {
    const others = (this.sharers.get(table) ?? 1) - 1
    if (others > 0) this.sharers.set(table, others)
    else {
      this.sharers.delete(table)
      this.descriptorCount -= table.size
    }
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
      (listed.isFromMemfd ? MEMFD : 0) |
      (listed.isLowerLayer ? LOWER_LAYER : 0),
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
  set('cgroups', listed.cgroups)
  set('fdLimit', known(listed.fdLimit))
  set('vmSizeKb', listed.vmSizeKb)
  set('vmRssKb', listed.vmRssKb)
  set('vmSwapKb', listed.vmSwapKb)
  set('majorFaults', listed.majorFaults)
  set('minorFaults', listed.minorFaults)
  return facts
}

/** -1 stands for what was not known. */
function known(id: number | undefined): number | undefined {
  return id === undefined || id < 0 ? undefined : id
}
