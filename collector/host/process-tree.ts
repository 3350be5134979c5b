/**
 * Who is who on this host: every process with its images and its line of ancestors, fed by exec, fork and exit rows.
 * A context is keyed (pid, start, exec count) and does not change under its key. The parent is the one that forked the
 * process: being handed to a reaper hides nobody's origin.
 */
import { readdirSync } from 'node:fs'
import { type Batch, processRow, readNumber, readText, type Table } from '../../core/batch/batch.ts'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import { factsOfRow, type ProcessFacts, type ProcProcess, readProc } from './process-facts.ts'

/** Ancestors that are told of. */
export const MAX_ANCESTORS = 32
/** Lines are cut here, so that a chain of processes that fork and leave cannot keep all of them for ever. */
export const MAX_DEPTH = 4 * MAX_ANCESTORS
const MAX_IMAGES = 4
/** Late rows of other CPUs still refer to a process for a while after its exit. */
const EXIT_GRACE_MS = 30_000
/** /proc knows start times in clock ticks of 10 ms. */
const TICK_NS = 10_000_000

export interface Image {
  execCount: number
  facts: ProcessFacts
  /** Learnt from /proc or not at all, rather than from the exec itself. */
  origin: 'exec' | 'proc' | 'missing'
  /**
   * Whether this image or an ancestor's was executed inside a container, in a mount namespace other than the host's.
   * Before that, whatever runs in the container's cgroup is the runtime preparing it. Both facts come from the kernel;
   * a name or path could be chosen by an attacker.
   */
  entered: boolean
  /** Which image the parent ran when this one began; what the parent executes afterwards is not this one's origin. */
  parentExecCount?: number
}

export interface ProcessEntry {
  pid: number
  startNs: number
  parent: ProcessEntry | null
  depth: number
  /** Oldest first, at most four. */
  images: Image[]
  vpid: number | undefined
  mntNs: number | undefined
  /** Container by cgroup; once entered, it stays that of the ancestors when the process moves to a host cgroup. */
  containerId: string | null
  isKernelThread: boolean
  exitedAtMs: number | null
}

export interface ProcessTreeOptions {
  maxProcesses?: number
  procRoot?: string
  nowMs?: () => number
  /** Id of the container that a cgroup belongs to; `pid` lives in it. */
  containerOf: (cgroupId: number, pid: number) => string | null
  containerOfProcess: (pid: number) => string | null
  /** Without it no process can be told to be the runtime's, and none is. */
  hostMntNs: number | undefined
}

/** Identity columns of a process row in a raw batch. */
export interface ProcessKey {
  pid: number
  startNs: number
  execCount: number
}

export class ProcessTree {
  evicted = 0
  private readonly byPid = new Map<number, ProcessEntry[]>()
  /** In the order of their exits. */
  private readonly exited = new Set<ProcessEntry>()
  private count = 0
  private readonly maxProcesses: number
  private readonly procRoot: string
  private readonly nowMs: () => number
  private readonly options: ProcessTreeOptions

  constructor(options: ProcessTreeOptions) {
    this.options = options
    this.maxProcesses = options.maxProcesses ?? 100_000
    this.procRoot = options.procRoot ?? '/proc'
    this.nowMs = options.nowMs ?? Date.now
  }

  get size(): number {
    return this.count
  }

  /** Reads the processes that already run. Call it once the capture is attached, so that none falls between. */
  scan(): void {
    const found = new Map<number, { ppid: number; entry: ProcessEntry }>()
    for (const name of readdirSync(this.procRoot)) {
      if (!/^\d+$/.test(name) || this.byPid.has(Number(name))) continue
      const entry = this.readEntry(Number(name))
      if (entry !== null) found.set(entry.entry.pid, entry)
    }
    for (const { ppid, entry } of found.values()) this.link(entry, found.get(ppid)?.entry ?? this.latest(ppid))
  }

  /** Applies the births, execs, directory changes and exits of a raw batch, in the order of time. */
  apply(batch: Batch): void {
    const changes: { at: number; table: Table; row: number }[] = []
    for (const name of ['lifecycle', 'exec'] as const) {
      const table = batch.tables[name]
      if (table === undefined) continue
      const times = table.columns.time as Float64Array
      for (let row = 0; row < table.rowCount; row++) changes.push({ at: times[row]!, table, row })
    }
    const files = batch.tables.file
    const types = files?.columns.type as Uint16Array | undefined
    if (files !== undefined && types !== undefined) {
      const times = files.columns.time as Float64Array
      for (let row = 0; row < files.rowCount; row++) {
        if (types[row] === EVENT_TYPES.chdir.code || types[row] === EVENT_TYPES.fchdir.code) {
          changes.push({ at: times[row]!, table: files, row })
        }
      }
    }
    changes.sort((a, b) => a.at - b.at)
    for (const { table, row } of changes) this.applyRow(batch, table, row)
    this.forgetExited()
  }

  /** When the process that has this number now started, ns since boot. */
  startOf(pid: number): number | undefined {
    return this.latest(pid)?.startNs
  }

  /** The entry and image behind a key; learnt from /proc, or marked as missing, where the kernel's rows were not seen. */
  find(key: ProcessKey): { entry: ProcessEntry; image: Image } {
    const entry = this.entryOf(key.pid, key.startNs) ?? this.adopt(key)
    this.touch(entry.pid)
    const image = entry.images.find((candidate) => candidate.execCount === key.execCount)
    if (image !== undefined) return { entry, image }
    return { entry, image: this.learnImage(entry, key.execCount) }
  }

  private applyRow(batch: Batch, table: Table, row: number): void {
    const processes = batch.tables.process
    const at = processRow(table, row)
    if (processes === undefined || at < 0) return
    const key = keyOf(processes, at)
    const type = readNumber(table, row, 'type')
    if (table.name === 'exec') {
      if (readNumber(table, row, 'ret') === 0) this.applyExec(batch, table, row, key, processes, at)
    } else if (table.name === 'file') {
      const path = readText(batch, table, row, 'path')
      if (readNumber(table, row, 'ret') !== 0 || path === undefined) return
      const { image } = this.find(key)
      image.facts = { ...image.facts, cwd: path }
    } else if (type === EVENT_TYPES.procexit.code) {
      const entry = this.entryOf(key.pid, key.startNs)
      if (entry !== undefined && entry.exitedAtMs === null) {
        entry.exitedAtMs = this.nowMs()
        this.exited.add(entry)
      }
    } else {
      this.applyFork(batch, table, row, key)
    }
  }

  private applyExec(batch: Batch, table: Table, row: number, key: ProcessKey, processes: Table, at: number): void {
    const entry = this.entryOf(key.pid, key.startNs) ?? this.adopt(key)
    const before = entry.images.at(-1)
    const containerId = this.options.containerOf(readNumber(processes, at, 'cgroupId') ?? 0, key.pid)
    const mntNs = readNumber(processes, at, 'mntNs')
    const entered = before?.entered === true || (containerId !== null && this.isForeign(mntNs))
    const image: Image = {
      execCount: key.execCount,
      facts: factsOfRow(batch, table, row),
      origin: 'exec',
      entered,
      ...parentNow(entry),
    }
    entry.images = [...entry.images.filter((known) => known.execCount !== key.execCount), image].slice(-MAX_IMAGES)
    if (containerId !== null) entry.containerId = containerId
  }

  private isForeign(mntNs: number | undefined): boolean {
    return this.options.hostMntNs === undefined || mntNs !== this.options.hostMntNs
  }

  private applyFork(batch: Batch, table: Table, row: number, parentKey: ProcessKey): void {
    const pid = readNumber(table, row, 'childPid')
    const startNs = readNumber(table, row, 'childStartNs')
    if (pid === undefined || startNs === undefined || this.entryOf(pid, startNs) !== undefined) return
    const { entry: parent, image } = this.find(parentKey)
    const entry = this.insert(pid, startNs)
    // exec counts are inherited by fork, so the child starts under its parent's number and facts; and under the name
    // that the parent had given itself, which counts for what is born under it, as in Falco.
    const comm = readText(batch, table, row, 'comm')
    const facts = comm === undefined || comm === image.facts.comm ? image.facts : { ...image.facts, comm }
    entry.images.push({ ...image, facts, parentExecCount: image.execCount })
    entry.vpid = readNumber(table, row, 'childVpid')
    entry.mntNs = parent.mntNs
    entry.containerId = image.entered ? parent.containerId : null
    this.link(entry, parent)
  }

  /** A process whose birth was not seen: from /proc when it lives, else with nothing known. */
  private adopt(key: ProcessKey): ProcessEntry {
    const scanned = this.byPid.get(key.pid)?.find((entry) => isSameStart(entry.startNs, key.startNs))
    if (scanned !== undefined) {
      scanned.startNs = key.startNs
      for (const image of scanned.images) if (image.execCount < 0) image.execCount = key.execCount
      return scanned
    }
    const read = this.readEntry(key.pid, key)
    if (read === null) return this.insert(key.pid, key.startNs)
    this.link(read.entry, this.latest(read.ppid))
    return read.entry
  }

  private readEntry(pid: number, key?: ProcessKey): { ppid: number; entry: ProcessEntry } | null {
    const found = readProc(pid, this.procRoot)
    if (found === null || (key !== undefined && !isSameStart(found.startNs, key.startNs))) return null
    const entry = this.insert(pid, key?.startNs ?? found.startNs)
    // /proc does not tell the exec count: -1 until the first row of the process does.
    entry.containerId = this.options.containerOfProcess(pid)
    entry.images.push(this.procImage(key?.execCount ?? -1, found, entry))
    entry.vpid = found.vpid
    entry.mntNs = found.mntNs
    entry.isKernelThread = found.isKernelThread
    return { ppid: found.ppid, entry }
  }

  private learnImage(entry: ProcessEntry, execCount: number): Image {
    const pending = entry.images.find((image) => image.execCount < 0)
    if (pending !== undefined) {
      pending.execCount = execCount
      return pending
    }
    const found = entry.exitedAtMs === null ? readProc(entry.pid, this.procRoot) : null
    const image: Image =
      found !== null && isSameStart(found.startNs, entry.startNs)
        ? this.procImage(execCount, found, entry)
        : { execCount, facts: {}, origin: 'missing', entered: entry.images.at(-1)?.entered ?? false }
    entry.images = [...entry.images, image].slice(-MAX_IMAGES)
    return image
  }

  private procImage(execCount: number, found: ProcProcess, entry: ProcessEntry): Image {
    const entered = entry.images.at(-1)?.entered === true || (entry.containerId !== null && this.isForeign(found.mntNs))
    return { execCount, facts: found.facts, origin: 'proc', entered }
  }

  private entryOf(pid: number, startNs: number): ProcessEntry | undefined {
    return this.byPid.get(pid)?.find((entry) => entry.startNs === startNs)
  }

  /** Moves a pid to the end of the line for eviction: those least referred to go first, not those that live longest. */
  private touch(pid: number): void {
    const same = this.byPid.get(pid)
    if (same === undefined) return
    this.byPid.delete(pid)
    this.byPid.set(pid, same)
  }

  private latest(pid: number): ProcessEntry | null {
    return this.byPid.get(pid)?.at(-1) ?? null
  }

  private insert(pid: number, startNs: number): ProcessEntry {
    const entry: ProcessEntry = {
      pid,
      startNs,
      parent: null,
      depth: 0,
      images: [],
      vpid: undefined,
      mntNs: undefined,
      containerId: null,
      isKernelThread: false,
      exitedAtMs: null,
    }
    const same = this.byPid.get(pid)
    if (same === undefined) this.byPid.set(pid, [entry])
    else same.push(entry)
    this.count++
    if (this.count > this.maxProcesses) this.evictOldest()
    return entry
  }

  private link(entry: ProcessEntry, parent: ProcessEntry | null): void {
    if (parent === null || parent === entry) return
    entry.parent = parent
    entry.depth = parent.depth + 1
    if (entry.depth <= MAX_DEPTH) return
    // The line is cut on a copy of its own: the ancestors are those of others, too, who must not lose theirs.
    entry.parent = copyLine(parent, MAX_ANCESTORS)
    entry.depth = entry.parent.depth + 1
  }

  private forgetExited(): void {
    const before = this.nowMs() - EXIT_GRACE_MS
    for (const entry of this.exited) {
      if (entry.exitedAtMs! >= before) break
      this.remove(entry)
    }
  }

  private evictOldest(): void {
    const victim = this.exited.values().next().value ?? this.byPid.values().next().value?.[0]
    if (victim === undefined) return
    this.remove(victim)
    this.evicted++
  }

  private remove(entry: ProcessEntry): void {
    this.exited.delete(entry)
    const same = this.byPid.get(entry.pid)
    if (same === undefined || !same.includes(entry)) return
    if (same.length === 1) this.byPid.delete(entry.pid)
    else
      this.byPid.set(
        entry.pid,
        same.filter((other) => other !== entry),
      )
    this.count--
  }
}

/** The nearest `length` of a line as it stands now, apart from the tree. */
function copyLine(entry: ProcessEntry, length: number): ProcessEntry {
  const parent = length > 1 && entry.parent !== null ? copyLine(entry.parent, length - 1) : null
  return { ...entry, parent, depth: parent === null ? 0 : parent.depth + 1 }
}

/** The parent's image at the moment a row is applied; rows are applied in the order of time. */
function parentNow(entry: ProcessEntry): Pick<Image, 'parentExecCount'> {
  const image = entry.parent?.images.at(-1)
  return image === undefined ? {} : { parentExecCount: image.execCount }
}

/** The image of its parent that a process began under; the latest where that is not known. */
export function parentImage(entry: ProcessEntry, image: Image): Image | undefined {
  const images = entry.parent?.images
  return images?.find(({ execCount }) => execCount === image.parentExecCount) ?? images?.at(-1)
}

export function keyOf(processes: Table, row: number): ProcessKey {
  return {
    pid: readNumber(processes, row, 'pid') ?? 0,
    startNs: readNumber(processes, row, 'startNs') ?? 0,
    execCount: readNumber(processes, row, 'execCount') ?? 0,
  }
}

function isSameStart(procNs: number, kernelNs: number): boolean {
  return procNs === kernelNs || (kernelNs >= procNs && kernelNs < procNs + TICK_NS)
}
