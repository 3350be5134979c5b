/**
 * Gives equal processes equal numbers, across batches, so that what was judged for a process once need not be judged
 * again. Two rows are equal when everything a rule can read of a process is: all their columns, their container's, and
 * the same for every ancestor. Nothing rests on pids or times being unique, which a hostile host could forge.
 */
import type { Batch, Table } from '../batch/batch.ts'
import { COLUMNS, type ColumnName } from '../batch/schema.ts'
import { MAX_ANCESTORS } from '../fields/cursor.ts'

/** Numbers given out before everything is forgotten (more if one batch needs more). */
const MAX_IDENTITIES = 8192
/** The number of "no process". */
export const NO_PROCESS = 0

export class ProcessIdentities {
  /** Numbers lie below this; it grows only in `open`. */
  capacity = MAX_IDENTITIES
  private count = 1
  private readonly known = new Map<string, number>()
  private batch: Batch | null = null
  private rows = new Int32Array(0)
  private containers = new Map<number, string>()

  /** Begins a batch. True: all numbers given out before are void. */
  open(batch: Batch): boolean {
    this.batch = batch
    this.containers.clear()
    const rowCount = batch.tables.process?.rowCount ?? 0
    if (this.rows.length < rowCount) this.rows = new Int32Array(rowCount * 2)
    else this.rows.fill(0, 0, rowCount)
    if (this.count + rowCount <= this.capacity) return false
    this.capacity = Math.max(MAX_IDENTITIES, (rowCount + 1) * 2)
    this.known.clear()
    this.count = 1
    return true
  }

  close(): void {
    this.batch = null
  }

  /** The number of a row of the process table; anything beyond the table has none. */
  of(row: number): number {
    const known = this.rows[row]
    if (known !== undefined && known !== 0) return known
    const table = this.batch?.tables.process
    if (table === undefined || row >= table.rowCount) return NO_PROCESS
    return this.identify(table, row)
  }

  /** Ancestors first. A circle, or more ancestors than anyone looks at, makes a row equal to no other. */
  private identify(table: Table, row: number): number {
    const parents = table.columns.parent as Uint32Array | undefined
    const path: number[] = []
    let at = row
    while (at < table.rowCount && this.rows[at] === 0 && path.length <= MAX_ANCESTORS && !path.includes(at)) {
      path.push(at)
      at = parents?.[at] ?? 0xffffffff
    }
    let parent = at < table.rowCount ? this.rows[at]! : NO_PROCESS
    if (at < table.rowCount && parent === 0) {
      const own = this.count++
      this.rows[row] = own
      return own
    }
    for (const step of path.reverse()) {
      const key = `${parent};${this.containerOf(table, step)};${contentOf(this.batch!, table, step)}`
      parent = this.known.get(key) ?? this.count
      if (parent === this.count) {
        this.known.set(key, parent)
        this.count++
      }
      this.rows[step] = parent
    }
    return parent
  }

  private containerOf(table: Table, row: number): string {
    const reference = (table.columns.container as Uint32Array | undefined)?.[row] ?? 0xffffffff
    const containers = this.batch!.tables.container
    if (containers === undefined || reference >= containers.rowCount) return ''
    let content = this.containers.get(reference)
    if (content === undefined) {
      content = contentOf(this.batch!, containers, reference)
      this.containers.set(reference, content)
    }
    return content
  }
}

/** Every cell of a row, each with its column and (for text) its length, so that no two rows read alike by accident. */
function contentOf(batch: Batch, table: Table, row: number): string {
  let key = ''
  for (const name in table.columns) {
    if (name === 'parent' || name === 'container') continue
    const raw = table.columns[name as ColumnName]![row]!
    const { id, kind } = COLUMNS[name as ColumnName]
    if (kind !== 'str') key += `${id}=${raw},`
    else if (raw !== 0) {
      const text = batch.strings.text(raw as number)
      key += `${id}:${text.length}:${text},`
    }
  }
  return key
}
