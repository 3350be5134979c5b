import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Batch, eventTables } from '../../../core/batch/batch.ts'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import { COLUMNS, type ColumnKind, type ColumnName } from '../../../core/batch/columns.ts'
import { TABLES, type TableName } from '../../../core/batch/schema.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { DocumentWriter } from '../../../core/fields/document.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'

const WAVE = Buffer.from('🌊').toString('latin1')
const TEXTS = [
  ...[
    '',
    '/',
    '/a/b',
    '/a/../b/',
    'rel/x',
    'q"uo\\te\n',
    'nul\0two\0',
    '\xff\xfe\x7f\x1b[31m',
    `ü${WAVE}`,
    '192.0.2.1',
  ],
  'a.b=1\0__proto__=x\x007=s\x003=t\0=z\0n\0io.kubernetes.pod.name=p\0io.kubernetes.pod.namespace=n',
  '{"name":"web","7":"x","3":true,"__proto__":"y","a.b":"\\ud83c","n":null}',
]
const VALUES: Readonly<Record<Exclude<ColumnKind, 'ref' | 'str'>, readonly (number | bigint)[]>> = {
  u8: [0, 1, 2, 6, 10, 17, 102],
  u16: [0, 443],
  u32: [0, 1, 0o100644, 0x8803, 4_000_000_000],
  i32: [-100, -1, 5],
  f64: [-2, 0, 1.5, 1e21, Number.POSITIVE_INFINITY],
  i64: [0n, 1_700_000_000_123_456_789n, -5n],
}

/** Takes values in turn, so that rows differ and are the same on every run. */
function filledRow(table: TableName, turn: number, texts: readonly string[] = TEXTS): Row {
  const row: Row = {}
  for (const [i, column] of (TABLES[table].columns as readonly ColumnName[]).entries()) {
    const { kind } = COLUMNS[column]
    if (kind === 'ref' || column === 'ordinal' || (turn + i) % 4 === 0) continue
    const values = kind === 'str' ? texts : VALUES[kind]
    row[column] = values[(turn * 7 + i) % values.length]!
  }
  return row
}

function filledBatch(turn: number, types: readonly (keyof typeof EVENT_TYPES)[], texts?: readonly string[]): Batch {
  const builder = new BatchBuilder(1_700_000_000_000_000_000n)
  const container = builder.add('container', filledRow('container', turn, texts))
  const top = builder.add('process', filledRow('process', turn + 1, texts))
  const parent = builder.add('process', { ...filledRow('process', turn + 2, texts), parent: top })
  const process = builder.add('process', { ...filledRow('process', turn + 3, texts), parent, container })
  types.forEach((type, i) => {
    for (const table of EVENT_TYPES[type].tables) {
      const refs = TABLES[table].columns.includes('process' as never) ? { process } : { container }
      const known = { time: 1_000_000 * i, type: EVENT_TYPES[type].code }
      builder.add(table, { ...filledRow(table, turn + i, texts), ...known, ...((turn + i) % 5 === 0 ? {} : refs) })
    }
  })
  return builder.build()
}

function* documents(batch: Batch): Generator<string> {
  const writer = new DocumentWriter()
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.hostname = 'host "1"'
  for (const table of eventTables(batch)) {
    for (let row = 0; row < table.rowCount; row++) {
      cursor.moveTo(table, row)
      yield writer.json(cursor, { id: `e${row}`, collector: 'c\n' })
    }
  }
}

const SOME = ['execve', 'procexit', 'openat', 'renameat', 'mount', 'connect', 'accept4', 'ptrace'] as const
const TYPES = Object.keys(EVENT_TYPES) as (keyof typeof EVENT_TYPES)[]
const FOREIGN = TYPES.filter((type) => EVENT_TYPES[type].source !== 'syscall')

test('documents are what they were, to the byte', () => {
  const expected = readFileSync(join(import.meta.dirname, '../../fixtures/event-documents.jsonl'), 'utf8')
  const found = [1, 2, 3].flatMap((turn) => [...documents(filledBatch(turn, [...SOME, ...FOREIGN]))])
  expect(found).toEqual(expected.trimEnd().split('\n'))
})

test('a document is written as JSON.stringify would write what it says', () => {
  const text = fc.oneof(
    fc.constantFrom(...TEXTS),
    fc.uint8Array({ maxLength: 40 }).map((b) => Buffer.from(b).toString('latin1')),
  )
  const some = fc.tuple(fc.nat(1_000), fc.array(text, { minLength: 1, maxLength: 8 }))
  fc.assert(
    fc.property(some, ([turn, texts]) => {
      for (const json of documents(filledBatch(turn, TYPES, texts))) expect(JSON.stringify(JSON.parse(json))).toBe(json)
    }),
    { numRuns: 30 },
  )
})

test('texts, arguments and ancestors in a document are bounded, however long those of the batch are', () => {
  const builder = new BatchBuilder(0n)
  const long = WAVE.repeat(10_000)
  const argv = Array.from({ length: 500 }, (_, i) => `a${i}`).join('\0')
  let parent = builder.add('process', { pid: 1, comm: long, argv })
  for (let pid = 2; pid < 40; pid++) parent = builder.add('process', { pid, comm: long, argv, parent })
  builder.add('file', { type: EVENT_TYPES.openat.code, time: 0, process: parent, path: `/${long}` })
  const [json] = documents(builder.build())
  const { process, file, seamark } = JSON.parse(json!)
  expect(process.args).toHaveLength(128)
  expect(process.args_count).toBe(500)
  expect(seamark.ancestry).toHaveLength(16)
  expect(seamark.ancestry[0].command_line).toHaveLength(1_024)
  expect(Buffer.byteLength(file.path)).toBeLessThanOrEqual(8_192 + 2)
})

test('what is kept of a batch is bounded: many processes that share one long text are forgotten on the way', () => {
  const builder = new BatchBuilder(0n)
  const argv = Array.from({ length: 128 }, () => 'x'.repeat(8_000)).join('\0')
  for (let pid = 0; pid < 100; pid++) {
    const process = builder.add('process', { pid, comm: 'sh', argv })
    builder.add('call', { type: EVENT_TYPES.ptrace.code, time: pid, process })
  }
  let pid = 0
  for (const json of documents(builder.build())) expect(JSON.parse(json).process.pid).toBe(pid++)
  expect(pid).toBe(100)
})
