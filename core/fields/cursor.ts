/**
 * A position in a batch: an event's row with its process and container. One cursor is moved over many rows, so that
 * nothing is allocated per event. All walks over ancestors are bounded, because parents in a hostile batch can form a
 * circle.
 */
import {
  ABSENT,
  type Batch,
  containerRow,
  processRow,
  readNumber,
  readText,
  type Table,
  timeNs,
} from '../batch/batch.ts'
import type { ColumnName } from '../batch/schema.ts'
import { EVENT_TYPE_NAMES, type EventTypeName } from './event-types.ts'

/** How far up the process tree anything looks. */
export const MAX_ANCESTORS = 32

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
  private processes: Table | undefined = undefined
  private containers: Table | undefined = undefined

  /** Begins a batch; the cursor stands nowhere until it is moved. */
  open(batch: Batch): void {
    this.batch = batch
    this.processes = batch.tables.process
    this.containers = batch.tables.container
    this.table = NOWHERE
    this.row = this.process = this.container = -1
  }

  moveTo(table: Table, row: number): void {
    this.table = table
    this.row = row
    this.process = processRow(table, row)
    this.container = containerRow(this.batch, table, row)
  }

  /** Stands on a process without an event. */
  moveToProcess(process: number): void {
    this.table = NOWHERE
    this.row = -1
    this.process = process
    this.container = this.processes === undefined ? -1 : referenceAt(this.processes, process, 'container')
  }

  /** Lets go of the batch, so that a compiled rule set does not keep it in memory. */
  close(): void {
    this.open(NO_BATCH)
  }

  get type(): EventTypeName | undefined {
    const code = this.table.columns.type?.[this.row]
    return EVENT_TYPE_NAMES.get(code as number)
  }

  /** Event time, ns since the Unix epoch. */
  get timeNs(): bigint {
    return timeNs(this.batch, this.table, this.row)
  }

  text(column: ColumnName): string | undefined {
    return readText(this.batch, this.table, this.row, column)
  }

  number(column: ColumnName): number | undefined {
    return readNumber(this.table, this.row, column)
  }

  processText(column: ColumnName, process = this.process): string | undefined {
    return process < 0 || this.processes === undefined
      ? undefined
      : readText(this.batch, this.processes, process, column)
  }

  processNumber(column: ColumnName, process = this.process): number | undefined {
    return process < 0 || this.processes === undefined ? undefined : readNumber(this.processes, process, column)
  }

  containerText(column: ColumnName): string | undefined {
    if (this.container < 0 || this.containers === undefined) return undefined
    return readText(this.batch, this.containers, this.container, column)
  }

  containerNumber(column: ColumnName): number | undefined {
    if (this.container < 0 || this.containers === undefined) return undefined
    return readNumber(this.containers, this.container, column)
  }

  /** An absolute time (i64 column), ns since the Unix epoch. */
  processTime(column: ColumnName, process = this.process): bigint | undefined {
    return process < 0 ? undefined : timeAt(this.processes, process, column)
  }

  containerTime(column: ColumnName): bigint | undefined {
    return this.container < 0 ? undefined : timeAt(this.containers, this.container, column)
  }

  /** The ancestor `generations` up (0 is the process itself, 1 its parent), or -1. */
  ancestor(generations: number, process = this.process): number {
    if (generations > MAX_ANCESTORS || this.processes === undefined) return -1
    let at = process
    for (let i = 0; i < generations && at >= 0; i++) at = referenceAt(this.processes, at, 'parent')
    return at
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
}

function referenceAt(table: Table, row: number, column: 'parent' | 'container'): number {
  const raw = (table.columns[column] as Uint32Array | undefined)?.[row]
  return raw === undefined || raw === ABSENT.ref ? -1 : raw
}

function timeAt(table: Table | undefined, row: number, column: ColumnName): bigint | undefined {
  const raw = table?.columns[column]?.[row]
  return typeof raw === 'bigint' && raw !== ABSENT.i64 ? raw : undefined
}
