/**
 * The classes of the paths of a batch's events: each distinct string is read once per batch, as bytes. Only a path that
 * depends on more than one string (relative to a directory, with the kernel giving no answer) is worked out per event.
 */
import type { Batch, Table } from '../batch/batch.ts'
import type { Strings } from '../batch/strings.ts'
import type { Cursor } from '../fields/cursor.ts'
import { firstPath, secondPath } from '../fields/event-path.ts'
import { callPath } from '../fields/paths.ts'
import { NO_ATOMS, type TextClasses } from './text-classes.ts'

const RELATIVE = -1
const SLASH = 0x2f
const PERIOD = 0x2e
const PROC = Buffer.from('/proc/')
const NONE: Uint32Array = new Uint32Array(0)

export class PathClasses {
  private readonly classes: TextClasses
  private readonly cursor: Cursor
  private strings: Strings | null = null
  private table: Table | null = null
  private paths = NONE
  private rawPaths = NONE
  private rawPaths2 = NONE
  /** By string, as a path of the kernel's: its class plus one, 0 not known yet. */
  private resolved = new Int32Array(0)
  /** By string, as user space passed it: likewise, RELATIVE where the string alone does not tell. */
  private raw = new Int32Array(0)

  constructor(classes: TextClasses, cursor: Cursor) {
    this.classes = classes
    this.cursor = cursor
  }

  open({ strings }: Batch): void {
    this.strings = strings
    if (this.resolved.length < strings.count) {
      this.resolved = new Int32Array(strings.count * 2)
      this.raw = new Int32Array(strings.count * 2)
    } else {
      this.resolved.fill(0, 0, strings.count)
      this.raw.fill(0, 0, strings.count)
    }
  }

  close(): void {
    this.strings = null
    this.table = null
  }

  /** Begins a table; rows asked for are of this one. */
  useTable(table: Table): void {
    const column = (name: 'path' | 'rawPath' | 'rawPath2') =>
      (table.columns[name] as Uint32Array | undefined) ?? new Uint32Array(table.rowCount)
    this.table = table
    this.paths = column('path')
    this.rawPaths = column('rawPath')
    this.rawPaths2 = column('rawPath2')
  }

  /** The class of the first path of a row. */
  first(row: number): number {
    const index = this.paths[row]!
    if (index === 0) return this.ofRaw(this.rawPaths[row]!, row, firstPath)
    const known = this.resolved[index]!
    return known !== 0 ? known - 1 : this.resolve(index)
  }

  /** The class of the second path of a row. */
  second(row: number): number {
    return this.ofRaw(this.rawPaths2[row]!, row, secondPath)
  }

  private resolve(index: number): number {
    const { source, start, end } = this.strings!.span(index)
    const found = this.classes.classOf(source, start, end)
    this.resolved[index] = found + 1
    return found
  }

  private ofRaw(index: number, row: number, path: (cursor: Cursor) => string | undefined): number {
    if (index === 0) return NO_ATOMS
    let known = this.raw[index]!
    if (known === 0) {
      known = this.classOfRaw(index)
      this.raw[index] = known
    }
    if (known !== RELATIVE) return known - 1
    this.cursor.moveTo(this.table!, row)
    const text = path(this.cursor)
    return text === undefined ? NO_ATOMS : this.ofText(text)
  }

  private classOfRaw(index: number): number {
    const { source, start, end } = this.strings!.span(index)
    if (start === end || source[start] !== SLASH) return RELATIVE
    // Nearly every path is clean already.
    if (isClean(source, start, end)) return this.classes.classOf(source, start, end) + 1
    return this.ofText(callPath(this.strings!.text(index), undefined)) + 1
  }

  private ofText(text: string): number {
    const bytes = Buffer.from(text, 'latin1')
    return this.classes.classOf(bytes, 0, bytes.length)
  }
}

/**
 * Whether `callPath` would leave the path as it is: not below /proc, no slash at the end, no entry that is empty, `.` or
 * `..`. Names of hidden files begin with a period and are like any other.
 */
function isClean(source: Uint8Array, start: number, end: number): boolean {
  if (PROC.every((byte, i) => source[start + i] === byte)) return false
  for (let i = start + 1, entry = i; i <= end; i++) {
    if (i < end && source[i] !== SLASH) continue
    const length = i - entry
    if (length === 0) return i === end && end - start === 1
    if (length <= 2 && source[entry] === PERIOD && source[i - 1] === PERIOD) return false
    entry = i + 1
  }
  return true
}
