/**
 * The rows of a dictionary table as 32-bit words, column by column into one piece of memory: rows whose words are equal
 * are equal in everything a rule can read of them. A column that the batch does not carry counts as absent in every
 * row, as it reads. References to other rows are left out: rows have other numbers in each batch.
 */
import { randomBytes } from 'node:crypto'
import { absentColumn, type ColumnData, elementBytes, type Table } from '../batch/batch.ts'
import { COLUMNS, type ColumnKind, type ColumnName } from '../batch/columns.ts'
import { TABLES } from '../batch/schema.ts'
import { LINEAGE_COLUMNS, STEADY_COLUMNS } from './steady-columns.ts'

/** Words in front of each row, for whoever numbers rows: what a row refers to. */
export const OWN_WORDS = 2

interface WordColumn {
  name: ColumnName
  kind: ColumnKind
  /** Where its words are in a row. */
  at: number
  isWide: boolean
  absent: Int32Array
  /** Random and odd, one for each of its words: what a word counts for in the hash of its row. */
  weights: Int32Array
  /** Rows from the first on whose words say that it is absent. */
  absentRows: number
}

export class RowWords {
  /** Row r is at r * width: its own words, lineage columns, other steady columns, the rest. */
  words = new Int32Array(0)
  /** By row: the hash of its columns, a sum to which what is absent adds nothing. */
  hashes = new Int32Array(0)
  readonly width: number
  /** Where the words of lineage columns end, and those of all steady ones. */
  readonly lineageEnd: number
  readonly steadyEnd: number
  private readonly columns: readonly WordColumn[]

  constructor(table: 'process' | 'container') {
    const rank = (name: ColumnName) => (LINEAGE_COLUMNS.has(name) ? 0 : STEADY_COLUMNS.has(name) ? 1 : 2)
    const names = (TABLES[table].columns as readonly ColumnName[])
      .filter((name) => COLUMNS[name].kind !== 'ref')
      .toSorted((a, b) => rank(a) - rank(b))
    const ends = [OWN_WORDS, OWN_WORDS, OWN_WORDS]
    let at = OWN_WORDS
    this.columns = names.map((name) => {
      const { kind } = COLUMNS[name]
      const isWide = elementBytes(kind) === 8
      const weights = randomWeights(2)
      const column = { name, kind, at, isWide, absent: wordsOf(absentColumn(kind, 1)), weights, absentRows: 0 }
      at += isWide ? 2 : 1
      ends.fill(at, rank(name))
      return column
    })
    this.width = at
    this.lineageEnd = ends[0]!
    this.steadyEnd = ends[1]!
  }

  /** Begins a batch. `texts` gives a string of it its number, the same for equal strings. */
  open(table: Table, texts: (index: number) => number): void {
    const { rowCount } = table
    this.makeRoom(rowCount)
    const { words, hashes, width } = this
    hashes.fill(0, 0, rowCount)
    for (const column of this.columns) {
      const { kind } = column
      const data = table.columns[column.name]
      if (data === undefined) {
        // Batches of one origin lack the same columns.
        if (column.absentRows < rowCount) putAbsent(words, column, width, rowCount)
        continue
      }
      column.absentRows = 0
      if (column.isWide) putWide(words, hashes, column, width, rowCount, wordsOf(data))
      else if (kind === 'str') putTexts(words, hashes, column, width, rowCount, data as Uint32Array, texts)
      else if (kind === 'u8') putBytes(words, hashes, column, width, rowCount, data as Uint8Array)
      else if (kind === 'u16') putHalves(words, hashes, column, width, rowCount, data as Uint16Array)
      else putWords(words, hashes, column, width, rowCount, wordsOf(data))
    }
  }

  private makeRoom(rowCount: number): void {
    if (this.hashes.length >= rowCount) return
    this.hashes = new Int32Array(rowCount * 2)
    this.words = new Int32Array(this.hashes.length * this.width)
    for (const column of this.columns) column.absentRows = 0
  }
}

export function randomWeights(count: number): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length: count }, () => randomBytes(4).readInt32LE(0) | 1)
}

/** What a word counts for, before its weight. A word's upper half alone would leave the lower half of a sum as it is. */
export function mixed(word: number): number {
  return word ^ (word >>> 16)
}

/** Numbers of less than a word become one; wider columns are seen as they lie in memory. */
function wordsOf(data: ColumnData): Int32Array {
  if (data.BYTES_PER_ELEMENT < 4) return Int32Array.from(data as Uint8Array)
  return new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4)
}

// One loop for each type of array: V8 makes a good one of each.

function putAbsent(words: Int32Array, column: WordColumn, width: number, rowCount: number): void {
  const { at: from, absent, absentRows } = column
  for (let row = absentRows, at = from + absentRows * width; row < rowCount; row++, at += width) {
    for (let i = 0; i < absent.length; i++) words[at + i] = absent[i]!
  }
  column.absentRows = rowCount
}

function putBytes(
  words: Int32Array,
  hashes: Int32Array,
  { at: from, weights, absent }: WordColumn,
  width: number,
  rowCount: number,
  data: Uint8Array,
): void {
  const weight = weights[0]!
  const none = mixed(absent[0]!)
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    const word = data[row]!
    words[at] = word
    hashes[row]! += Math.imul(mixed(word) - none, weight)
  }
}

function putHalves(
  words: Int32Array,
  hashes: Int32Array,
  { at: from, weights, absent }: WordColumn,
  width: number,
  rowCount: number,
  data: Uint16Array,
): void {
  const weight = weights[0]!
  const none = mixed(absent[0]!)
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    const word = data[row]!
    words[at] = word
    hashes[row]! += Math.imul(mixed(word) - none, weight)
  }
}

function putWords(
  words: Int32Array,
  hashes: Int32Array,
  { at: from, weights, absent }: WordColumn,
  width: number,
  rowCount: number,
  data: Int32Array,
): void {
  const weight = weights[0]!
  const none = mixed(absent[0]!)
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    const word = data[row]!
    words[at] = word
    hashes[row]! += Math.imul(mixed(word) - none, weight)
  }
}

function putWide(
  words: Int32Array,
  hashes: Int32Array,
  { at: from, weights, absent }: WordColumn,
  width: number,
  rowCount: number,
  data: Int32Array,
): void {
  const [weight, weight2] = [weights[0]!, weights[1]!]
  const [none, none2] = [mixed(absent[0]!), mixed(absent[1]!)]
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    const word = data[row * 2]!
    const word2 = data[row * 2 + 1]!
    words[at] = word
    words[at + 1] = word2
    hashes[row]! += Math.imul(mixed(word) - none, weight) + Math.imul(mixed(word2) - none2, weight2)
  }
}

function putTexts(
  words: Int32Array,
  hashes: Int32Array,
  { at: from, weights }: WordColumn,
  width: number,
  rowCount: number,
  data: Uint32Array,
  texts: (index: number) => number,
): void {
  const weight = weights[0]!
  // Rows beside each other mostly have the same text; an absent one is number 0.
  let [last, word] = [0, 0]
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    const index = data[row]!
    if (index !== last) [last, word] = [index, texts(index)]
    words[at] = word
    hashes[row]! += Math.imul(mixed(word), weight)
  }
}
