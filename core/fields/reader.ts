/** Turns a field and its argument into a function that reads the value at a cursor. */
import { COLUMNS } from '../batch/columns.ts'
import type { Field, Reader } from './field.ts'

/** `argument` is what stood in brackets, checked against the field before. */
export function readerOf(field: Field, argument: string | null): Reader {
  const { read } = field
  if (read.from === 'derived') return read.derive(argument)
  const { column } = read
  const kind = COLUMNS[column].kind
  if (kind === 'str') {
    if (read.scope === 'event') return (cursor) => cursor.text(column)
    if (read.scope === 'process') return (cursor) => cursor.processText(column)
    return (cursor) => cursor.containerText(column)
  }
  if (kind === 'i64') {
    if (read.scope === 'process') return (cursor) => cursor.processTime(column)
    if (read.scope === 'container') return (cursor) => cursor.containerTime(column)
  }
  if (read.scope === 'event') return (cursor) => cursor.number(column)
  if (read.scope === 'process') return (cursor) => cursor.processNumber(column)
  return (cursor) => cursor.containerNumber(column)
}
