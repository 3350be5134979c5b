/** The value of a field for one event whose rows a test gives. */
import { BatchBuilder, type Row } from '../../core/batch/builder.ts'
import type { TableName } from '../../core/batch/schema.ts'
import { Cursor } from '../../core/fields/cursor.ts'
import { EVENT_TYPES, type EventTypeName } from '../../core/fields/event-types.ts'
import { findField } from '../../core/fields/index.ts'
import { readerOf } from '../../core/fields/reader.ts'
import type { Value } from '../../core/model/event.ts'

export interface GivenEvent {
  type: EventTypeName
  row?: Row
  process?: Row
  container?: Row
  /** ns since the Unix epoch. */
  atNs?: bigint
  /** Default: the first table that the type can be in. */
  table?: TableName
}

/** `name` as rules write it: with a dot or with brackets. */
export function fieldValue(event: GivenEvent, name: string): Value | undefined {
  const [, plain = '', argument = null] = /^([^[]+)(?:\[(.*)\])?$/.exec(name) ?? []
  const found = findField(plain, argument)
  if (found === undefined) throw new Error(`no field ${name}`)
  const builder = new BatchBuilder(event.atNs ?? 0n)
  const container = event.container === undefined ? {} : { container: builder.add('container', event.container) }
  const process = builder.add('process', { pid: 7, ...event.process, ...container })
  const table = event.table ?? EVENT_TYPES[event.type].tables[0]!
  builder.addEvent(table, event.atNs ?? 0n, { type: EVENT_TYPES[event.type].code, process, ...container, ...event.row })
  const batch = builder.build()
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.moveTo(batch.tables[table]!, 0)
  return readerOf(found.field, found.argument)(cursor)
}
