import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import { COLUMNS, type ColumnName } from '../../../core/batch/columns.ts'
import { TABLES, type TableName } from '../../../core/batch/schema.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { DocumentWriter } from '../../../core/fields/document.ts'
import { DOCUMENT_FIELDS, OPEN_OBJECTS } from '../../../core/fields/document-fields.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'

/** A row with something in every column of its table. */
function fullRow(table: TableName): Row {
  const row: Row = {}
  for (const column of TABLES[table].columns as readonly ColumnName[]) {
    const { kind } = COLUMNS[column]
    if (kind === 'ref' || column === 'ordinal') continue
    row[column] =
      kind === 'str' ? textFor(column) : kind === 'i64' ? 1_700_000_000_000_000_000n : kind === 'f64' ? -2 : 1
  }
  return row
}

function textFor(column: ColumnName): string {
  if (column === 'attributes') return '{"name":"web"}'
  if (column === 'labels') return 'io.kubernetes.pod.name=p\0io.kubernetes.pod.namespace=n'
  if (column === 'localIp' || column === 'remoteIp') return '192.0.2.1'
  return '/a/b'
}

function leaves(value: unknown, path: string, into: Map<string, unknown>): void {
  if (Array.isArray(value)) for (const item of value) leaves(item, path, into)
  else if (typeof value === 'object' && value !== null) {
    for (const [key, child] of Object.entries(value)) leaves(child, path === '' ? key : `${path}.${key}`, into)
  } else if (value !== undefined) into.set(path, value)
}

test('every leaf of an event document is a known field of a fitting type', () => {
  const found = new Map<string, unknown>()
  for (const { code, tables } of Object.values(EVENT_TYPES)) {
    for (const table of tables) {
      const builder = new BatchBuilder(1_700_000_000_000_000_000n)
      const container = builder.add('container', fullRow('container'))
      const parent = builder.add('process', { ...fullRow('process'), container })
      const process = builder.add('process', { ...fullRow('process'), container, parent })
      builder.addEvent(table, builder.baseNs, { ...fullRow(table), type: code, family: 2, process, container })
      const cursor = new Cursor()
      cursor.open(builder.build())
      cursor.hostname = 'host-1'
      cursor.moveTo(builder.build().tables[table]!, 0)
      leaves(new DocumentWriter().document(cursor, { id: 'e', collector: 'c' }), '', found)
    }
  }
  expect(found.size).toBeGreaterThan(50)
  const unknown = [...found.keys()].filter(
    (path) => DOCUMENT_FIELDS[path] === undefined && !OPEN_OBJECTS.some((open) => path.startsWith(`${open}.`)),
  )
  expect(unknown).toEqual([])
  const fits = { keyword: 'string', long: 'number', double: 'number', ip: 'string', date: 'string', boolean: 'boolean' }
  const wrong = [...found].filter(
    ([path, value]) => DOCUMENT_FIELDS[path] !== undefined && typeof value !== fits[DOCUMENT_FIELDS[path]!],
  )
  expect(wrong).toEqual([])
})

test('every ECS name in the field table is a field of documents', () => {
  const folder = join(import.meta.dirname, '../../../core/fields')
  const names = readdirSync(folder).flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/ecs: '([^']+)'/g)].map((match) => match[1]!),
  )
  expect(names.length).toBeGreaterThan(20)
  expect(names.filter((name) => DOCUMENT_FIELDS[name] === undefined && !name.startsWith('docker.'))).toEqual([])
})
