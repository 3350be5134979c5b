/**
 * Builds the batch of one rule test from plain data: columns by name, with `process` (and its `parent`) and `container`
 * nested. What columns hold packed may be written out: lists, maps, flag names, characters.
 *
 *   {type: openat, path: /etc/passwd, flags: O_RDWR|O_CREAT, fd: 3, fdType: f, ret: 3,
 *    process: {comm: sh, argv: [sh, -c, id], parent: {comm: runc}}, container: {containerId: 4a…, labels: {a: b}}}
 */
import type { Batch } from '../batch/batch.ts'
import { BatchBuilder, type Row } from '../batch/builder.ts'
import { COLUMNS, type ColumnName, EXE_FLAGS, PROCESS_FLAGS } from '../batch/columns.ts'
import { TABLES, type TableName } from '../batch/schema.ts'
import { fromText } from '../batch/strings.ts'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import { flagWord } from '../fields/kernel-names.ts'
import { nearestName } from '../language/nearest-name.ts'
import type { Plain } from './yaml-items.ts'

type PlainMap = Map<string, Plain>

/** 2026-01-01, so that durations and start times can be written relative to something. */
export const TEST_TIME_NS = 1_767_225_600_000_000_000n
const MAX_TEST_ANCESTORS = 40

/** The batch, or what is wrong with the test's data. */
export function testBatch(event: Plain): Batch | string {
  if (!(event instanceof Map)) return 'an event is a map of columns'
  const typeName = event.get('type')
  if (typeName === undefined) return 'an event needs `type`, such as execve'
  if (typeof typeName !== 'string' || !Object.hasOwn(EVENT_TYPES, typeName))
    return `"${String(typeName)}" is no event type`
  const type = EVENT_TYPES[typeName as EventTypeName]
  const tables = type.tables as readonly TableName[]
  const wanted = event.get('table')
  const table = tables.find((name) => name === wanted) ?? tables[0]!
  const builder = new BatchBuilder(TEST_TIME_NS)
  try {
    const container = event.get('container')
    const containerRow =
      container === undefined
        ? undefined
        : builder.add('container', rowOf('container', asMap(container, 'container'), []))
    const process = event.get('process')
    const row: Row = rowOf(table, event, ['type', 'table', 'process', 'container'])
    row.type = type.code
    if (process !== undefined) row.process = addProcess(builder, asMap(process, 'process'), containerRow, 0)
    if (containerRow !== undefined && columnsOf(table).includes('container')) row.container = containerRow
    builder.addEvent(table, TEST_TIME_NS + 1_000_000_000n, row)
    return builder.build()
  } catch (error) {
    if (error instanceof TestMistake) return error.message
    throw error
  }
}

class TestMistake extends Error {}

function addProcess(builder: BatchBuilder, process: PlainMap, container: number | undefined, depth: number): number {
  if (depth > MAX_TEST_ANCESTORS) throw new TestMistake('too many ancestors')
  const row = rowOf('process', process, ['parent', 'onHost'])
  const parent = process.get('parent')
  if (parent !== undefined) row.parent = addProcess(builder, asMap(parent, 'parent'), container, depth + 1)
  // A container's process may have ancestors outside of it.
  if (container !== undefined && process.get('onHost') !== 'true') row.container = container
  return builder.add('process', row)
}

function rowOf(table: TableName, values: PlainMap, except: readonly string[]): Row {
  const known = columnsOf(table)
  const row: Row = {}
  for (const [name, value] of values) {
    if (except.includes(name)) continue
    if (!known.includes(name as ColumnName)) {
      const near = nearestName(name, known)
      throw new TestMistake(
        `"${name}" is no column of ${table}${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
      )
    }
    row[name as ColumnName] = cellOf(name as ColumnName, value)
  }
  return row
}

function cellOf(name: ColumnName, value: Plain): number | string | bigint {
  const { kind } = COLUMNS[name]
  if (kind === 'str') return fromText(textCell(name, value))
  if (typeof value !== 'string') throw new TestMistake(`"${name}" is a number`)
  if (name === 'fdType' && value.length === 1) return value.charCodeAt(0)
  if (value === 'true' || value === 'false') return value === 'true' ? 1 : 0
  const bits = name === 'processFlags' ? PROCESS_FLAGS : name === 'exeFlags' ? EXE_FLAGS : undefined
  const bit = bits === undefined ? undefined : Object.entries(bits).find(([word]) => word === value)?.[1]
  if (bit !== undefined) return bit
  if (/^-?\d+$/.test(value)) return kind === 'i64' ? BigInt(value) : Number(value)
  if (/^0o[0-7]+$/.test(value)) return Number(value)
  const flags = name === 'flags' ? flagWord(value) : undefined
  if (flags !== undefined) return flags
  throw new TestMistake(`"${value}" is no value for "${name}"`)
}

function textCell(name: ColumnName, value: Plain): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value) && name === 'mounts') return value.map(mountCell).join('\0')
  if (Array.isArray(value)) return value.map((entry) => (typeof entry === 'string' ? entry : '')).join('\0')
  if (value instanceof Map) {
    const entries = [...value].map(([key, entry]) => [key, typeof entry === 'string' ? entry : ''] as const)
    if (name === 'attributes') return JSON.stringify(Object.fromEntries(entries))
    return entries.map(([key, entry]) => `${key}=${entry}`).join('\0')
  }
  return ''
}

/** `source:dest:mode:rdwr:propagation`; a list of the five where a path holds a colon. */
function mountCell(value: Plain): string {
  const parts = typeof value === 'string' ? value.split(':') : Array.isArray(value) ? value : []
  if (parts.length === 5 && parts.every((part) => typeof part === 'string')) return parts.join('\0')
  throw new TestMistake('a mount is source:dest:mode:rdwr:propagation, or a list of the five')
}

function columnsOf(table: TableName): readonly ColumnName[] {
  return TABLES[table].columns
}

function asMap(value: Plain, what: string): PlainMap {
  if (value instanceof Map) return value
  throw new TestMistake(`"${what}" is a map of columns`)
}
