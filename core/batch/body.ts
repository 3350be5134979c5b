/**
 * The columns as bytes. Layout, little-endian, every section aligned to 8:
 *
 *   0  u32 magic 'SMBB'      4  u32 tables         8  u32 strings (absent one included)   12 u32 offset of u32[strings + 1]
 *   16 u32 string bytes at   20 u32 total bytes    24 u64 base time, ns since the Unix epoch
 *   32 per table:  u16 table id, u16 columns, u32 rows, u32 column directory at, u32 zero
 *      per column: u16 column id, u8 kind, u8 zero, u32 data at
 *
 * The addon writes the same layout (native/src/batch_writer.cc). Everything is checked on opening, because a body can
 * come from a peer: opening random bytes gives AppError E_BATCH_CORRUPT, never a crash or a read out of bounds.
 */
import { AppError } from '../model/errors.ts'
import { ABSENT, arrayOn, type Batch, type ColumnData, elementBytes, type Table } from './batch.ts'
import { COLUMNS, type ColumnKind, type ColumnName, type ColumnSpec, KIND_IDS } from './columns.ts'
import { TABLES, type TableName, type TableSpec } from './schema.ts'
import { Strings } from './strings.ts'

export const BODY_MAGIC = 0x42424d53
const HEAD_BYTES = 32
/** Twice what a host puts into a batch: each row may match every rule, and that has to fit into memory. */
export const MAX_EVENT_ROWS = 32_768
/** Of the table that says what the host's filter matched. */
export const MAX_MATCH_ROWS = 131_072
const TABLE_BYTES = 16
const COLUMN_BYTES = 8
/** Without these a row has no meaning; readers rely on them. */
const REQUIRED_OF_ROLE: Record<TableSpec['role'], readonly ColumnName[]> = {
  event: ['ordinal', 'time', 'type'],
  annotation: [],
  dictionary: [],
}
const REQUIRED_COLUMNS = Object.fromEntries(
  (Object.keys(TABLES) as TableName[]).map((name) => [
    name,
    name === 'matches' ? TABLES.matches.columns : REQUIRED_OF_ROLE[TABLES[name].role],
  ]),
) as Record<TableName, readonly ColumnName[]>

const TABLE_BY_ID = new Map(Object.entries(TABLES).map(([name, spec]) => [spec.id as number, name as TableName]))
/** By id, with what opening asks of it: a batch has a hundred columns, and small batches few rows. */
const COLUMNS_BY_ID: ({ name: ColumnName; kind: ColumnKind; kindId: number; bytes: number } | undefined)[] = []
for (const [name, { id, kind }] of Object.entries(COLUMNS) as [ColumnName, ColumnSpec][])
  COLUMNS_BY_ID[id] = { name, kind, kindId: KIND_IDS[kind], bytes: elementBytes(kind) }

/** How long the body of a batch is. */
export function bodyBytes(batch: Batch): number {
  return layoutOf(batch).bytes
}

/** Where everything stands. */
function layoutOf({ tables: byName, strings }: Batch) {
  const tables = Object.values(byName)
  let at = HEAD_BYTES + tables.length * TABLE_BYTES
  const layouts = tables.map((table) => {
    const columnsAt = at
    const columns = Object.entries(table.columns) as [ColumnName, ColumnData][]
    at = align(at + columns.length * COLUMN_BYTES)
    return { table, columnsAt, columns }
  })
  const placed = layouts.map((layout) => ({
    ...layout,
    columns: layout.columns.map(([name, data]) => {
      const dataAt = at
      at = align(at + data.byteLength)
      return { name, data, dataAt }
    }),
  }))
  const offsetsAt = at
  const stringsAt = align(offsetsAt + (strings.count + 1) * 4)
  at = stringsAt
  for (let i = 0; i < strings.count; i++) at += strings.byteLength(i)
  return { placed, offsetsAt, stringsAt, bytes: at }
}

export function encodeBody(batch: Batch): Uint8Array {
  const { placed, offsetsAt, stringsAt, bytes } = layoutOf(batch)
  const stringCount = batch.strings.count
  const out = Buffer.alloc(bytes)
  out.writeUInt32LE(BODY_MAGIC, 0)
  out.writeUInt32LE(placed.length, 4)
  out.writeUInt32LE(stringCount, 8)
  out.writeUInt32LE(offsetsAt, 12)
  out.writeUInt32LE(stringsAt, 16)
  out.writeUInt32LE(bytes, 20)
  out.writeBigUInt64LE(batch.baseNs, 24)
  placed.forEach(({ table, columnsAt, columns }, i) => {
    const entry = HEAD_BYTES + i * TABLE_BYTES
    out.writeUInt16LE(TABLES[table.name].id, entry)
    out.writeUInt16LE(columns.length, entry + 2)
    out.writeUInt32LE(table.rowCount, entry + 4)
    out.writeUInt32LE(columnsAt, entry + 8)
    columns.forEach(({ name, data, dataAt }, j) => {
      const spec = COLUMNS[name]
      out.writeUInt16LE(spec.id, columnsAt + j * COLUMN_BYTES)
      out.writeUInt8(KIND_IDS[spec.kind], columnsAt + j * COLUMN_BYTES + 2)
      out.writeUInt32LE(dataAt, columnsAt + j * COLUMN_BYTES + 4)
      out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataAt)
    })
  })
  let stringAt = 0
  for (let i = 0; i < stringCount; i++) {
    out.writeUInt32LE(stringAt, offsetsAt + i * 4)
    stringAt = batch.strings.copyTo(out, stringsAt + stringAt, i) - stringsAt
  }
  out.writeUInt32LE(stringAt, offsetsAt + stringCount * 4)
  return out
}

/** Opens a body without copying its columns (unless its memory is not aligned to 8). */
export function openBody(input: Uint8Array): Batch {
  const bytes = input.byteOffset % 8 === 0 ? input : new Uint8Array(input)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  check(bytes.byteLength >= HEAD_BYTES && view.getUint32(0, true) === BODY_MAGIC, 'not a batch body')
  check(view.getUint32(20, true) === bytes.byteLength, 'its length differs from what it says')
  const strings = openStrings(bytes, view)
  const tables: Batch['tables'] = {}
  const tableCount = view.getUint32(4, true)
  within(bytes, HEAD_BYTES, tableCount, TABLE_BYTES, 'table directory')
  for (let i = 0; i < tableCount; i++) {
    const table = openTable(bytes, view, HEAD_BYTES + i * TABLE_BYTES, strings.count)
    if (table === null) continue
    if (tables[table.name] !== undefined) throw corrupt(`table ${table.name} stands in it twice`)
    tables[table.name] = table
  }
  checkRows(tables)
  checkReferences(tables)
  return { baseNs: view.getBigUint64(24, true), strings, tables }
}

function openStrings(bytes: Uint8Array, view: DataView): Strings {
  const count = view.getUint32(8, true)
  const offsetsAt = view.getUint32(12, true)
  const stringsAt = view.getUint32(16, true)
  check(count >= 1 && offsetsAt % 8 === 0, 'string dictionary is malformed')
  within(bytes, offsetsAt, count + 1, 4, 'string offsets')
  const offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + offsetsAt, count + 1)
  let previous = 0
  for (let i = 0; i < offsets.length; i++) {
    if (offsets[i]! < previous) throw corrupt('string offsets run backwards')
    previous = offsets[i]!
  }
  within(bytes, stringsAt, previous, 1, 'strings')
  return new Strings(offsets, bytes.subarray(stringsAt, stringsAt + previous))
}

/** Null for a table this version does not know: a newer peer may send more. */
function openTable(bytes: Uint8Array, view: DataView, entry: number, stringCount: number): Table | null {
  const name = TABLE_BY_ID.get(view.getUint16(entry, true))
  if (name === undefined) return null
  const columnCount = view.getUint16(entry + 2, true)
  const rowCount = view.getUint32(entry + 4, true)
  const columnsAt = view.getUint32(entry + 8, true)
  within(bytes, columnsAt, columnCount, COLUMN_BYTES, 'column directory')
  const table: Table = { name, rowCount, columns: {} }
  let known = 0
  for (let j = 0; j < columnCount; j++) {
    const at = columnsAt + j * COLUMN_BYTES
    const column = COLUMNS_BY_ID[view.getUint16(at, true)]
    const dataAt = view.getUint32(at + 4, true)
    if (dataAt % 8 !== 0) throw corrupt('column is not aligned')
    if (column === undefined) continue
    const { kind } = column
    if (view.getUint8(at + 2) !== column.kindId) throw corrupt(`column ${column.name} has another kind`)
    if (dataAt + rowCount * column.bytes > bytes.byteLength) throw corrupt(`column ${column.name} reaches past the end`)
    const data = arrayOn(kind, bytes.buffer as ArrayBuffer, bytes.byteOffset + dataAt, rowCount)
    if (kind === 'str' && !areBelow(data as Uint32Array, stringCount)) {
      throw corrupt(`${column.name} points past the strings`)
    }
    table.columns[column.name] = data
    known += 1
  }
  if (rowCount > 0 && known === 0) throw corrupt(`table ${name} has rows but no known columns`)
  for (const required of REQUIRED_COLUMNS[name]) {
    if (table.columns[required] === undefined) throw corrupt(`table ${name} lacks the column ${required}`)
  }
  return table
}

function checkRows(tables: Batch['tables']): void {
  let rows = 0
  for (const { name, rowCount } of Object.values(tables)) if (TABLES[name].role === 'event') rows += rowCount
  check(rows <= MAX_EVENT_ROWS, 'it has more events than a batch may have')
  check((tables.matches?.rowCount ?? 0) <= MAX_MATCH_ROWS, 'it has more matches than a batch may have')
}

function checkReferences(tables: Batch['tables']): void {
  for (const table of Object.values(tables)) {
    for (const [column, target] of [
      ['process', 'process'],
      ['parent', 'process'],
      ['container', 'container'],
    ] as const) {
      const data = table.columns[column] as Uint32Array | undefined
      if (data === undefined) continue
      const rows = tables[target]?.rowCount ?? 0
      if (!areBelowOrAbsent(data, rows)) throw corrupt(`${column} points past the ${target} table`)
    }
  }
}

function areBelow(indices: Uint32Array, limit: number): boolean {
  let highest = 0
  for (let i = 0; i < indices.length; i++) if (indices[i]! > highest) highest = indices[i]!
  return highest < limit || indices.length === 0
}

function areBelowOrAbsent(references: Uint32Array, limit: number): boolean {
  for (let i = 0; i < references.length; i++) {
    if (references[i]! >= limit && references[i] !== ABSENT.ref) return false
  }
  return true
}

function within(bytes: Uint8Array, at: number, count: number, size: number, what: string): void {
  if (at + count * size > bytes.byteLength) throw corrupt(`${what} reaches past the end`)
}

function check(condition: boolean, what: string): void {
  if (!condition) throw corrupt(what)
}

function corrupt(what: string): AppError {
  return new AppError('E_BATCH_CORRUPT', `Batch refused: ${what}`, { retryable: false })
}

function align(at: number): number {
  return (at + 7) & ~7
}
