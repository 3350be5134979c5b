/**
 * The process table of a batch, written column by column: a row is a few references until then, never an object with a
 * property per column. What an image's facts hold is laid out once and remembered with them.
 */
import { ABSENT, absentColumn, type ColumnData, type Table } from '../../core/batch/batch.ts'
import { COLUMNS, type ColumnName, PROCESS_FLAGS } from '../../core/batch/columns.ts'
import type { Strings } from '../../core/batch/strings.ts'
import type { ContainerFacts } from './container-facts.ts'
import { FACT_COLUMNS, type ProcessFacts } from './process-facts.ts'
import { type ProcessState, STATE_COLUMNS } from './process-state.ts'
import type { Image, ProcessEntry } from './process-tree.ts'
import type { UserNames } from './user-names.ts'

/** A process as one batch refers to it. */
export interface Subject {
  entry: ProcessEntry
  image: Image
  container: ContainerFacts | null
  byAncestry: boolean
}

export interface ProcessRow extends Subject {
  /** Row of the container table, or ABSENT.ref. */
  containerRow: number
  /** Row of the parent, or ABSENT.ref. */
  parentRow: number
  /** What it holds at the moment, where that is asked for. */
  state?: ProcessState
  /** Start of its pid namespace's first process, ns since boot. */
  pidNsStartNs?: number
}

export interface ProcessRowsOptions {
  users: UserNames
  /** Wall clock minus boot clock, ns. Without it no process has a start time. */
  bootOffsetNs?: number
  /** Whether home and shell of users are asked for. */
  accounts?: boolean
}

type Cell = string | number | bigint | undefined

/** As the kernel gave them; ancestors that are not in the raw table have only a few. */
const IDENTITY_COLUMNS = [
  'pid',
  'startNs',
  'execCount',
  'processVersion',
  'cgroupId',
  'uid',
  'gid',
  'vpid',
  'ppid',
  'parentStartNs',
  'pidNs',
  'mntNs',
] as const satisfies readonly ColumnName[]

/** The table: first the rows of the raw one, then the ancestors that it lacks. */
export function processTable(
  raw: Table,
  rows: readonly ProcessRow[],
  strings: Strings,
  options: ProcessRowsOptions,
): Table {
  const table: Table = { name: 'process', rowCount: rows.length, columns: {} }
  const { columns } = table
  for (const name of IDENTITY_COLUMNS) {
    const known = raw.columns[name]
    if (known !== undefined) columns[name] = extended(known, name, rows.length)
  }
  const fill = (name: ColumnName, cell: (row: ProcessRow, index: number) => Cell) => {
    const data = columnOf(name, rows, strings, cell)
    if (data !== null) columns[name] = data
  }
  const isOfRaw = (index: number) => index < raw.rowCount
  const uids = raw.columns.uid
  const gids = raw.columns.gid
  for (const [name, read] of ANCESTOR_COLUMNS) addAncestors(columns, name, rows, raw.rowCount, read)
  const facts = rows.map(({ image }) => cellsOf(image.facts))
  FACT_COLUMNS.forEach((name, i) => void fill(name, (_, index) => facts[index]![i]))
  const { users, bootOffsetNs } = options
  fill('parent', ({ parentRow }) => (parentRow === ABSENT.ref ? undefined : parentRow))
  fill('container', ({ containerRow }) => (containerRow === ABSENT.ref ? undefined : containerRow))
  fill('processFlags', flagsOf)
  if (bootOffsetNs !== undefined) {
    fill('startTime', ({ entry }) => BigInt(Math.round(entry.startNs + bootOffsetNs)))
  }
  const idAt = (ids: ColumnData | undefined, index: number) => {
    const id = isOfRaw(index) ? ids?.[index] : undefined
    return typeof id !== 'number' || id === ABSENT.u32 ? undefined : id
  }
  fill('userName', (row, index) => users.userName(scopeOf(row), idAt(uids, index)))
  fill('groupName', (row, index) => users.groupName(scopeOf(row), idAt(gids, index)))
  if (options.accounts === true) {
    fill('userHome', (row, index) => users.account(scopeOf(row), idAt(uids, index))?.home)
    fill('userShell', (row, index) => users.account(scopeOf(row), idAt(uids, index))?.shell)
  }
  if (rows.some(({ state }) => state !== undefined)) {
    for (const name of STATE_COLUMNS) fill(name, ({ state }) => state?.[name])
  }
  if (bootOffsetNs !== undefined && rows.some(({ pidNsStartNs }) => pidNsStartNs !== undefined)) {
    fill('pidNsStartTime', ({ pidNsStartNs }) =>
      pidNsStartNs === undefined ? undefined : BigInt(Math.round(pidNsStartNs + bootOffsetNs)),
    )
  }
  fill('loginName', ({ image }) => users.userName(null, image.facts.loginUid as number | undefined))
  return table
}

const ANCESTOR_COLUMNS: readonly [ColumnName, (row: ProcessRow) => number | undefined][] = [
  ['pid', ({ entry }) => entry.pid],
  ['startNs', ({ entry }) => entry.startNs],
  ['execCount', ({ image }) => Math.max(image.execCount, 0)],
  ['vpid', ({ entry }) => entry.vpid],
  ['ppid', ({ entry }) => entry.parent?.pid],
]

function addAncestors(
  columns: Table['columns'],
  name: ColumnName,
  rows: readonly ProcessRow[],
  from: number,
  read: (row: ProcessRow) => number | undefined,
): void {
  if (from >= rows.length) return
  const data = columns[name] ?? absentColumn(COLUMNS[name].kind, rows.length)
  columns[name] = data
  for (let index = from; index < rows.length; index++) {
    const value = read(rows[index]!)
    if (value !== undefined) data[index] = value
  }
}

/** A longer copy; what is added is absent. */
function extended(known: ColumnData, name: ColumnName, length: number): ColumnData {
  const data = absentColumn(COLUMNS[name].kind, length)
  ;(data as Uint32Array).set(known as Uint32Array)
  return data
}

/** Null where no row has a value. */
function columnOf(
  name: ColumnName,
  rows: readonly ProcessRow[],
  strings: Strings,
  cell: (row: ProcessRow, index: number) => Cell,
): ColumnData | null {
  let data: ColumnData | null = null
  for (let index = 0; index < rows.length; index++) {
    const value = cell(rows[index]!, index)
    if (value === undefined) continue
    data ??= absentColumn(COLUMNS[name].kind, rows.length)
    data[index] = typeof value === 'string' ? strings.intern(value) : value
  }
  return data
}

function flagsOf({ entry, image, container, byAncestry }: Subject): number {
  return (
    (container !== null && !image.entered ? PROCESS_FLAGS.runtime : 0) |
    (entry.isKernelThread ? PROCESS_FLAGS.kernelThread : 0) |
    (byAncestry ? PROCESS_FLAGS.containerByAncestry : 0) |
    (image.origin === 'proc' ? PROCESS_FLAGS.fromProc : 0) |
    (image.origin === 'missing' ? PROCESS_FLAGS.factsMissing : 0)
  )
}

/** Whose names apply: the container's; before the entry into it the host's. */
function scopeOf({ container, image }: Subject): string | null {
  return container === null || !image.entered ? null : container.id
}

/** In the order of FACT_COLUMNS. Facts are replaced, never changed, so what was laid out stays true. */
const laidOut = new WeakMap<ProcessFacts, readonly Cell[]>()

function cellsOf(facts: ProcessFacts): readonly Cell[] {
  let cells = laidOut.get(facts)
  if (cells === undefined) {
    cells = FACT_COLUMNS.map((name) => facts[name])
    laidOut.set(facts, cells)
  }
  return cells
}
