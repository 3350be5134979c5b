/**
 * From the bytes of a capture to batches, in whatever pieces the bytes come. What a capture says of its machine is used
 * and kept up by its events. Nothing is held but that, one block and one batch in the making.
 */
import type { Batch } from '../../../core/batch/batch.ts'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import type { TableName } from '../../../core/batch/schema.ts'
import { isByName } from '../../../core/fields/calls-by-name.ts'
import { EVENT_TYPES, type EventTypeName } from '../../../core/fields/event-types.ts'
import { type Block, type BlockLimits, BlockReader } from './blocks.ts'
import type { CallHandler, CallRow, Machine, ReturnedCall } from './call.ts'
import { CapturedContainers } from './containers.ts'
import { Damage } from './damage.ts'
import { readDescriptorList } from './descriptors.ts'
import { EVENT_KINDS, isCounted } from './event-table.ts'
import { FILE_CALLS } from './file-calls.ts'
import { genericCall } from './generic-calls.ts'
import { Interfaces } from './interfaces.ts'
import { NAMED_CALLS } from './named-calls.ts'
import { NETWORK_CALLS } from './network-calls.ts'
import { OTHER_CALLS } from './other-calls.ts'
import { PROCESS_CALLS } from './process-calls.ts'
import { readProcessList } from './process-list.ts'
import { ProcessRows } from './process-rows.ts'
import { type EventHeader, readEventHeader, ScapEvent } from './scap-event.ts'
import { type Thread, type ThreadLimits, Threads } from './threads.ts'
import { Users } from './users.ts'

const MAX_ROWS = 4096
/** Times are in ns since 1970 and end in 2262, as those of batches do. */
const MAX_TIME_NS = 2n ** 63n

const HANDLERS: ReadonlyMap<string, CallHandler> = new Map(
  Object.entries({ ...NAMED_CALLS, ...OTHER_CALLS, ...FILE_CALLS, ...NETWORK_CALLS, ...PROCESS_CALLS }),
)

export interface DecoderOptions {
  blocks?: BlockLimits
  threads?: ThreadLimits
  maxRows?: number
  /**
   * Which calls become events of those that are judged only by name; where not given, all of them. What they change of the
   * machine is followed all the same.
   */
  eventTypes?: readonly string[]
  /** Makes a row without a type of every event that is none of Seamark's: for looking at what is known of processes. */
  everyEvent?: boolean
}

export class CaptureDecoder {
  private readonly options: DecoderOptions
  private readonly blocks: BlockReader
  private readonly machine: Machine
  private building: { builder: BatchBuilder; processes: ProcessRows } | null = null
  private counted = 0
  /** Null for all. */
  private readonly wanted: ReadonlySet<string> | null

  constructor(options: DecoderOptions = {}) {
    this.options = options
    this.wanted = options.eventTypes === undefined ? null : new Set(options.eventTypes)
    this.blocks = new BlockReader(options.blocks)
    this.machine = {
      threads: new Threads(options.threads),
      users: new Users(),
      interfaces: new Interfaces(),
      containers: new CapturedContainers(),
    }
  }

  /** Threads and descriptors that were not kept because there were too many. */
  get dropped(): { threads: number; descriptors: number } {
    return this.machine.threads.dropped
  }

  /** Where the next block begins, in the unpacked capture. */
  get position(): number {
    return this.blocks.position
  }

  /** Takes more of the capture and gives what is complete. Throws Damage; `finish` still gives what was before it. */
  *push(piece: Buffer): Generator<Batch> {
    this.blocks.push(piece)
    for (let block = this.blocks.next(); block !== null; block = this.blocks.next()) {
      this.take(block)
      if ((this.building?.builder.rowCount ?? 0) >= (this.options.maxRows ?? MAX_ROWS)) yield* this.finish()
    }
  }

  /** Says that the capture ends here. Throws Damage where it cannot. */
  end(): void {
    this.blocks.end()
  }

  /** The batch in the making, if there is one. */
  *finish(): Generator<Batch> {
    const { building } = this
    this.building = null
    if (building !== null && building.builder.rowCount > 0) yield building.builder.build()
  }

  private take(block: Block): void {
    const { threads, users, interfaces, containers } = this.machine
    switch (block.kind) {
      case 'section':
        // Captures written one after another into a file each describe their machine anew.
        threads.clear()
        users.clear()
        interfaces.clear()
        containers.clear()
        break
      case 'processes':
        readProcessList(block, (listed) =>
          threads.list(listed, listed.cgroups === undefined ? undefined : containers.idOf(listed.cgroups)),
        )
        break
      case 'descriptors':
        readDescriptorList(block, (tid, fd, descriptor) => {
          const thread = threads.find(tid)
          if (thread !== undefined) threads.setDescriptor(threads.leader(thread).descriptors, fd, descriptor)
        })
        break
      case 'users':
        users.clear()
        users.read(block)
        threads.version++
        break
      case 'interfaces':
        interfaces.clear()
        interfaces.read(block)
        break
      case 'event':
        this.takeEvent(block)
    }
  }

  private takeEvent(block: Block): void {
    const header = readEventHeader(block)
    if (header.timeNs >= MAX_TIME_NS) throw new Damage(block.offset, 'an event has a time after the year 2262')
    if (isCounted(header.code)) this.counted++
    const thread = header.tid >= 0 ? this.machine.threads.get(header.tid) : null
    const event = this.isIdle(header.code) ? null : ScapEvent.read(block, header, thread?.entry ?? null)
    if (event === null) {
      if (this.options.everyEvent && thread !== null && isCounted(header.code))
        this.add(header, thread, undefined, UNTYPED)
    } else if (event.kind.isExit) {
      this.takeReturn(header, event, thread)
      if (thread !== null) thread.entry = null
    } else if (thread !== null) {
      thread.entry = event.kind.parameters.length > 0 ? event.kept() : null
    }
  }

  /** Whether an event is of no use: nothing asks for it, and it changes nothing. */
  private isIdle(code: number): boolean {
    const call = EVENT_KINDS.get(code)?.call
    return call !== undefined && Object.hasOwn(NAMED_CALLS, call) && !this.isWanted(call)
  }

  private isWanted(call: string): boolean {
    return this.wanted === null || this.wanted.has(call) || !isByName(call)
  }

  private takeReturn(header: EventHeader, event: ScapEvent, thread: Thread | null): void {
    const { call: name } = event.kind
    if (this.takeFact(name, event) || thread === null) return
    if (name === 'generic') {
      this.takeGeneric(header, event, thread)
      return
    }
    const handler = HANDLERS.get(name)
    const result = event.number('res') ?? (name === 'procexit' ? undefined : event.number('fd'))
    const call: ReturnedCall = { machine: this.machine, event, thread, timeNs: header.timeNs, result }
    const found = handler?.(call) ?? null
    const type = Object.hasOwn(EVENT_TYPES, name) ? EVENT_TYPES[name as EventTypeName].code : undefined
    if (found !== null && type !== undefined && this.isWanted(name))
      this.add(header, thread, result, { ...found, type })
    else if (this.options.everyEvent) this.add(header, thread, result, UNTYPED)
    if (name === 'procexit') this.machine.threads.end(thread, event.number('reaper'))
  }

  /** A call of which nothing is known but which one it was. */
  private takeGeneric(header: EventHeader, event: ScapEvent, thread: Thread): void {
    const name = genericCall(event.number('ID'), event.number('nativeID'))
    if (name !== undefined && this.isWanted(name)) {
      const { code, tables } = EVENT_TYPES[name]
      this.add(header, thread, undefined, { table: tables[0]!, row: {}, type: code })
    } else if (this.options.everyEvent) this.add(header, thread, undefined, UNTYPED)
  }

  /** Events that tell of containers and users. What comes after them is seen with what they say. */
  private takeFact(name: string, event: ScapEvent): boolean {
    const { containers, threads, users } = this.machine
    const id = event.number(name.startsWith('group') ? 'gid' : 'uid')
    if (name === 'container') containers.learn(event.text('json') ?? oldContainer(event))
    else if (name === 'async') {
      if (event.text('name') === 'container') containers.learn(event.text('data') ?? '')
    } else if (name === 'user_added' && id !== undefined) users.users.set(id, event.text('name') ?? '')
    else if (name === 'user_deleted' && id !== undefined) users.users.delete(id)
    else if (name === 'group_added' && id !== undefined) users.groups.set(id, event.text('name') ?? '')
    else if (name === 'group_deleted' && id !== undefined) users.groups.delete(id)
    else return false
    threads.version++
    this.building?.processes.forget()
    return true
  }

  private add(header: EventHeader, thread: Thread, ret: number | undefined, found: CallRow & { type?: number }): void {
    if (this.building === null) {
      const builder = new BatchBuilder(header.timeNs)
      const { threads, users, containers } = this.machine
      this.building = { builder, processes: new ProcessRows(builder, threads, users, containers) }
    }
    const { builder, processes } = this.building
    const row: Row = {
      ordinal: (this.counted - 1) >>> 0,
      process: processes.rowOf(thread),
      tid: thread.tid,
      cpu: header.cpu,
      abi: 0,
      ...found.row,
    }
    if (found.type !== undefined) row.type = found.type
    if (thread.facts.vtid !== undefined) row.vtid = thread.facts.vtid
    if (ret !== undefined) row.ret = ret
    builder.addEvent(found.table, header.timeNs, row)
  }
}

const UNTYPED: { table: TableName; row: Row } = { table: 'call', row: {} }

/** The oldest form of a container's event has parameters instead of JSON. */
function oldContainer(event: ScapEvent): string {
  const { id, type, name, image } = {
    id: event.text('id'),
    type: event.number('type'),
    name: event.text('name'),
    image: event.text('image'),
  }
  return JSON.stringify({ container: { id, type, name, image } })
}
