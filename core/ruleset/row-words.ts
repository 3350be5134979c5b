/**
 * The rows of a dictionary table as 32-bit words, column by column into one piece of memory: rows whose words are equal
 * are equal in everything a rule can read of them. A column that the batch does not carry counts as absent in every
 * row, as it reads. References to other rows are left out: rows have other numbers in each batch.
 */
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
}

export class RowWords {
  /** Row r is at r * width: its own words, lineage columns, other steady columns, the rest. */
  words = new Int32Array(0)
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
      const column = { name, kind, at, isWide, absent: wordsOf(absentColumn(kind, 1)) }
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
    const { width } = this
    if (this.words.length < rowCount * width) this.words = new Int32Array(rowCount * width * 2)
    const { words } = this
    for (const { name, kind, at, isWide, absent } of this.columns) {
      const data = table.columns[name]
      if (data === undefined) putAbsent(words, at, width, rowCount, absent)
      else if (isWide) putWide(words, at, width, rowCount, wordsOf(data))
      else if (kind === 'str') putTexts(words, at, width, rowCount, data as Uint32Array, texts)
      else if (kind === 'u8') putBytes(words, at, width, rowCount, data as Uint8Array)
      else if (kind === 'u16') putHalves(words, at, width, rowCount, data as Uint16Array)
      else putWords(words, at, width, rowCount, wordsOf(data))
    }
  }
}

/** Numbers of less than a word become one; wider columns are seen as they lie in memory. */
function wordsOf(data: ColumnData): Int32Array {
  if (data.BYTES_PER_ELEMENT < 4) return Int32Array.from(data as Uint8Array)
  return new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4)
}

// One loop for each type of array: V8 makes a good one of each.

function putAbsent(words: Int32Array, from: number, width: number, rowCount: number, absent: Int32Array): void {
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    for (let i = 0; i < absent.length; i++) words[at + i] = absent[i]!
  }
}

function putBytes(words: Int32Array, from: number, width: number, rowCount: number, data: Uint8Array): void {
  for (let row = 0, at = from; row < rowCount; row++, at += width) words[at] = data[row]!
}

function putHalves(words: Int32Array, from: number, width: number, rowCount: number, data: Uint16Array): void {
  for (let row = 0, at = from; row < rowCount; row++, at += width) words[at] = data[row]!
}

function putWords(words: Int32Array, from: number, width: number, rowCount: number, data: Int32Array): void {
  for (let row = 0, at = from; row < rowCount; row++, at += width) words[at] = data[row]!
}

function putWide(words: Int32Array, from: number, width: number, rowCount: number, data: Int32Array): void {
  for (let row = 0, at = from; row < rowCount; row++, at += width) {
    words[at] = data[row * 2]!
    words[at + 1] = data[row * 2 + 1]!
  }
}

function putTexts(
  words: Int32Array,
  from: number,
  width: number,
  rowCount: number,
  data: Uint32Array,
  texts: (index: number) => number,
): void {
  for (let row = 0, at = from; row < rowCount; row++, at += width) words[at] = texts(data[row]!)
}
