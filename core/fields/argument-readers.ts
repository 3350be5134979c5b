/** What arguments of events are made of: a column, a path, a descriptor, as text and in a readable form. */
import type { ColumnName } from '../batch/columns.ts'
import type { Cursor } from './cursor.ts'
import { firstPath, secondPath } from './event-path.ts'
import { exeFlagsText } from './exe-flags.ts'
import { errorName, modeNames, openFlagNames, signalName } from './kernel-names.ts'
import { connectionText } from './socket-ends.ts'

/** `raw` as the call had it, `shown` where there is a more readable form. */
export interface ArgumentText {
  raw: string
  shown?: string
}

export interface EventArgument {
  name: string
  read: (cursor: Cursor) => ArgumentText | undefined
  /** Set where the value is the event's first or second path and nothing else. */
  path?: 'first' | 'second'
  /** Set where a batch never carries it. */
  isGap?: true
}

/** Arguments of Falco's that a batch does not carry: they keep the positions of the others, and are never there. */
export const gaps = (names: string): EventArgument[] =>
  names.split(' ').map((name) => ({ name, read: () => undefined, isGap: true }))
export const named = (name: string, read: EventArgument['read']): EventArgument => ({ name, read })

export function text(name: string, read: (cursor: Cursor) => string | undefined): EventArgument {
  return named(name, (cursor) => {
    const raw = read(cursor)
    return raw === undefined ? undefined : { raw }
  })
}

export function number(name: string, column: ColumnName, show?: (value: number) => string | undefined): EventArgument {
  return named(name, (cursor) => shownNumber(cursor.number(column), show))
}

export function processNumber(name: string, column: ColumnName, show?: (value: number) => string): EventArgument {
  return named(name, (cursor) => shownNumber(cursor.processNumber(column), show))
}

export function shownNumber(
  value: number | undefined,
  show?: (value: number) => string | undefined,
): ArgumentText | undefined {
  if (value === undefined) return undefined
  const shown = show?.(value)
  return shown === undefined ? { raw: String(value) } : { raw: String(value), shown }
}

export const result = number('res', 'ret', (value) => (value < 0 ? errorName(value) : undefined))
export const path = (name: string): EventArgument => ({ ...text(name, firstPath), path: 'first' })
export const path2 = (name: string): EventArgument => ({ ...text(name, secondPath), path: 'second' })
export const raw = (name: string, column: ColumnName) => text(name, (cursor) => cursor.text(column))
export const mode = number('mode', 'mode', modeNames)
export const user = (name: string, column: ColumnName) =>
  named(name, (cursor) => {
    const id = cursor.number(column)
    if (id === undefined) return undefined
    const known = id === 0 ? 'root' : id === cursor.processNumber('uid') ? cursor.processText('userName') : undefined
    return known === undefined ? { raw: String(id) } : { raw: String(id), shown: known }
  })
export const group = (name: string, column: ColumnName) => number(name, column)

const FD_PREFIX: Record<string, string> = { '4': '4t', '6': '6t' }
export const fd = named('fd', (cursor) => {
  const value = cursor.number('fd')
  if (value === undefined) return undefined
  const code = cursor.number('fdType')
  const type = code === undefined ? '' : String.fromCharCode(code)
  const name = connectionText(cursor) ?? firstPath(cursor)
  if (value < 0 || (type === '' && name === undefined)) return { raw: String(value) }
  return { raw: String(value), shown: `<${FD_PREFIX[type] ?? type}>${name ?? ''}` }
})
export const directory = (name: string, column: ColumnName, pathColumn: ColumnName) =>
  named(name, (cursor) => {
    const value = cursor.number(column)
    if (value === undefined) return undefined
    if (value === -100) return { raw: '-100', shown: 'AT_FDCWD' }
    const shown = cursor.text(pathColumn)
    return shown === undefined ? { raw: String(value) } : { raw: String(value), shown: `<f>${shown}` }
  })
export const dirfd = directory('dirfd', 'dirFd', 'dirPath')
export const device = number('dev', 'device')
export const inode = number('ino', 'inode')
export const openFlags = number('flags', 'flags', openFlagNames)
export const tuple = text('tuple', connectionText)
export const size = number('size', 'size')
export const exeFlags = named('flags', (cursor) => {
  const bits = cursor.number('exeFlags')
  return bits === undefined ? undefined : exeFlagsText(bits)
})
export const signal = number('sig', 'arg1', signalName)
