/**
 * The ECS document of an event: nested, readable UTF-8 (bytes that are none are replaced), bounded in size. A process's
 * environment never goes into it. Names follow ECS; what ECS has no name for is under `seamark` and `docker`. It is
 * written as JSON at once, which is what stores keep.
 */
import type { SourceName } from '../model/event.ts'
import { isByName, namesOf } from './calls-by-name.ts'
import type { Cursor } from './cursor.ts'
import { argumentsText } from './event-arguments.ts'
import { firstPath, secondPath, TWO_PATH_CALLS } from './event-path.ts'
import { EVENT_TYPES, type EventTypeName } from './event-types.ts'
import { descriptorName, typeCharacter } from './fd.ts'
import { flatJson } from './flat-json.ts'
import { type Json, numeral, objectOf, put, quotedText } from './json-text.ts'
import { errorName } from './kernel-names.ts'
import { baseName, directoryOf } from './paths.ts'
import { MAX_ENTRIES, openObject, ProcessDocuments, text } from './process-document.ts'
import { clientEnd, type End, ipOf, portOf, serverEnd } from './socket-ends.ts'
import { timestampText } from './time-text.ts'

const ECS_VERSION = '9.2.0'

/** A document as an object. */
export type Document = Record<string, unknown>

export interface DocumentOptions {
  id?: string
  collector?: string
}

/** Writes the documents of events. It keeps texts of the batch that it saw last, until `forget`. */
export class DocumentWriter {
  private readonly processes = new ProcessDocuments()

  /** The document of the event at the cursor; `cursor.hostname` is its host, when it is set. */
  json(cursor: Cursor, { id, collector }: DocumentOptions = {}): Json {
    const type = cursor.type
    const source = type === undefined ? 'syscall' : EVENT_TYPES[type].source
    const ns = cursor.timeNs
    const { head, middle, tail, userAndGroup, ancestry } = this.processes.ofProcess(cursor)
    let process = put(head, '"thread":', threadOf(cursor))
    process = join(process, middle)
    process = put(process, '"exit_code":', cursor.process < 0 ? undefined : numeral(cursor.number('exitCode')))
    process = join(process, tail)
    let members = `"@timestamp":"${timestampText(ns)}","ecs":{"version":"${ECS_VERSION}"}`
    members = put(members, '"event":', eventOf(cursor, type, source, id))
    const { hostname } = cursor
    members = put(members, '"host":', hostname === undefined ? undefined : `{"name":${quotedText(hostname)}}`)
    members = put(members, '"process":', objectOf(process))
    members = join(members, userAndGroup)
    members = put(members, '"file":', fileOf(cursor, type))
    if (cursor.table.name === 'network') {
      members = put(members, '"source":', endOf(cursor, clientEnd))
      members = put(members, '"destination":', endOf(cursor, serverEnd))
      members = put(members, '"network":', networkOf(cursor))
    }
    members = join(members, this.processes.ofContainer(cursor))
    members = put(members, '"docker":', dockerOf(cursor))
    members = put(members, '"message":', text(cursor.text('message')))
    let own = put('', '"collector":', collector === undefined ? undefined : quotedText(collector))
    own = put(own, '"time_ns":', `"${ns}"`)
    own = put(own, '"source":', `"${source}"`)
    // The arguments of other calls have ECS fields of their own.
    const hasArguments = cursor.table.name === 'call' || (type !== undefined && isByName(type))
    own = put(own, '"args":', hasArguments ? text(argumentsText(cursor)) : undefined)
    own = put(own, '"ret":', numeral(cursor.number('ret')))
    own = put(own, '"error":', failureOf(cursor))
    own = put(own, '"ancestry":', ancestry)
    own = source === 'command' ? put(own, '"command":', commandOf(cursor)) : put(own, '"health":', healthOf(cursor))
    return `{${members},"seamark":{${own}}}`
  }

  /** The same as an object. */
  document(cursor: Cursor, options: DocumentOptions = {}): Document {
    return JSON.parse(this.json(cursor, options)) as Document
  }

  /** Lets go of the batch. */
  forget(): void {
    this.processes.forget()
  }
}

/** Members after members. */
function join(members: string, more: string): string {
  if (more === '') return members
  return members === '' ? more : `${members},${more}`
}

function eventOf(cursor: Cursor, type: EventTypeName | undefined, source: SourceName, id: string | undefined): Json {
  let members = put('', '"id":', id === undefined ? undefined : quotedText(id))
  members = join(members, `"kind":"event","module":"seamark","dataset":"seamark.${source}"`)
  const named = text(cursor.text('action') ?? cursor.text('kindName'))
  members = put(members, '"action":', named ?? (type === undefined ? undefined : `"${type}"`))
  members = put(members, '"category":', type === undefined ? undefined : categoriesOf(type, cursor))
  members = put(members, '"type":', type === undefined ? undefined : kindsOf(type, cursor))
  members = put(members, '"outcome":', outcomeOf(cursor))
  return `{${members}}`
}

function healthOf(cursor: Cursor): Json | undefined {
  return objectOf(put(put('', '"kind":', text(cursor.text('kindName'))), '"count":', numeral(cursor.number('count'))))
}

function commandOf(cursor: Cursor): Json | undefined {
  const members = put(put('', '"id":', text(cursor.text('position'))), '"kind":', text(cursor.text('kindName')))
  return objectOf(put(members, '"outcome":', text(cursor.text('outcome'))))
}

function categoryOf(type: EventTypeName): string {
  const { source, tables } = EVENT_TYPES[type]
  if (source === 'docker') return 'process'
  if (source === 'health' || source === 'command') return 'host'
  const [table] = tables as readonly string[]
  return table === 'file' || table === 'network' ? table : 'process'
}

const CATEGORIES = Object.fromEntries(
  (Object.keys(EVENT_TYPES) as EventTypeName[]).map((type) => [type, `["${categoryOf(type)}"]`]),
) as Readonly<Record<EventTypeName, Json>>

/** Of a call on a descriptor: by what the descriptor is. */
function categoriesOf(type: EventTypeName, cursor: Cursor): Json {
  return cursor.table.name === 'network' && isByName(type) ? '["network"]' : CATEGORIES[type]
}

/** Of calls that are captured by name: what they do to a file. Those in neither list are mere information. */
const READING: ReadonlySet<EventTypeName> = new Set<EventTypeName>([
  ...namesOf('reads'),
  ...(['getdents', 'getdents64', 'readdir', 'readahead', 'fgetxattr', 'flistxattr', 'readlink', 'readlinkat'] as const),
  ...(['getxattr', 'lgetxattr', 'getxattrat', 'listxattr', 'llistxattr', 'listxattrat'] as const),
  ...(['access', 'faccessat', 'faccessat2', 'open_tree', 'name_to_handle_at'] as const),
])
const CHANGING: ReadonlySet<EventTypeName> = new Set<EventTypeName>([
  ...namesOf('writes'),
  ...(['ftruncate', 'fallocate', 'fsetxattr', 'fremovexattr', 'setxattr', 'lsetxattr', 'setxattrat'] as const),
  ...(['removexattr', 'lremovexattr', 'removexattrat', 'file_setattr', 'utime', 'utimes', 'utimensat'] as const),
  ...(['futimesat', 'move_mount', 'mount_setattr', 'open_tree_attr', 'sendfile', 'copy_file_range', 'splice'] as const),
])

const KINDS: Readonly<Partial<Record<EventTypeName, Json>>> = {
  execve: '["start"]',
  execveat: '["start"]',
  clone: '["start"]',
  clone3: '["start"]',
  fork: '["start"]',
  vfork: '["start"]',
  procexit: '["end"]',
  unlink: '["deletion"]',
  unlinkat: '["deletion"]',
  rmdir: '["deletion"]',
  mkdir: '["creation"]',
  mkdirat: '["creation"]',
  creat: '["creation"]',
  link: '["creation"]',
  linkat: '["creation"]',
  symlink: '["creation"]',
  symlinkat: '["creation"]',
  mknod: '["creation"]',
  mknodat: '["creation"]',
  connect: '["connection","start"]',
  accept: '["connection","start"]',
  accept4: '["connection","start"]',
}

function kindsOf(type: EventTypeName, cursor: Cursor): Json {
  const known = KINDS[type]
  if (known !== undefined) return known
  const isFile = (EVENT_TYPES[type].tables as readonly string[])[0] === 'file'
  if (!isFile) return '["info"]'
  if (isByName(type)) {
    if (cursor.table.name !== 'file') return '["info"]'
    return READING.has(type) ? '["access"]' : CHANGING.has(type) ? '["change"]' : '["info"]'
  }
  const flags = cursor.number('flags') ?? 0
  return type.startsWith('open') && (flags & 3) === 0 ? '["access"]' : '["change"]'
}

function outcomeOf(cursor: Cursor): Json | undefined {
  const ret = cursor.number('ret')
  return ret === undefined ? undefined : ret < 0 ? '"failure"' : '"success"'
}

function failureOf(cursor: Cursor): Json | undefined {
  const ret = cursor.number('ret')
  const name = ret !== undefined && ret < 0 ? errorName(ret) : undefined
  return name === undefined ? undefined : quotedText(name)
}

function threadOf(cursor: Cursor): Json | undefined {
  const id = cursor.process < 0 ? undefined : numeral(cursor.number('tid'))
  return id === undefined ? undefined : `{"id":${id}}`
}

function fileOf(cursor: Cursor, type: EventTypeName | undefined): Json | undefined {
  if (cursor.table.name !== 'file' && cursor.table.name !== 'call') return undefined
  const path =
    cursor.table.name === 'call' ? descriptorName(cursor) : type === 'mount' ? secondPath(cursor) : firstPath(cursor)
  if (path === undefined) return undefined
  const inode = cursor.number('inode')
  const mode = cursor.number('fileMode')
  const renames = type !== undefined && TWO_PATH_CALLS.has(type)
  let members = put('', '"path":', text(path))
  members = put(members, '"directory":', path.startsWith('/') ? text(directoryOf(path)) : undefined)
  members = put(members, '"name":', text(baseName(path)))
  members = put(members, '"type":', typeCharacter(cursor) === 'd' ? '"dir"' : '"file"')
  members = put(members, '"inode":', inode === undefined ? undefined : `"${inode}"`)
  const bits = mode === undefined ? undefined : `"${(mode & 0o7777).toString(8).padStart(4, '0')}"`
  members = put(members, '"mode":', bits)
  return objectOf(put(members, '"target_path":', renames ? text(secondPath(cursor)) : undefined))
}

function endOf(cursor: Cursor, end: (cursor: Cursor) => End): Json | undefined {
  const ip = text(ipOf(cursor, end(cursor)))
  if (ip === undefined) return undefined
  return objectOf(put(`"ip":${ip},"address":${ip}`, '"port":', numeral(portOf(cursor, end(cursor)))))
}

const TRANSPORTS = new Map([
  [6, '"tcp"'],
  [17, '"udp"'],
  [1, '"icmp"'],
  [58, '"ipv6-icmp"'],
])
const NETWORK_TYPES = new Map([
  [1, '"unix"'],
  [2, '"ipv4"'],
  [10, '"ipv6"'],
])

function networkOf(cursor: Cursor): Json | undefined {
  let members = put('', '"transport":', TRANSPORTS.get(cursor.number('protocol') ?? 0))
  members = put(members, '"type":', NETWORK_TYPES.get(cursor.number('family') ?? 0))
  members = put(members, '"bytes":', numeral(cursor.number('size')))
  return objectOf(put(members, '"name":', text(cursor.text('socketPath'))))
}

function dockerOf(cursor: Cursor): Json | undefined {
  const attributes = cursor.text('attributes')
  const id = text(cursor.text('objectId'))
  if (attributes === undefined && id === undefined) return undefined
  const members = put(put('', '"type":', text(cursor.text('objectType'))), '"id":', id)
  return objectOf(put(members, '"attributes":', openObject([...flatJson(attributes)].slice(0, MAX_ENTRIES))))
}
