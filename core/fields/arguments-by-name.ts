/**
 * The arguments of calls that are captured only by name, in Falco's order under Falco's names: a call and its arguments a
 * line. `-NAME` is one that a batch does not carry. `NAME` alone is what the name says (`res`, `fd`, `dirfd`, `path`, `size`,
 * `tuple`), `NAME=COLUMN` a column as it is, `NAME=COLUMN:AS` one by its name, as `hex`, as a
 * signed `int` or as a `user`. Calls of which Falco knows nothing but
 * `ID` and `nativeID` have these two first, and what else they carry behind them.
 */
import type { ColumnName } from '../batch/columns.ts'
import {
  directory,
  dirfd,
  type EventArgument,
  fd,
  gaps,
  named,
  number,
  path,
  path2,
  raw,
  result,
  size,
  text,
  tuple,
  user,
} from './argument-readers.ts'
import { OWN_ARGUMENTS, PLAIN_ARGUMENTS } from './arguments-by-name-table.ts'
import { CALL_FAMILIES, type CallFamilyName, namesOf } from './calls-by-name.ts'
import { DESCRIPTOR_CALLS } from './event-path.ts'
import { NUMBER_NAMES, type NumberNames } from './number-names.ts'

const SIMPLE: Readonly<Record<string, EventArgument>> = {
  res: result,
  fd,
  dirfd,
  size,
  tuple,
  path: path('path'),
  ID: text('ID', (cursor) => cursor.type),
}

function argumentOf(token: string): EventArgument {
  if (token.startsWith('-')) return gaps(token.slice(1))[0]!
  const [name = '', source = ''] = token.split('=')
  if (source === '') {
    const simple = SIMPLE[name]
    if (simple === undefined) throw new Error(`no argument is called "${name}" alone`)
    return simple
  }
  const [column = '', as] = source.split(':')
  switch (column) {
    case 'path':
      return path(name)
    case 'path2':
      return path2(name)
    case 'fd':
      return { ...fd, name }
    case 'dirFd':
      return directory(name, 'dirFd', 'dirPath')
    case 'dirFd2':
      return directory(name, 'dirFd2', 'dirPath2')
    case 'rawPath':
    case 'text0':
    case 'text1':
      return raw(name, column)
  }
  if (as === 'user') return user(name, column as ColumnName)
  if (as === 'int') return signed(name, column as ColumnName)
  if (as === 'hex') return hexadecimal(name, column as ColumnName)
  return number(name, column as ColumnName, as === undefined ? undefined : NUMBER_NAMES[as as NumberNames])
}

/** An `int` of the call: what stands in the upper half of the register is not part of it. */
function signed(name: string, column: ColumnName): EventArgument {
  return named(name, (cursor) => {
    const value = cursor.number(column)
    return value === undefined ? undefined : { raw: String(value | 0) }
  })
}

/** As Falco prints addresses and requests of ioctl; -1 and other negative numbers stay what they are. */
function hexadecimal(name: string, column: ColumnName): EventArgument {
  return named(name, (cursor) => {
    const value = cursor.number(column)
    if (value === undefined) return undefined
    return { raw: value < 0 ? String(value) : value.toString(16).toUpperCase() }
  })
}

const SIMPLY_NAMED: readonly string[] = ['ID', '-nativeID', 'res']

function linesOf(table: string): Map<string, string[]> {
  return new Map(
    table
      .trim()
      .split('\n')
      .map((line) => {
        const [call = '', ...tokens] = line.split(' ')
        return [call, tokens] as const
      }),
  )
}

/** By call. */
export const NAMED_CALL_ARGUMENTS: ReadonlyMap<string, readonly EventArgument[]> = (() => {
  const own = linesOf(OWN_ARGUMENTS)
  const plain = linesOf(PLAIN_ARGUMENTS)
  const all = new Map<string, readonly EventArgument[]>()
  for (const family of Object.keys(CALL_FAMILIES) as CallFamilyName[]) {
    for (const call of namesOf(family)) {
      const rest = plain.get(call) ?? (DESCRIPTOR_CALLS.has(call) ? ['fd'] : family === 'paths' ? ['path'] : [])
      all.set(call, (own.get(call) ?? [...SIMPLY_NAMED, ...rest]).map(argumentOf))
    }
  }
  return all
})()
