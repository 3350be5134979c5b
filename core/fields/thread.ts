/** `thread.*`: the thread that made the call. */
import type { ColumnName } from '../batch/columns.ts'
import { eventColumn, type Field, field, fromEvent, fromProcess, type Source } from './field.ts'
import { capabilityNames } from './kernel-names.ts'

function capabilities(column: ColumnName): Source {
  return fromProcess(
    (cursor) => {
      const mask = cursor.processNumber(column)
      return mask === undefined ? undefined : capabilityNames(mask)
    },
    { own: [column] },
  )
}

export const THREAD_FIELDS: readonly Field[] = [
  field('thread.tid', 'number', 'Thread id on the host.', eventColumn('tid'), { ecs: 'process.thread.id' }),
  field('thread.vtid', 'number', 'Thread id inside the pid namespace.', eventColumn('vtid')),
  field(
    'thread.ismain',
    'boolean',
    'The main thread of its process.',
    fromEvent(['tid'], (cursor) => {
      const tid = cursor.number('tid')
      return tid === undefined ? undefined : tid === cursor.processNumber('pid')
    }),
  ),
  field(
    'thread.cap_permitted',
    'string',
    'Permitted capabilities by name, joined by blanks.',
    capabilities('capPermitted'),
  ),
  field(
    'thread.cap_effective',
    'string',
    'Effective capabilities by name, joined by blanks.',
    capabilities('capEffective'),
  ),
  field(
    'thread.cap_inheritable',
    'string',
    'Inheritable capabilities by name, joined by blanks.',
    capabilities('capInheritable'),
  ),
]
