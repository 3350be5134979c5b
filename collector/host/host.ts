/**
 * Joins who to what: turns a raw batch of system calls, whose process table knows only numbers, into one that names
 * processes, ancestors, containers and users. Works per distinct process, never per event.
 */
import { type Batch, readNumber, type Table } from '../../core/batch/batch.ts'
import { type Row, tableOf } from '../../core/batch/builder.ts'
import { PROCESS_FLAGS } from '../../core/batch/schema.ts'
import type { CgroupOwners, Cgroups } from './cgroups.ts'
import { type ContainerFacts, containerRowOf } from './container-facts.ts'
import type { Containers } from './containers.ts'
import { type Image, keyOf, MAX_ANCESTORS, type ProcessEntry, type ProcessTree } from './process-tree.ts'
import type { UserNames } from './user-names.ts'

/** How long a batch waits for an engine's or a file's answer before it goes on without; once per container. */
const RESOLVE_MS = 1_000
const NAMES_MS = 200

export interface HostOptions {
  tree: ProcessTree
  cgroups: Cgroups
  containers: Containers
  users: UserNames
  /** Wall clock minus boot clock, ns. */
  bootOffsetNs: number
  /** Pid of Seamark itself in the host pid namespace, if known. */
  selfPid?: number
}

/** A process as one batch refers to it. */
interface Subject {
  entry: ProcessEntry
  image: Image
  container: ContainerFacts | null
  byAncestry: boolean
}

export class Host {
  /** Contexts without known facts so far, by reason. */
  readonly unresolved = { process: 0, container: 0 }
  private readonly options: HostOptions

  constructor(options: HostOptions) {
    this.options = options
  }

  /** Applies a raw batch to what is known and names everything in it. The rows of events stay as they are. */
  async join(batch: Batch): Promise<Batch> {
    const processes = batch.tables.process
    this.options.cgroups.apply(batch)
    if (processes !== undefined) await this.resolveContainers(processes)
    this.options.tree.apply(batch)
    const { cgroups: _, ...tables } = batch.tables
    if (processes === undefined) return { ...batch, tables }
    const subjects = Array.from({ length: processes.rowCount }, (_, row) => this.subjectOf(processes, row))
    await this.refreshNames(subjects)
    const joined = this.rowsOf(processes, subjects)
    tables.process = tableOf('process', joined.processes, batch.strings)
    if (joined.containers.length > 0) tables.container = tableOf('container', joined.containers, batch.strings)
    return { ...batch, tables }
  }

  private async resolveContainers(processes: Table): Promise<void> {
    const { cgroups, containers } = this.options
    const seen = new Set<number>()
    const asked: CgroupOwners[] = []
    for (let row = 0; row < processes.rowCount; row++) {
      const cgroupId = readNumber(processes, row, 'cgroupId') ?? 0
      if (seen.has(cgroupId)) continue
      seen.add(cgroupId)
      const owners = cgroups.ownersOf(cgroupId, readNumber(processes, row, 'pid') ?? 0)
      if (containers.isUnresolved(owners)) asked.push(owners)
    }
    if (asked.length > 0) await within(RESOLVE_MS, Promise.all(asked.map((owners) => containers.resolve(owners))))
  }

  private subjectOf(processes: Table, row: number): Subject {
    const { cgroups, containers, tree } = this.options
    const key = keyOf(processes, row)
    const { entry, image } = tree.find(key)
    const own = containers.choose(cgroups.ownersOf(readNumber(processes, row, 'cgroupId') ?? 0, key.pid))
    if (own !== null) entry.containerId = own.id
    const inherited = own === null && image.entered && entry.containerId !== null
    const container = inherited ? this.factsOf(entry.containerId!) : own
    if (image.origin === 'missing') this.unresolved.process++
    if (container !== null && container.name === undefined) this.unresolved.container++
    return { entry, image, container, byAncestry: inherited }
  }

  private factsOf(containerId: string): ContainerFacts {
    return this.options.containers.get(containerId) ?? { id: containerId, runtime: 'docker' }
  }

  /** Names never read before are waited for, a short while; stale ones are read for the next batch. */
  private async refreshNames(subjects: readonly Subject[]): Promise<void> {
    const { users } = this.options
    const waits: Promise<void>[] = []
    const seen = new Set<string | null>()
    for (const { entry, image, container } of subjects) {
      const scope = container?.id ?? null
      // Before the entry the process still sees the host's files.
      if (seen.has(scope) || (container !== null && !image.entered) || !users.isStale(scope)) continue
      seen.add(scope)
      const refresh = users.refresh(scope, container?.pid ?? entry.pid)
      if (!users.isKnown(scope)) waits.push(refresh)
    }
    if (waits.length > 0) await within(NAMES_MS, Promise.all(waits))
  }

  private rowsOf(raw: Table, subjects: readonly Subject[]): { processes: Row[]; containers: Row[] } {
    const processes: Row[] = []
    const containers: Row[] = []
    const containerRows = new Map<string, number>()
    const ancestorRows = new Map<ProcessEntry, number>()
    const containerRef = (facts: ContainerFacts | null): number | undefined => {
      if (facts === null) return undefined
      const known = containerRows.get(facts.id)
      if (known !== undefined) return known
      const row = containers.push(containerRowOf(facts)) - 1
      containerRows.set(facts.id, row)
      return row
    }
    for (let i = 0; i < subjects.length; i++) {
      const { container, ...subject } = subjects[i]!
      processes.push(this.row(subject, container, containerRef(container), identityOf(raw, i)))
    }
    const ancestorRef = (entry: ProcessEntry | null, depth: number): number | undefined => {
      if (entry === null || depth > MAX_ANCESTORS) return undefined
      const known = ancestorRows.get(entry)
      if (known !== undefined) return known
      const image = entry.images.at(-1) ?? MISSING
      const container = entry.containerId === null ? null : this.factsOf(entry.containerId)
      const identity: Row = { pid: entry.pid, startNs: entry.startNs, execCount: Math.max(image.execCount, 0) }
      if (entry.vpid !== undefined) identity.vpid = entry.vpid
      if (entry.parent !== null) identity.ppid = entry.parent.pid
      const row =
        processes.push(this.row({ entry, image, byAncestry: false }, container, containerRef(container), identity)) - 1
      ancestorRows.set(entry, row)
      const parent = ancestorRef(entry.parent, depth + 1)
      if (parent !== undefined) processes[row]!.parent = parent
      return row
    }
    subjects.forEach(({ entry }, i) => {
      const parent = ancestorRef(entry.parent, 1)
      if (parent !== undefined) processes[i]!.parent = parent
    })
    return { processes, containers }
  }

  private row(
    { entry, image, byAncestry }: Omit<Subject, 'container'>,
    container: ContainerFacts | null,
    containerRow: number | undefined,
    identity: Row,
  ): Row {
    const { users, bootOffsetNs, selfPid } = this.options
    const isRuntime = container !== null && !image.entered
    const scope = isRuntime ? null : (container?.id ?? null)
    const row: Row = {
      ...image.facts,
      ...identity,
      startTime: BigInt(Math.round(entry.startNs + bootOffsetNs)),
      processFlags:
        (isRuntime ? PROCESS_FLAGS.runtime : 0) |
        (entry.isKernelThread ? PROCESS_FLAGS.kernelThread : 0) |
        (byAncestry ? PROCESS_FLAGS.containerByAncestry : 0) |
        (image.origin === 'proc' ? PROCESS_FLAGS.fromProc : 0) |
        (image.origin === 'missing' ? PROCESS_FLAGS.factsMissing : 0) |
        (entry.pid === selfPid ? PROCESS_FLAGS.self : 0),
    }
    if (containerRow !== undefined) row.container = containerRow
    const userName = users.userName(scope, identity.uid as number | undefined)
    if (userName !== undefined) row.userName = userName
    const groupName = users.groupName(scope, identity.gid as number | undefined)
    if (groupName !== undefined) row.groupName = groupName
    const loginName = users.userName(null, image.facts.loginUid as number | undefined)
    if (loginName !== undefined) row.loginName = loginName
    return row
  }
}

const MISSING: Image = { execCount: 0, facts: {}, origin: 'missing', entered: false }

const IDENTITY_COLUMNS = [
  'pid',
  'startNs',
  'execCount',
  'processVersion',
  'cgroupId',
  'uid',
  'gid',
  'vpid',
  'ppid',
  'parentStartNs',
  'pidNs',
  'mntNs',
] as const

function identityOf(raw: Table, row: number): Row {
  const identity: Row = {}
  for (const column of IDENTITY_COLUMNS) {
    const value = readNumber(raw, row, column)
    if (value !== undefined) identity[column] = value
  }
  return identity
}

/** Waits for the work or the limit, whichever comes first. */
async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work, limit])
  clearTimeout(timer)
}
