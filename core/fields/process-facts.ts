/** Facts about a process as Falco words them, for the process itself and its ancestors. */
import { EXE_FLAGS } from '../batch/columns.ts'
import type { Cursor } from './cursor.ts'
import { MAX_ANCESTORS } from './cursor.ts'

/** Entries of a NUL-separated column; a trailing NUL ends the last entry. */
export function argumentList(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  const list = text.split('\0')
  if (list.length > 1 && list.at(-1) === '') list.pop()
  return list
}

/** argv[0]. */
export function exeOf(cursor: Cursor, process: number): string | undefined {
  const text = cursor.processText('argv', process)
  if (text === undefined) return undefined
  const end = text.indexOf('\0')
  return end < 0 ? text : text.slice(0, end)
}

/** The arguments after argv[0], joined by blanks; empty when there are none. */
export function argsOf(cursor: Cursor, process: number): string | undefined {
  const text = cursor.processText('argv', process)
  if (text === undefined) return undefined
  const end = text.indexOf('\0')
  if (end < 0) return ''
  const rest = text.slice(end + 1)
  return (rest.endsWith('\0') ? rest.slice(0, -1) : rest).replaceAll('\0', ' ')
}

/** The task's name followed by its arguments. */
export function commandLineOf(cursor: Cursor, process: number): string | undefined {
  const name = cursor.processText('comm', process)
  if (name === undefined) return undefined
  const args = argsOf(cursor, process)
  return args === undefined || args === '' ? name : `${name} ${args}`
}

/** argv as it was given, joined by blanks. */
export function exeLineOf(cursor: Cursor, process: number): string | undefined {
  const exe = exeOf(cursor, process)
  if (exe === undefined) return undefined
  const args = argsOf(cursor, process)
  return args === undefined || args === '' ? exe : `${exe} ${args}`
}

/**
 * The leader of the session or process group: the process whose id is the session's, or the eldest ancestor in it.
 * -1 when the process is in none.
 */
export function leaderOf(cursor: Cursor, column: 'sid' | 'pgid' | 'vpgid'): number {
  const id = cursor.processNumber(column)
  if (id === undefined) return -1
  const own = column === 'vpgid' ? 'vpid' : 'pid'
  let leader = cursor.process
  let at = cursor.process
  for (let i = 0; i <= MAX_ANCESTORS && at >= 0; i++) {
    if (cursor.processNumber(column, at) !== id) break
    leader = at
    if (cursor.processNumber(own, at) === id) break
    at = cursor.ancestor(1, at)
  }
  return leader
}

/** Path of the executable. What is in memory only has no place, thus no slash before its name: `memfd:payload`. */
export function executableOf(cursor: Cursor, process: number): string | undefined {
  const path = cursor.processText('exePath', process)
  if (path === undefined || !path.startsWith('/memfd:')) return path
  return ((cursor.processNumber('exeFlags', process) ?? 0) & EXE_FLAGS.memfd) === 0 ? path : path.slice(1)
}
