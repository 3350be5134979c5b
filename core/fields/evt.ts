/** `evt.*`: facts about the event itself. */
import type { TableName } from '../batch/schema.ts'
import type { SourceName } from '../model/event.ts'
import type { Cursor } from './cursor.ts'
import { OPEN_CALLS } from './event-path.ts'
import { EVENT_TYPES } from './event-types.ts'
import { always, eventColumn, everySource, type Field, field, fromEvent, type Source } from './field.ts'
import { errorName } from './kernel-names.ts'

const ACCESS = 3
const READ_WRITE = 2
const CREATE = 0o100
const TMPFILE = 0o20000000
const NO_FLAGS_CALL = 'creat'

/** The open flags of an open call that made a descriptor or not; creat has none of its own. */
function openFlags(cursor: Cursor): number | undefined {
  const type = cursor.type
  if (type === undefined || !OPEN_CALLS.has(type)) return undefined
  return type === NO_FLAGS_CALL ? 0o1101 : cursor.number('flags')
}

function isOpenExec(cursor: Cursor): boolean {
  const flags = openFlags(cursor)
  if (flags === undefined) return false
  const creates = (flags & CREATE) !== 0 || (flags & TMPFILE) === TMPFILE
  return creates && ((cursor.number('mode') ?? 0) & 0o111) !== 0
}

const CATEGORIES: Record<string, string> = { exec: 'process', lifecycle: 'process', file: 'file', network: 'net' }

export const EVT_FIELDS: readonly Field[] = [
  field(
    'evt.num',
    'number',
    'Number of the event within its batch, from 1.',
    always((cursor) => (cursor.number('ordinal') ?? 0) + 1),
    everySource,
  ),
  field(
    'evt.source',
    'string',
    'Where the event was seen: syscall, docker, health, command.',
    always(sourceOf),
    everySource,
  ),
  field(
    'evt.hostname',
    'string',
    'Name of the host; in outputs only.',
    always((cursor) => cursor.hostname),
    { ...everySource, ecs: 'host.name' },
  ),
  field(
    'evt.type',
    'string',
    'Name of the system call or event.',
    always((cursor) => cursor.type),
    everySource,
  ),
  field(
    'syscall.type',
    'string',
    'Name of the system call.',
    always((cursor) => cursor.type),
  ),
  field(
    'evt.dir',
    'string',
    'Always "<": events are seen when the call returns. Deprecated by Falco.',
    always(() => '<'),
  ),
  field(
    'evt.category',
    'string',
    'file, net, process or other.',
    always((cursor) => CATEGORIES[cursor.table.name] ?? 'other'),
  ),
  field('evt.cpu', 'number', 'CPU the event was seen on.', eventColumn('cpu')),
  field(
    'evt.res',
    'string',
    'SUCCESS, or the name of the error.',
    fromEvent(['ret'], (cursor) => {
      const ret = cursor.number('ret')
      return ret === undefined ? undefined : ret < 0 ? errorName(ret) : 'SUCCESS'
    }),
  ),
  field('evt.rawres', 'number', 'The return value; negative errno on failure.', eventColumn('ret')),
  field(
    'evt.failed',
    'boolean',
    'Whether the call failed.',
    fromEvent(['ret'], (cursor) => {
      const ret = cursor.number('ret')
      return ret === undefined ? undefined : ret < 0
    }),
  ),
  field(
    'evt.is_open_read',
    'boolean',
    'An open call that asks to read.',
    always((cursor) => {
      const flags = openFlags(cursor)
      return flags !== undefined && ((flags & ACCESS) === 0 || (flags & ACCESS) === READ_WRITE)
    }),
  ),
  field(
    'evt.is_open_write',
    'boolean',
    'An open call that asks to write.',
    always((cursor) => {
      const flags = openFlags(cursor)
      return flags !== undefined && (flags & ACCESS) !== 0
    }),
  ),
  field('evt.is_open_exec', 'boolean', 'A file created with execute permission.', always(isOpenExec)),
  field(
    'evt.is_open_create',
    'boolean',
    'An open call that asks to create the file.',
    always((cursor) => {
      const flags = openFlags(cursor)
      return flags !== undefined && ((flags & CREATE) !== 0 || (flags & TMPFILE) === TMPFILE)
    }),
  ),
  field(
    'evt.count',
    'number',
    'Always 1.',
    always(() => 1),
    everySource,
  ),
  field(
    'evt.is_async',
    'boolean',
    'Always false.',
    always(() => false),
    everySource,
  ),
  field(
    'evt.is_io',
    'boolean',
    'Reads or writes data (send and receive calls).',
    always((cursor) => isReceive(cursor) || isSend(cursor)),
  ),
  field('evt.is_io_read', 'boolean', 'Receives data.', always(isReceive)),
  field('evt.is_io_write', 'boolean', 'Sends data.', always(isSend)),
  field(
    'evt.io_dir',
    'string',
    'read for events that receive data, write for those that send it.',
    fromEvent(['size'], (cursor) => (isReceive(cursor) ? 'read' : isSend(cursor) ? 'write' : undefined)),
  ),
  field(
    'evt.buffer',
    'bytes',
    'Beginning of what was sent or received, at most 1 KiB; of sendmsg and recvmsg the first part. Read only where a rule or an output asks, and never stored in documents.',
    eventColumn('data'),
    { wants: 'data' },
  ),
  field('evt.buflen', 'number', 'Bytes asked for or sent.', eventColumn('size')),
  field(
    'evt.is_wait',
    'boolean',
    'Always false: calls that only wait (poll, nanosleep) are not captured.',
    always(() => false),
  ),
  field(
    'evt.is_syslog',
    'boolean',
    'Sends something to /dev/log.',
    always((cursor) => isSend(cursor) && SYSLOG_SOCKETS.test(cursor.text('socketPath') ?? '')),
  ),
  field('evt.count.error', 'number', '1 when the call failed, else 0.', failures()),
  field('evt.count.error.file', 'number', '1 when a call on files or paths failed, else 0.', failures('file')),
  field('evt.count.error.net', 'number', '1 when a call on sockets failed, else 0.', failures('network')),
  field(
    'evt.count.error.memory',
    'number',
    'Always 0: calls that allocate memory are not captured.',
    fromEvent(['ret'], (cursor) => (cursor.number('ret') === undefined ? undefined : 0)),
  ),
  field(
    'evt.count.error.other',
    'number',
    '1 when a call on anything but files and sockets failed, else 0.',
    failures('exec', 'lifecycle', 'call'),
  ),
  field(
    'evt.count.exit',
    'number',
    '1, because events are seen when the call returns; absent of procexit, which is no call.',
    always((cursor) => (cursor.type === 'procexit' ? undefined : 1)),
  ),
  field(
    'evt.pluginname',
    'string',
    'Name of the source of events that are no system calls: docker, health, command.',
    always((cursor) => {
      const source = sourceOf(cursor)
      return source === 'syscall' ? undefined : source
    }),
    everySource,
  ),
  field(
    'evt.plugininfo',
    'string',
    'One line about an event that is no system call: what Docker did, or the message.',
    fromEvent(['message', 'action'], (cursor) => {
      const action = cursor.text('action')
      if (action === undefined) return cursor.text('message')
      return [cursor.text('objectType'), action, cursor.text('objectId')].filter((part) => part !== undefined).join(' ')
    }),
    everySource,
  ),
]

/** Where syslog listens; the second is what the first links to where systemd runs. */
const SYSLOG_SOCKETS = /\/dev\/log$|^\/run\/systemd\/journal\/dev-log$/

/** Whether the call failed, as a number, where the event is in one of the tables; none given: in any. */
function failures(...tables: TableName[]): Source {
  return fromEvent(['ret'], (cursor) => {
    if (tables.length > 0 && !tables.includes(cursor.table.name)) return undefined
    const ret = cursor.number('ret')
    return ret === undefined ? undefined : ret < 0 ? 1 : 0
  })
}

function sourceOf(cursor: Cursor): SourceName | undefined {
  const type = cursor.type
  return type === undefined ? undefined : EVENT_TYPES[type].source
}

function isReceive(cursor: Cursor): boolean {
  const type = cursor.type
  return type === 'recvfrom' || type === 'recvmsg'
}

function isSend(cursor: Cursor): boolean {
  const type = cursor.type
  return type === 'sendto' || type === 'sendmsg'
}
