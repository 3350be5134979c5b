/**
 * Joins who to what: turns a raw batch of system calls, whose process table knows only numbers, into one that names
 * processes, ancestors, containers and users. Works per distinct process, never per event.
 */
import { ABSENT, type Batch, type ColumnData, readNumber, type Table } from '../../core/batch/batch.ts'
import { type Row, tableOf } from '../../core/batch/builder.ts'
import type { Strings } from '../../core/batch/strings.ts'
import type { CapturePlan, CaptureWant } from '../../core/model/source.ts'
import { doneOrLate } from '../../core/runtime/deadline.ts'
import type { CgroupOwners, Cgroups } from './cgroups.ts'
import type { ContainerFacts } from './container-facts.ts'
import { containerRowOf } from './container-row.ts'
import type { Containers } from './containers.ts'
import type { DomainNames } from './domain-names.ts'
import { sandboxId } from './pod-facts.ts'
import { namespaceInode, readProc } from './process-facts.ts'
import { type ProcessRow, type ProcessRowsOptions, processTable, type Subject } from './process-rows.ts'
import { type ProcessStateOptions, readProcessState } from './process-state.ts'
import { type Image, keyOf, MAX_ANCESTORS, type ProcessEntry, type ProcessTree, parentImage } from './process-tree.ts'

/** How long a batch waits for an engine's or a file's answer before it goes on without; once per container. */
const RESOLVE_MS = 1_000
const NAMES_MS = 200
/** Processor time for what the processes of a batch hold at the moment; others on the machine do not count. */
const STATE_MS = 50
/** A process that takes longer by itself is not asked again. */
const SLOW_STATE_MS = 250

export interface HostOptions extends ProcessRowsOptions {
  tree: ProcessTree
  cgroups: Cgroups
  containers: Containers
  /** Without it no connection gets host names. */
  domains?: DomainNames
  procRoot?: string
}

export class Host {
  /** Contexts without known facts so far, by reason. */
  readonly unresolved = { process: 0, container: 0 }
  private readonly options: HostOptions
  /** Processes whose state there was no time for. */
  stateLeftOut = 0
  private awaitedNames: readonly string[] = []
  /** A process may hold so much that telling it takes seconds: each is asked so once. */
  private readonly slow = new WeakSet<object>()

  constructor(options: HostOptions) {
    this.options = options
  }

  /**
   * Applies a raw batch to what is known and names everything in it. `plan` says what is read for it besides. The rows
   * of events stay as they are. A recorded batch comes with the offset between the clocks that it was made under.
   */
  async join(
    batch: Batch,
    plan: Pick<CapturePlan, 'wants' | 'domains'> = {},
    bootOffsetNs = this.options.bootOffsetNs,
  ): Promise<Batch> {
    const processes = batch.tables.process
    this.options.cgroups.apply(batch)
    if (processes !== undefined) await this.resolveContainers(processes)
    this.options.tree.apply(batch)
    const { cgroups: _, ...tables } = batch.tables
    if (processes === undefined) return { ...batch, tables }
    const subjects = Array.from({ length: processes.rowCount }, (_, row) => this.subjectOf(processes, row))
    await this.refreshNames(processes, subjects)
    if (tables.network !== undefined) tables.network = await this.named(tables.network, batch.strings, plan.domains)
    const joined = this.rowsOf(subjects)
    const wants = new Set(plan.wants)
    this.addState(joined.processes.slice(0, processes.rowCount), processes, wants)
    tables.process = processTable(processes, joined.processes, batch.strings, {
      ...(bootOffsetNs !== undefined && { bootOffsetNs }),
      users: this.options.users,
      accounts: wants.has('accounts'),
    })
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
    if (asked.length > 0) await doneOrLate(RESOLVE_MS, Promise.all(asked.map((owners) => containers.resolve(owners))))
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

  /** The container that holds the namespaces of a pod, which may be the one given. */
  private sandboxOf(container: ContainerFacts): ContainerFacts | undefined {
    const id = sandboxId(container)
    return id === container.id ? container : id === undefined ? undefined : this.options.containers.get(id)
  }

  private factsOf(containerId: string): ContainerFacts {
    return this.options.containers.get(containerId) ?? { id: containerId, runtime: 'docker' }
  }

  /** Adds the host names of both ends to the rows of connections, where some rule names any. */
  private async named(network: Table, strings: Strings, names: readonly string[] = []): Promise<Table> {
    const { domains } = this.options
    if (domains === undefined || names.length === 0) return network
    const asked = domains.use(names)
    // Once for each set of rules: names that nobody answers for must not hold up every batch.
    if (names !== this.awaitedNames) {
      this.awaitedNames = names
      await doneOrLate(RESOLVE_MS, asked)
    }
    const localNames = this.namesOf(network.columns.localIp, strings)
    const remoteNames = this.namesOf(network.columns.remoteIp, strings)
    return {
      ...network,
      columns: { ...network.columns, ...(localNames && { localNames }), ...(remoteNames && { remoteNames }) },
    }
  }

  /** Null where no address has a name. Each address is looked at once, however many rows it is in. */
  private namesOf(addresses: ColumnData | undefined, strings: Strings): ColumnData | null {
    const { domains } = this.options
    if (addresses === undefined || domains === undefined || domains.addressCount === 0) return null
    const found = new Map<number, number>()
    let data: Uint32Array | null = null
    for (const [row, index] of (addresses as Uint32Array).entries()) {
      let names = found.get(index)
      if (names === undefined) {
        const text = index === ABSENT.str ? undefined : domains.namesOf(strings.text(index))
        names = text === undefined ? ABSENT.str : strings.intern(text)
        found.set(index, names)
      }
      if (names === ABSENT.str) continue
      data ??= new Uint32Array(addresses.length)
      data[row] = names
    }
    return data
  }

  /** Names nobody has are waited for, a short while; old ones are read again for the next batch. */
  private async refreshNames(processes: Table, subjects: readonly Subject[]): Promise<void> {
    const { users } = this.options
    const waits: Promise<void>[] = []
    const seen = new Set<string | null>()
    for (const [row, { entry, image, container }] of subjects.entries()) {
      const uid = readNumber(processes, row, 'uid')
      const scope = container?.id ?? null
      // Before the entry the process still sees the host's files.
      if (seen.has(scope) || (container !== null && !image.entered) || !users.isStale(scope, uid)) continue
      seen.add(scope)
      const refresh = users.refresh(scope, container?.pid ?? entry.pid)
      if (!users.isSettled(scope, uid)) waits.push(refresh)
    }
    if (waits.length > 0) await doneOrLate(NAMES_MS, Promise.all(waits))
  }

  /** What processes hold at the moment; ancestors are not asked. */
  private addState(rows: readonly ProcessRow[], processes: Table, wants: ReadonlySet<CaptureWant>): void {
    const isAsked = wants.has('resources') || wants.has('descriptors') || wants.has('cgroups')
    let leftMs = STATE_MS
    for (const [index, row] of rows.entries()) {
      if (isAsked) leftMs -= this.readState(row, wants, leftMs)
      if (!wants.has('pidns')) continue
      const startedNs = this.pidNamespaceStart(
        row,
        readNumber(processes, index, 'pidNs'),
        readNumber(processes, index, 'vpid'),
      )
      if (startedNs !== undefined) row.pidNsStartNs = startedNs
    }
  }

  /** How much processor time it took, ms. */
  private readState(row: ProcessRow, wants: ReadonlySet<CaptureWant>, leftMs: number): number {
    const { entry } = row
    if (leftMs <= 0 || this.slow.has(entry)) {
      this.stateLeftOut++
      return 0
    }
    const before = process.threadCpuUsage()
    row.state = readProcessState(entry.pid, entry.startNs, this.stateOptions(wants))
    const { user, system } = process.threadCpuUsage(before)
    const tookMs = (user + system) / 1_000
    if (tookMs > SLOW_STATE_MS) this.slow.add(entry)
    return tookMs
  }

  private stateOptions(wants: ReadonlySet<CaptureWant>): ProcessStateOptions {
    const { procRoot } = this.options
    return procRoot === undefined ? { wants } : { wants, procRoot }
  }

  /**
   * When the first process of a namespace started, ns since boot: the process itself, an ancestor, or the first of its
   * container, whichever is number 1 in there.
   */
  private pidNamespaceStart(
    { entry, container }: Subject,
    pidNs: number | undefined,
    vpid: number | undefined,
  ): number | undefined {
    if (pidNs === undefined) return undefined
    if (vpid === 1) return entry.startNs
    const candidates = [container?.pid, 1]
    let ancestor = entry.parent
    for (let i = 0; i < MAX_ANCESTORS && ancestor !== null; i++, ancestor = ancestor.parent) {
      if (ancestor.vpid === 1) candidates.unshift(ancestor.pid)
    }
    const root = this.options.procRoot ?? '/proc'
    const first = candidates.find((pid) => pid !== undefined && namespaceInode(`${root}/${pid}/ns/pid`) === pidNs)
    if (first === undefined) return undefined
    return this.options.tree.startOf(first) ?? readProc(first, root)?.startNs
  }

  /** The rows of the raw table, then every ancestor, then the containers they are in. */
  private rowsOf(subjects: readonly Subject[]): { processes: ProcessRow[]; containers: Row[] } {
    const processes: ProcessRow[] = []
    const containers: Row[] = []
    const containerRows = new Map<string, number>()
    /** By image: a process that executed something in between is two ancestors. */
    const ancestorRows = new Map<Image | ProcessEntry, number>()
    const add = ({ entry, image, container, byAncestry }: Subject): number => {
      let containerRow: number = ABSENT.ref
      if (container !== null) {
        containerRow =
          containerRows.get(container.id) ?? containers.push(containerRowOf(container, this.sandboxOf(container))) - 1
        containerRows.set(container.id, containerRow)
      }
      return processes.push({ entry, image, container, byAncestry, containerRow, parentRow: ABSENT.ref }) - 1
    }
    const parentRow = (child: ProcessEntry, childImage: Image, depth: number): number => {
      const entry = child.parent
      if (entry === null || depth > MAX_ANCESTORS) return ABSENT.ref
      const image = parentImage(child, childImage)
      const known = ancestorRows.get(image ?? entry)
      if (known !== undefined) return known
      const container = entry.containerId === null ? null : this.factsOf(entry.containerId)
      const row = add({ entry, image: image ?? MISSING, container, byAncestry: false })
      ancestorRows.set(image ?? entry, row)
      processes[row]!.parentRow = parentRow(entry, image ?? MISSING, depth + 1)
      return row
    }
    for (const subject of subjects) add(subject)
    for (const [row, { entry, image }] of subjects.entries()) processes[row]!.parentRow = parentRow(entry, image, 1)
    return { processes, containers }
  }
}

const MISSING: Image = { execCount: 0, facts: {}, origin: 'missing', entered: false }
