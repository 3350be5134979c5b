/**
 * Gives equal processes equal numbers, across batches, so that what was judged for a process once need not be judged
 * again. Two rows are equal when everything a rule can read of a process is: all their columns, their container's, and
 * the same for every ancestor. Nothing rests on pids or times being unique, which a hostile host could forge.
 */
import { ABSENT, type Batch, type Table } from '../batch/batch.ts'
import { Strings } from '../batch/strings.ts'
import { MAX_ANCESTORS } from '../fields/cursor.ts'
import { ByteSequences } from './byte-sequences.ts'
import { mixed, OWN_WORDS, RowWords, randomWeights } from './row-words.ts'
import { WordSequences } from './word-sequences.ts'

/** Numbers given out before everything is forgotten (more if one batch needs more). */
export const MAX_IDENTITIES = 8192
/** Bytes of remembered text before everything is forgotten (likewise). */
const MAX_TEXT_BYTES = 4 * 1024 * 1024
/** The number of "no process". */
const NO_PROCESS = 0
const NO_STRINGS = new Strings()

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
  /** By row of the container table: its number. */
  private containerNumbers = new Int32Array(0)
  private readonly texts = new ByteSequences()
  private readonly containers = new WordSequences()
  private readonly processes = new WordSequences()
  private readonly programsSeen = new WordSequences()
  private readonly lineagesSeen = new WordSequences()
  private readonly imagesSeen = new WordSequences()
  private readonly processWords = new RowWords('process')
  private readonly containerWords = new RowWords('container')
  /** What parent and container count for in the hash of a process. */
  private readonly weights = randomWeights(OWN_WORDS)
  private strings = NO_STRINGS
  /** By string of the batch: its number, 0 unknown so far. */
  private textNumbers = new Int32Array(0)
  private maxTextBytes = MAX_TEXT_BYTES
  private readonly textNumberOf = (index: number) => this.textNumber(index)

  /** Begins a batch. True: all numbers given out before are void. */
  open(batch: Batch): boolean {
    const { strings } = batch
    const { process, container } = batch.tables
    const rowCount = process?.rowCount ?? 0
    const containerCount = container?.rowCount ?? 0
    this.numbers = cleared(this.numbers, rowCount)
    this.textNumbers = cleared(this.textNumbers, strings.count)
    const isFresh = this.makeRoom(rowCount + containerCount, strings)
    if (process === undefined) return isFresh
    this.strings = strings
    this.containerNumbers = cleared(this.containerNumbers, containerCount)
    if (container !== undefined) this.numberContainers(container)
    this.numberProcesses(process)
    this.strings = NO_STRINGS
    return isFresh
  }

  private makeRoom(rows: number, strings: Strings): boolean {
    const textBytes = strings.totalBytes
    const used = Math.max(this.processes.count, this.containers.count, this.lineagesSeen.count)
    if (used + rows * 2 < this.capacity && this.texts.size + textBytes <= this.maxTextBytes) return false
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

  private numberContainers(table: Table): void {
    const { containerWords: rows, containers } = this
    rows.open(table, this.textNumberOf)
    for (let row = 0, at = 0; row < table.rowCount; row++, at += rows.width) {
      const { count } = containers
      const number = containers.numberOfHashed(rows.words, at + OWN_WORDS, at + rows.width, rows.hashes[row]!)
      if (number > count)
        this.imagesOf[number] = this.imagesSeen.numberOf(rows.words, at + OWN_WORDS, at + rows.steadyEnd)
      this.containerNumbers[row] = number
    }
  }

  private numberProcesses(table: Table): void {
    const { numbers } = this
    const { rowCount } = table
    const parents = table.columns.parent as Uint32Array | undefined
    const containerRows = table.columns.container as Uint32Array | undefined
    this.processWords.open(table, this.textNumberOf)
    for (let row = 0; row < rowCount; row++) {
      if (numbers[row] !== 0) continue
      const parent = parents === undefined ? ABSENT.ref : parents[row]!
      // Parents mostly stand before their children.
      if (parent >= rowCount) this.number(row, NO_PROCESS, containerRows)
      else if (numbers[parent] !== 0) this.number(row, numbers[parent]!, containerRows)
      else this.numberWithAncestors(row, parents!, containerRows, rowCount)
    }
  }

  /** Ancestors first. A circle, or more ancestors than anyone looks at, makes a row equal to no other. */
  private numberWithAncestors(
    row: number,
    parents: Uint32Array,
    containerRows: Uint32Array | undefined,
    rowCount: number,
  ): void {
    const { numbers } = this
    const path: number[] = []
    let at = row
    while (at < rowCount && numbers[at] === 0 && path.length <= MAX_ANCESTORS && !path.includes(at)) {
      path.push(at)
      at = parents[at]!
    }
    let parent = at < rowCount ? numbers[at]! : NO_PROCESS
    if (at < rowCount && parent === NO_PROCESS) {
      const number = this.processes.ownNumber()
      this.programs[number] = this.programsSeen.ownNumber()
      this.lineages[number] = this.lineagesSeen.ownNumber()
      this.ownLineages[number] = this.lineagesSeen.ownNumber()
      this.images[number] = this.imagesOf[this.containerOf(row, containerRows)]!
      numbers[row] = number
      return
    }
    for (const step of path.reverse()) parent = this.number(step, parent, containerRows)
  }

  /** Numbers a row whose parent has its number. */
  private number(row: number, parent: number, containerRows: Uint32Array | undefined): number {
    const { processes, weights } = this
    const { words, hashes, width } = this.processWords
    const at = row * width
    const container = this.containerOf(row, containerRows)
    words[at] = parent
    words[at + 1] = container
    const { count } = processes
    const own = Math.imul(mixed(parent), weights[0]!) + Math.imul(mixed(container), weights[1]!)
    const number = processes.numberOfHashed(words, at, at + width, hashes[row]! + own)
    if (number > count) this.describe(number, row, parent, container)
    this.numbers[row] = number
    return number
  }

  private containerOf(row: number, containerRows: Uint32Array | undefined): number {
    const container = containerRows === undefined ? ABSENT.ref : containerRows[row]!
    return container === ABSENT.ref ? 0 : (this.containerNumbers[container] ?? 0)
  }

  /** Notes of a process met for the first time what it shares with others. */
  private describe(number: number, row: number, parent: number, container: number): void {
    const { words, width, lineageEnd, steadyEnd } = this.processWords
    const at = row * width
    const lineage = this.ownLineages[parent]!
    this.lineages[number] = lineage
    this.images[number] = this.imagesOf[container]!
    this.programs[number] = this.programsSeen.numberOf(words, at + OWN_WORDS, at + steadyEnd)
    // The word in front of the columns is free once the process is numbered.
    words[at + OWN_WORDS - 1] = lineage
    this.ownLineages[number] = this.lineagesSeen.numberOf(words, at + OWN_WORDS - 1, at + lineageEnd)
  }

  private textNumber(index: number): number {
    if (index === ABSENT.str) return 0
    const known = this.textNumbers[index]!
    if (known !== 0) return known
    const { source, start, end } = this.strings.span(index)
    const number = this.texts.numberOf(source, start, end)
    this.textNumbers[index] = number
    return number
  }
}

/** Zeros, at least as many as asked for; the same memory where it is large enough. */
function cleared(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (array.length < length) return new Int32Array(length * 2)
  return array.fill(0, 0, length)
}
