/** `fs.path.*`: the paths a call names, whether or not it takes a descriptor. */
import type { Cursor } from './cursor.ts'
import { firstPath, secondPath, TWO_PATH_CALLS, takesPath } from './event-path.ts'
import { type Field, field, fromEvent } from './field.ts'

const hasTwo = (cursor: Cursor): boolean => {
  const type = cursor.type
  return type !== undefined && TWO_PATH_CALLS.has(type)
}

const hasOne = (cursor: Cursor): boolean => {
  const type = cursor.type
  return cursor.table.name === 'file' && !hasTwo(cursor) && (type === undefined || takesPath(type))
}

const one = (read: (cursor: Cursor) => string | undefined) =>
  fromEvent(['path', 'rawPath'], (cursor) => (hasOne(cursor) ? read(cursor) : undefined))
const two = (read: (cursor: Cursor) => string | undefined) =>
  fromEvent(['rawPath2'], (cursor) => (hasTwo(cursor) ? read(cursor) : undefined))

export const FS_PATH_FIELDS: readonly Field[] = [
  field(
    'fs.path.name',
    'string',
    'Absolute path of the call (of mount: where it mounts). Of calls that return no descriptor it is what user space passed, made absolute without following symbolic links, and another thread may have changed it meanwhile.',
    one((cursor) => (cursor.type === 'mount' ? secondPath(cursor) : firstPath(cursor))),
  ),
  field(
    'fs.path.nameraw',
    'string',
    'The path as user space passed it.',
    one((cursor) => cursor.text(cursor.type === 'mount' ? 'rawPath2' : 'rawPath')),
  ),
  field(
    'fs.path.source',
    'string',
    'Absolute old path of a rename or link, or what a symbolic link points to.',
    two(firstPath),
  ),
  field(
    'fs.path.sourceraw',
    'string',
    'The source as user space passed it.',
    two((cursor) => cursor.text('rawPath')),
  ),
  field('fs.path.target', 'string', 'Absolute new path of a rename or link.', two(secondPath)),
  field(
    'fs.path.targetraw',
    'string',
    'The target as user space passed it.',
    two((cursor) => cursor.text('rawPath2')),
  ),
]
