/**
 * Reads the tables of calls that are captured only by name: one call a line, as its name, its numbers on x86-64, ia32 (`int
 * 0x80`; several joined by `+`, where older variants mean the same) and arm64, `-` for none, and which argument is what.
 * `path` and `path2` are resolved against `dir` and `dir2` or the current directory, `text` and `text2` are mere texts;
 * `number` is a descriptor that is not looked up, `data` a buffer, `parts` a list of buffers, `message` a struct msghdr.
 * `uring` are opcodes of io_uring, of which nothing but the descriptor and the result is told.
 */
import { CALL_FAMILIES, familyOf, type NamedCall } from '../../../../core/fields/calls-by-name.ts'
import type { Place, SyscallSpec } from '../syscall-spec.ts'
import { comesInFloods } from './floods.ts'

const PLACES = {
  fd: 'fd',
  dir: 'dir0',
  dir2: 'dir1',
  flags: 'flags',
  mode: 'mode',
  size: 'size',
  data: 'data',
} as const

/** Throws an Error for a line that makes no sense: the tables are part of the program. */
export function parseNamedCalls(...tables: string[]): Record<NamedCall, SyscallSpec> {
  const found: Record<string, SyscallSpec> = {}
  for (const line of tables.flatMap((table) => table.trim().split('\n'))) {
    const [name = '', x64 = '-', ia32 = '-', arm64 = '-', ...places] = line.split(' ')
    const family = familyOf(name)
    if (family === undefined || Object.hasOwn(found, name))
      throw new Error(`call "${name}" has no family, or two lines`)
    found[name] = {
      ...(x64 === '-' ? {} : { x64: Number(x64) }),
      ...(ia32 === '-' ? {} : { ia32: ia32.split('+').map(Number) }),
      ...(arm64 === '-' ? {} : { arm64: Number(arm64) }),
      table: CALL_FAMILIES[family].tables[0],
      budget: comesInFloods(name) ? 'flood' : 'named',
      ...placesOf(name, places),
    }
  }
  return found as Record<NamedCall, SyscallSpec>
}

function placesOf(call: string, places: readonly string[]): Partial<SyscallSpec> {
  const spec: Partial<SyscallSpec> = {}
  for (const assignment of places) {
    const [what = '', where = ''] = assignment.split('=')
    const place: Place = where === 'return' ? where : (Number(where) as Place)
    if (Object.hasOwn(PLACES, what)) spec[PLACES[what as keyof typeof PLACES]] = place
    else if (what === 'number') Object.assign(spec, { fd: place, isNumberOnly: true })
    else if (what === 'uring') spec.uring = where.split('+').map(Number)
    else if (what === 'path') spec.text0 = place
    else if (what === 'path2') spec.text1 = place
    else if (what === 'text') Object.assign(spec, { text0: place, dir0: 'none' })
    else if (what === 'text2') Object.assign(spec, { text1: place, dir1: 'none' })
    else if (what === 'parts') Object.assign(spec, { data: place, inParts: true })
    else if (what === 'message') Object.assign(spec, { address: place, message: true })
    else throw new Error(`call "${call}" has no place "${what}"`)
  }
  return spec
}
