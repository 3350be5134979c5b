/**
 * Gives equal processes equal numbers, across batches, so that what was judged for a process once need not be judged
 * again. Two rows are equal when everything a rule can read of a process is: all their columns, their container's, and
 * the same for every ancestor. Nothing rests on pids or times being unique, which a hostile host could forge.
 */
import { ABSENT, type Batch, elementBytes, type Table } from '../batch/batch.ts'
import { COLUMNS, type ColumnName, TABLES } from '../batch/schema.ts'
import type { Strings } from '../batch/strings.ts'
import { MAX_ANCESTORS } from '../fields/cursor.ts'
import { ByteSequences } from './byte-sequences.ts'
import { LINEAGE_COLUMNS, STEADY_COLUMNS } from './steady-columns.ts'

/** Numbers given out before everything is forgotten (more if one batch needs more). */
export const MAX_IDENTITIES = 8192
/** Bytes of remembered text before everything is forgotten (likewise). */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
/** The number of "no process". */
export const NO_PROCESS = 0

/** A column seen as bytes; `text` where the cells are numbers of strings. */
interface ByteColumn {
  name: ColumnName
  id: number
  bytes: Uint8Array
  width: number
  texts: Uint32Array | null
}

export class ProcessIdentities {
  /** Numbers lie below this; it grows only in `open`. */
  capacity = MAX_IDENTITIES
  /** By row of the process table; read after `open`, may be longer than the table. */
  numbers = new Int32Array(0)
  /** By number of a process: numbers that are equal where its steady columns, its ancestors', its container's are. */
  programs = new Int32Array(MAX_IDENTITIES)
  lineages = new Int32Array(MAX_IDENTITIES)
  images = new Int32Array(MAX_IDENTITIES)
  /** By number of a process: the lineage of its children. */
  private ownLineages = new Int32Array(MAX_IDENTITIES)
  /** By number of a container: its image's. */
  private imagesOf = new Int32Array(MAX_IDENTITIES)
  private readonly texts = new ByteSequences()
  private readonly containers = new ByteSequences()
  private readonly processes = new ByteSequences()
  private readonly programsSeen = new ByteSequences()
  private readonly lineagesSeen = new ByteSequences()
  private readonly imagesSeen = new ByteSequences()
  /** By string of the batch: its number, 0 unknown so far. */
  private textNumbers = new Int32Array(0)
  /** Room for a column id and a value in each column that a row can have. */
  private readonly scratch = Buffer.alloc(16 * Object.keys(COLUMNS).length)
  private maxTextBytes = MAX_TEXT_BYTES

  /** Begins a batch. True: all numbers given out before are void. */
  open(batch: Batch): boolean {
    const { strings } = batch
    const { process, container } = batch.tables
    const rowCount = process?.rowCount ?? 0
    this.numbers = cleared(this.numbers, rowCount)
    this.textNumbers = cleared(this.textNumbers, strings.count)
    const isFresh = this.makeRoom(rowCount + (container?.rowCount ?? 0), strings)
    if (process === undefined) return isFresh
    const containerNumbers = container === undefined ? [] : this.numberContainers(container, strings)
    const columns = byteColumns(process)
    for (let row = 0; row < rowCount; row++) {
      if (this.numbers[row] === 0) this.identify(process, columns, row, containerNumbers, strings)
    }
    return isFresh
  }

  private makeRoom(rows: number, strings: Strings): boolean {
    const textBytes = strings.totalBytes
    const used = Math.max(this.processes.count, this.containers.count, this.lineagesSeen.count)
    if (used + rows * 2 < this.capacity && this.texts.byteCount + textBytes <= this.maxTextBytes) return false
    this.capacity = Math.max(MAX_IDENTITIES, (rows + 1) * 3)
    this.maxTextBytes = Math.max(MAX_TEXT_BYTES, textBytes * 2)
    this.texts.clear()
    this.containers.clear()
    this.processes.clear()
    for (const steady of [this.programsSeen, this.lineagesSeen, this.imagesSeen]) steady.clear()
    this.programs = new Int32Array(this.capacity)
    this.lineages = new Int32Array(this.capacity)
    this.images = new Int32Array(this.capacity)
    this.ownLineages = new Int32Array(this.capacity)
    this.imagesOf = new Int32Array(this.capacity)
    return true
  }

  private numberContainers(table: Table, strings: Strings): number[] {
    const columns = byteColumns(table)
    return Array.from({ length: table.rowCount }, (_, row) => {
      const { count } = this.containers
      const number = this.containers.numberOf(this.scratch, 0, this.writeCells(columns, row, strings, 0))
      if (number > count) {
        const end = this.writeCells(columns.filter(isSteady), row, strings, 0)
        this.imagesOf[number] = this.imagesSeen.numberOf(this.scratch, 0, end)
      }
      return number
    })
  }

  /** Ancestors first. A circle, or more ancestors than anyone looks at, makes a row equal to no other. */
  private identify(
    table: Table,
    columns: readonly ByteColumn[],
    row: number,
    containers: readonly number[],
    strings: Strings,
  ): void {
    const parents = table.columns.parent as Uint32Array | undefined
    const containerRows = table.columns.container as Uint32Array | undefined
    const path: number[] = []
    let at = row
    while (at < table.rowCount && this.numbers[at] === 0 && path.length <= MAX_ANCESTORS && !path.includes(at)) {
      path.push(at)
      at = parents?.[at] ?? ABSENT.ref
    }
    let parent = at < table.rowCount ? this.numbers[at]! : NO_PROCESS
    if (at < table.rowCount && parent === NO_PROCESS) {
      const number = this.processes.ownNumber()
      this.programs[number] = this.programsSeen.ownNumber()
      this.lineages[number] = this.lineagesSeen.ownNumber()
      this.ownLineages[number] = this.lineagesSeen.ownNumber()
      this.images[number] = this.imagesOf[containers[containerRows?.[row] ?? ABSENT.ref] ?? 0]!
      this.numbers[row] = number
      return
    }
    for (const step of path.reverse()) {
      const container = containers[containerRows?.[step] ?? ABSENT.ref] ?? 0
      const { count } = this.processes
      const end = this.writeCells(columns, step, strings, 8)
      this.scratch.writeUInt32LE(parent, 0)
      this.scratch.writeUInt32LE(container, 4)
      const number = this.processes.numberOf(this.scratch, 0, end)
      if (number > count) this.describe(number, columns, step, parent, container, strings)
      parent = number
      this.numbers[step] = number
    }
  }

  /** Notes of a process met for the first time what it shares with others. */
  private describe(
    number: number,
    columns: readonly ByteColumn[],
    row: number,
    parent: number,
    container: number,
    strings: Strings,
  ): void {
    this.lineages[number] = this.ownLineages[parent]!
    this.images[number] = this.imagesOf[container]!
    const end = this.writeCells(columns.filter(isSteady), row, strings, 0)
    this.programs[number] = this.programsSeen.numberOf(this.scratch, 0, end)
    const endOfLineage = this.writeCells(
      columns.filter(({ name }) => LINEAGE_COLUMNS.has(name)),
      row,
      strings,
      4,
    )
    this.scratch.writeUInt32LE(this.lineages[number]!, 0)
    this.ownLineages[number] = this.lineagesSeen.numberOf(this.scratch, 0, endOfLineage)
  }

  /** Every cell of a row, each with its column, text as its number; returns the end. */
  private writeCells(columns: readonly ByteColumn[], row: number, strings: Strings, from: number): number {
    const { scratch } = this
    let at = from
    for (let i = 0; i < columns.length; i++) {
      const { id, bytes, width, texts } = columns[i]!
      scratch[at++] = id
      if (texts === null) {
        for (let byte = row * width; byte < (row + 1) * width; byte++) scratch[at++] = bytes[byte]!
        continue
      }
      const number = this.textNumber(strings, texts[row]!)
      scratch[at++] = number
      scratch[at++] = number >>> 8
      scratch[at++] = number >>> 16
      scratch[at++] = number >>> 24
    }
    return at
  }

  private textNumber(strings: Strings, index: number): number {
    if (index === ABSENT.str) return 0
    const known = this.textNumbers[index]!
    if (known !== 0) return known
    const { source, start, end } = strings.span(index)
    const number = this.texts.numberOf(source, start, end)
    this.textNumbers[index] = number
    return number
  }
}

function isSteady({ name }: ByteColumn): boolean {
  return STEADY_COLUMNS.has(name)
}

/** References to other rows are left out: rows have other numbers in each batch. */
function byteColumns(table: Table): ByteColumn[] {
  const found: ByteColumn[] = []
  for (const name of TABLES[table.name].columns as readonly ColumnName[]) {
    const data = table.columns[name]
    const { id, kind } = COLUMNS[name]
    if (data === undefined || kind === 'ref') continue
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const texts = kind === 'str' ? (data as Uint32Array) : null
    found.push({ name, id, bytes, width: elementBytes(kind), texts })
  }
  return found
}

/** Zeros, at least as many as asked for; the same memory where it is large enough. */
function cleared(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (array.length < length) return new Int32Array(length * 2)
  return array.fill(0, 0, length)
}
