/**
 * The paths an event is about. The kernel's own answer comes first; where there is none (the call failed, or it took
 * no descriptor) the path that user space passed is joined with the directory it was relative to.
 */
import { familyOf, namesOf } from './calls-by-name.ts'
import type { Cursor } from './cursor.ts'
import type { EventTypeName } from './event-types.ts'
import { callPath } from './paths.ts'

/** Calls that make or take a descriptor of a file; the fd.* fields exist for these. */
export const DESCRIPTOR_CALLS: ReadonlySet<EventTypeName> = new Set<EventTypeName>([
  'open',
  'openat',
  'openat2',
  'creat',
  'open_by_handle_at',
  'fchmod',
  'fchown',
  'fchdir',
  'dup',
  'dup2',
  'dup3',
  'setns',
  'finit_module',
  'bpf',
  'memfd_create',
  'userfaultfd',
  'io_uring_setup',
  'io_uring_enter',
  ...namesOf('reads'),
  ...namesOf('writes'),
  ...namesOf('descriptors').filter((name) => name !== 'close_range'),
  ...namesOf('sockets').filter((name) => name !== 'socketpair'),
  ...namesOf('makers').filter((name) => name !== 'pipe' && name !== 'pipe2'),
  'mmap',
  'mmap2',
  'kexec_file_load',
])

export const OPEN_CALLS: ReadonlySet<EventTypeName> = new Set<EventTypeName>([
  'open',
  'openat',
  'openat2',
  'creat',
  'open_by_handle_at',
])

/** Calls with an old and a new path. */
export const TWO_PATH_CALLS: ReadonlySet<EventTypeName> = new Set<EventTypeName>([
  'rename',
  'renameat',
  'renameat2',
  'link',
  'linkat',
  'symlink',
  'symlinkat',
  'move_mount',
])

/** Whether fs.path.* can be there: calls that are captured by name have it only where they take a path. */
export function takesPath(type: EventTypeName): boolean {
  const family = familyOf(type)
  return family === undefined || family === 'paths'
}

export function takesDescriptor(cursor: Cursor): boolean {
  if (cursor.table.name === 'network') return true
  const type = cursor.type
  return type !== undefined && DESCRIPTOR_CALLS.has(type)
}

/** The absolute path of the first path argument or of the descriptor. */
export function firstPath(cursor: Cursor): string | undefined {
  const path = cursor.text('path')
  if (path !== undefined) return path
  const raw = cursor.text('rawPath')
  if (raw === undefined) return undefined
  return callPath(raw, raw.startsWith('/') ? undefined : baseDirectory(cursor, 'dirPath'))
}

/** The absolute path of the second path argument. */
export function secondPath(cursor: Cursor): string | undefined {
  const raw = cursor.text('rawPath2')
  if (raw === undefined) return undefined
  return callPath(raw, raw.startsWith('/') ? undefined : baseDirectory(cursor, 'dirPath2'))
}

function baseDirectory(cursor: Cursor, column: 'dirPath' | 'dirPath2'): string | undefined {
  return cursor.text(column) ?? cursor.processText('cwd')
}
