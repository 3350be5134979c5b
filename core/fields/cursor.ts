/**
 * A position in a batch: an event's row with its process and container. One cursor is moved over many rows, so that
 * nothing is allocated per event. All walks over ancestors are bounded, because parents in a hostile batch can form a
 * circle.
 */
import { ABSENT, type Batch, type ColumnData, type Table, timeNs } from '../batch/batch.ts'
import type { ColumnName } from '../batch/columns.ts'
import { type ColumnSlots, NO_SLOTS, numberAt, referenceAt, SLOTS, slotsOf, textIndexAt } from './column-slots.ts'
import { EVENT_TYPE_NAMES, type EventTypeName } from './event-types.ts'

/** How far up the process tree anything looks. */
export const MAX_ANCESTORS = 32

/** An array: this is asked several times per event. */
const TYPES_BY_CODE: (EventTypeName | undefined)[] = []
for (const [code, name] of EVENT_TYPE_NAMES) TYPES_BY_CODE[code] = name

const NOWHERE: Table = { name: 'health', rowCount: 0, columns: {} }
const NO_BATCH = { baseNs: 0n, tables: {} } as unknown as Batch

export class Cursor {
  batch: Batch = NO_BATCH
  table: Table = NOWHERE
  row = -1
  /** Row of the process table, or -1. */
  process = -1
  /** Row of the container table, or -1: the host. */
  container = -1
  /** Known only where a detection is written. */
  hostname: string | undefined = undefined
  /** Columns of the table the cursor stands in, of the process and of the container table. */
  private own: ColumnSlots = NO_SLOTS
  private processes: ColumnSlots = NO_SLOTS
  private containers: ColumnSlots = NO_SLOTS
  private readonly resolved = new Map<Table, ColumnSlots>()

  /** Begins a batch, whose columns are looked up once; the cursor stands nowhere until it is moved. */
  open(batch: Batch): void {
    const { process, container } = batch.tables
    this.batch = batch
    this.resolved.clear()
    this.processes = process === undefined ? NO_SLOTS : slotsOf(process)
    this.containers = container === undefined ? NO_SLOTS : slotsOf(container)
    this.leaveTable()
    this.process = this.container = -1
  }

  moveTo(table: Table, row: number): void {
    if (table !== this.table) this.enterTable(table)
    this.row = row
    this.process = referenceAt(this.own[SLOTS.process], row)
    const container = referenceAt(this.own[SLOTS.container], row)
    this.container = container >= 0 ? container : referenceAt(this.processes[SLOTS.container], this.process)
  }

  /** Stands on a process without an event. */
  moveToProcess(process: number): void {
    this.leaveTable()
    this.process = process
    this.container = referenceAt(this.processes[SLOTS.container], process)
  }

  private enterTable(table: Table): void {
    let slots = this.resolved.get(table)
    if (slots === undefined) {
      slots = slotsOf(table)
      this.resolved.set(table, slots)
    }
    this.table = table
    this.own = slots
  }

  private leaveTable(): void {
    this.table = NOWHERE
    this.own = NO_SLOTS
    this.row = -1
  }

  /** Lets go of the batch, so that a compiled rule set does not keep it in memory. */
  close(): void {
    this.open(NO_BATCH)
  }

  get type(): EventTypeName | undefined {
    const code = numberAt(this.own, SLOTS.type, this.row)
    return code === undefined ? undefined : TYPES_BY_CODE[code]
  }

  /** Event time, ns since the Unix epoch. */
  get timeNs(): bigint {
    return timeNs(this.batch, this.table, this.row)
  }

  text(column: ColumnName): string | undefined {
    return this.textIn(this.own, SLOTS[column], this.row)
  }

  number(column: ColumnName): number | undefined {
    return numberAt(this.own, SLOTS[column], this.row)
  }

  processText(column: ColumnName, process = this.process): string | undefined {
    return this.textIn(this.processes, SLOTS[column], process)
  }

  processNumber(column: ColumnName, process = this.process): number | undefined {
    return numberAt(this.processes, SLOTS[column], process)
  }

  containerText(column: ColumnName): string | undefined {
    return this.textIn(this.containers, SLOTS[column], this.container)
  }

  containerNumber(column: ColumnName): number | undefined {
    return numberAt(this.containers, SLOTS[column], this.container)
  }

  /** An absolute time (i64 column), ns since the Unix epoch. */
  processTime(column: ColumnName, process = this.process): bigint | undefined {
    return timeIn(this.processes[SLOTS[column]], process)
  }

  containerTime(column: ColumnName): bigint | undefined {
    return timeIn(this.containers[SLOTS[column]], this.container)
  }

  /** The ancestor `generations` up (0 is the process itself, 1 its parent), or -1. */
  ancestor(generations: number, process = this.process): number {
    if (generations > MAX_ANCESTORS) return -1
    const parents = this.processes[SLOTS.parent]
    let at = process
    for (let i = 0; i < generations && at >= 0; i++) at = referenceAt(parents, at)
    return at
  }

  /** Row of the container that a process is in, or -1. */
  containerOf(process: number): number {
    return referenceAt(this.processes[SLOTS.container], process)
  }

  /** Calls back from the parent upwards until it returns true or the ancestors end. */
  someAncestor(found: (process: number) => boolean): boolean {
    let at = this.process
    for (let i = 0; i < MAX_ANCESTORS; i++) {
      at = this.ancestor(1, at)
      if (at < 0) return false
      if (found(at)) return true
    }
    return false
  }

  private textIn(columns: ColumnSlots, slot: number, row: number): string | undefined {
    const index = textIndexAt(columns[slot], row)
    return index === ABSENT.str ? undefined : this.batch.strings.text(index)
  }
}

function timeIn(data: ColumnData | undefined, row: number): bigint | undefined {
  const raw = row < 0 ? undefined : data?.[row]
  return typeof raw === 'bigint' && raw !== ABSENT.i64 ? raw : undefined
}
