/** `evt.*`: facts about the event itself. */
import type { TableName } from '../batch/schema.ts'
import type { SourceName } from '../model/event.ts'
import { CALL_FAMILIES, type CallFamily, familyOf, isByName, namesOf } from './calls-by-name.ts'
import type { Cursor } from './cursor.ts'
import { OPEN_CALLS } from './event-path.ts'
import { EVENT_TYPES } from './event-types.ts'
import { typeCharacter } from './fd.ts'
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
/** What data goes to or comes from, where it is neither file nor network. */
const PIPELIKE = 'puesi'

function categoryOf(cursor: Cursor): string {
  const type = cursor.type
  const family = familyOf(type)
  if (family === 'waits') return type === 'nanosleep' || type === 'clock_nanosleep' ? 'sleep' : 'wait'
  if (family === 'reads' || family === 'writes') {
    const character = typeCharacter(cursor)
    if (character === undefined) return 'other'
    if (PIPELIKE.includes(character)) return 'ipc'
    return character === '4' || character === '6' ? 'net' : character === 'f' || character === 'd' ? 'file' : 'other'
  }
  const own = family === undefined ? undefined : (CALL_FAMILIES[family] as CallFamily).category
  return own ?? CATEGORIES[cursor.table.name] ?? 'other'
}

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
    'file, net, ipc, memory, process, signal, sleep, system, time, user, wait or other.',
    always(categoryOf),
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
    'Reads or writes data (read, write, send and receive calls).',
    always((cursor) => isReceive(cursor) || isSend(cursor)),
  ),
  field('evt.is_io_read', 'boolean', 'Reads or receives data.', always(isReceive)),
  field('evt.is_io_write', 'boolean', 'Writes or sends data.', always(isSend)),
  field(
    'evt.io_dir',
    'string',
    'read for events that read or receive data, write for those that write or send it.',
    fromEvent(['size'], (cursor) => (isReceive(cursor) ? 'read' : isSend(cursor) ? 'write' : undefined)),
  ),
  field(
    'evt.buffer',
    'bytes',
    'Beginning of what was read, written, sent or received, at most 1 KiB; of calls with several parts the first. Read only where a rule or an output asks, and never stored in documents.',
    eventColumn('data'),
    { wants: 'data' },
  ),
  field(
    'evt.buflen',
    'number',
    'Bytes read, written or received; of sendto, those asked for.',
    fromEvent(['size', 'ret'], bufferLength),
  ),
  field(
    'evt.is_wait',
    'boolean',
    'A call that only waits (poll, nanosleep).',
    always((cursor) => familyOf(cursor.type) === 'waits'),
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
    '1 when a call that arranges memory failed, else 0.',
    fromEvent(['ret'], (cursor) => {
      const ret = cursor.number('ret')
      return ret === undefined ? undefined : ret < 0 && isOfMemory(cursor) ? 1 : 0
    }),
  ),
  field(
    'evt.count.error.other',
    'number',
    '1 when a call on anything but files, sockets and memory failed, else 0.',
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
    if (tables.length > 0 && !tables.includes(kindOf(cursor) as TableName)) return undefined
    const ret = cursor.number('ret')
    return ret === undefined ? undefined : ret < 0 ? 1 : 0
  })
}

function bufferLength(cursor: Cursor): number | undefined {
  if (!isReceive(cursor) && !isSend(cursor)) return undefined
  const ret = isByName(cursor.type ?? '') ? cursor.number('ret') : undefined
  return ret === undefined ? cursor.number('size') : Math.max(0, ret)
}

function sourceOf(cursor: Cursor): SourceName | undefined {
  const type = cursor.type
  return type === undefined ? undefined : EVENT_TYPES[type].source
}

/** The table whose failures an event counts among; a mapping of a file is a call on it. */
function kindOf(cursor: Cursor): TableName | undefined {
  if (!isOfMemory(cursor)) return cursor.table.name
  return (cursor.number('fd') ?? -1) >= 0 ? 'file' : undefined
}

function isOfMemory(cursor: Cursor): boolean {
  return familyOf(cursor.type) === 'memory'
}

const RECEIVES: ReadonlySet<string> = new Set(['recvfrom', 'recvmsg', 'recvmmsg', ...namesOf('reads')])
const SENDS: ReadonlySet<string> = new Set(['sendto', 'sendmsg', 'sendmmsg', 'sendfile', ...namesOf('writes')])

function isReceive(cursor: Cursor): boolean {
  const type = cursor.type
  return type !== undefined && RECEIVES.has(type)
}

function isSend(cursor: Cursor): boolean {
  const type = cursor.type
  return type !== undefined && SENDS.has(type)
}
