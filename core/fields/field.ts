/**
 * What a field is. The table of all fields (`index.ts`) is the one source for the rule checker, output formatting, ECS
 * documents, the fields KQL can name, and the reference docs.
 */
import type { ColumnName } from '../batch/columns.ts'
import type { SourceName, Value } from '../model/event.ts'
import type { CaptureWant } from '../model/source.ts'
import type { Cursor } from './cursor.ts'

/**
 * `time`: ns since the Unix epoch, as a bigint; `duration`: ns, as a double, which is exact for a hundred days.
 * `net` compares an address with CIDR blocks; `bytes` holds raw data.
 */
export type FieldType = 'string' | 'number' | 'boolean' | 'ip' | 'net' | 'port' | 'time' | 'duration' | 'bytes'

/** Gives the value at the cursor; undefined when absent. */
export type Reader = (cursor: Cursor) => Value | undefined

/**
 * How far a value reaches, for remembering what was computed from it: `process` values depend only on the row of the
 * process table (with its ancestors and its container), `container` values only on the container's row, `event` values
 * on the event.
 */
export type Scope = 'event' | 'process' | 'container'

/** The columns that a function reads of the process, of its ancestors and of its container. */
export interface Reads {
  readonly own?: readonly ColumnName[]
  readonly ancestors?: readonly ColumnName[]
  readonly container?: readonly ColumnName[]
}

/** A value as it stands in one column, or a small pure function over the rows around the event. */
export type Source =
  | { readonly from: 'column'; readonly scope: Scope; readonly column: ColumnName }
  | {
      readonly from: 'derived'
      readonly scope: Scope
      /** Columns of the event's row: with none of them in its table the value is absent. */
      readonly columns?: readonly ColumnName[]
      /** Scopes `process` and `container`: all that is read with an argument; where not given, it may be anything. */
      readonly reads?: (argument: string | null) => Reads
      /** Binds the argument once; the result is called per event. */
      readonly derive: (argument: string | null) => Reader
    }

/** Why a field is not filled, as the end of "… is never filled: ", and what to write instead, as the end of "use ". */
export interface Refusal {
  readonly why: string
  readonly instead: string
}

/** Which arguments a field takes that takes only some; `are` ends "… takes ". */
export interface Keys {
  readonly has: (argument: string) => boolean
  readonly are: string
}

export interface Field {
  readonly name: string
  readonly type: FieldType
  /** Path in ECS documents, where one carries the value. */
  readonly ecs?: string
  readonly sources: readonly SourceName[]
  /** Version of Seamark that brought it. */
  readonly since: string
  /** Whether val(field) may stand on the right side of a comparison. */
  readonly rightSide: boolean
  readonly doc: string
  /** What may stand in brackets: nothing, a number, or a key. */
  readonly argument: 'none' | 'index' | 'key'
  readonly argumentRequired: boolean
  /** Of a field whose argument is a key; null where any text will do. */
  readonly keys: Keys | null
  /**
   * Fields that give several values: `list` is compared as a whole by `in`; with `any` one value that matches is enough,
   * for `!=` too (ancestors); with `ends` `=` asks for one end and `!=` for both (the two ends of a connection).
   */
  readonly several: 'no' | 'list' | 'any' | 'ends'
  /** Of a number: whether it may be compared with decimals. */
  readonly decimals: boolean
  /** False where the value is made only to be compared. */
  readonly printable: boolean
  /** Set where Falco knows the field and Seamark does not fill it: it is always absent. */
  readonly refused: Refusal | null
  /** What must be captured besides the events themselves for the field to have a value. */
  readonly wants?: CaptureWant
  readonly read: Source
  /** Exact text where the value itself would lose precision. */
  readonly print?: (cursor: Cursor) => string | undefined
}

type Extra = Partial<Omit<Field, 'name' | 'type' | 'doc' | 'read'>>

const SYSCALL: readonly SourceName[] = ['syscall']
const EVERY_SOURCE: readonly SourceName[] = ['syscall', 'docker', 'health', 'command']

/** Of a field that events of every source have. */
export const everySource = { sources: EVERY_SOURCE } as const

export function field(name: string, type: Field['type'], doc: string, read: Source, extra: Extra = {}): Field {
  return Object.freeze({
    name,
    type,
    doc,
    read,
    sources: SYSCALL,
    since: '0.1.0',
    rightSide: true,
    argument: 'none',
    argumentRequired: false,
    keys: null,
    several: 'no',
    decimals: false,
    printable: true,
    refused: null,
    ...extra,
  })
}

/** A column of the event's row. */
export const eventColumn = (column: ColumnName): Source => ({ from: 'column', scope: 'event', column })
/** A column of the process table. */
export const processColumn = (column: ColumnName): Source => ({ from: 'column', scope: 'process', column })
/** A column of the container table. */
export const containerColumn = (column: ColumnName): Source => ({ from: 'column', scope: 'container', column })

/** A function of the event that needs at least one of the columns given (none given: always there). */
export const fromEvent = (columns: readonly ColumnName[], read: Reader): Source => ({
  from: 'derived',
  scope: 'event',
  ...(columns.length === 0 ? {} : { columns }),
  derive: () => read,
})
/** A function of any event. */
export const always = (read: Reader): Source => fromEvent([], read)
/** A function of the process and what is around it. */
export const fromProcess = (read: Reader, reads?: Reads): Source => ({
  from: 'derived',
  scope: 'process',
  ...(reads === undefined ? {} : { reads: () => reads }),
  derive: () => read,
})
/** Whether a bit of a column of the process table is set. */
export const processFlag = (column: 'exeFlags' | 'processFlags', bit: number): Source =>
  fromProcess(
    (cursor) => {
      const flags = cursor.processNumber(column)
      return flags === undefined ? undefined : (flags & bit) !== 0
    },
    { own: [column] },
  )
export const fromContainer = (read: Reader, reads?: Reads): Source => ({
  from: 'derived',
  scope: 'container',
  ...(reads === undefined ? {} : { reads: () => reads }),
  derive: () => read,
})
