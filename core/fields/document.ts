/**
 * The ECS document of an event: nested, readable UTF-8 (bytes that are none are replaced), bounded in size. A process's
 * environment never goes into it. Names follow ECS; what ECS has no name for is under `seamark` and `docker`.
 */

import { EXE_FLAGS } from '../batch/schema.ts'
import { toText } from '../batch/strings.ts'
import type { SourceName } from '../model/event.ts'
import { type Cursor, MAX_ANCESTORS } from './cursor.ts'
import { argumentsText } from './event-arguments.ts'
import { firstPath, secondPath, TWO_PATH_CALLS } from './event-path.ts'
import { EVENT_TYPES, type EventTypeName } from './event-types.ts'
import { descriptorName, typeCharacter } from './fd.ts'
import { flatJson } from './flat-json.ts'
import { errorName } from './kernel-names.ts'
import { baseName, directoryOf } from './paths.ts'
import { argumentList, commandLineOf } from './process-facts.ts'
import { clientEnd, type End, ipOf, portOf, serverEnd } from './socket-ends.ts'
import { timestampText } from './time-text.ts'

export const ECS_VERSION = '9.2.0'
/** Characters of one text in a document. */
export const MAX_TEXT = 8192
export const MAX_ARGUMENTS = 128
export const MAX_ENTRIES = 64
const MAX_DOCUMENT_ANCESTORS = 16

/** Nested; keys are ours except in `docker.attributes` and `container.labels`, which have no prototype. */
export type Document = Record<string, unknown>

export interface DocumentOptions {
  id?: string
  collector?: string
}

/** The document of the event at the cursor; `cursor.hostname` is its host, when it is set. */
export function eventDocument(cursor: Cursor, options: DocumentOptions = {}): Document {
  const type = cursor.type
  const source = type === undefined ? 'syscall' : EVENT_TYPES[type].source
  const ns = cursor.timeNs
  return clean({
    '@timestamp': timestampText(ns),
    ecs: { version: ECS_VERSION },
    event: clean({
      id: options.id,
      kind: 'event',
      module: 'seamark',
      dataset: `seamark.${source}`,
      action: text(cursor.text('action') ?? cursor.text('kindName')) ?? type,
      category: type === undefined ? undefined : categoriesOf(type),
      type: type === undefined ? undefined : kindsOf(type, cursor),
      outcome: outcomeOf(cursor),
    }),
    host: clean({ name: cursor.hostname }),
    process: processOf(cursor),
    user: clean({ id: cursor.processNumber('uid')?.toString(), name: text(cursor.processText('userName')) }),
    group: clean({ id: cursor.processNumber('gid')?.toString(), name: text(cursor.processText('groupName')) }),
    file: fileOf(cursor, type),
    source: endOf(cursor, clientEnd),
    destination: endOf(cursor, serverEnd),
    network: networkOf(cursor),
    container: containerOf(cursor),
    orchestrator: orchestratorOf(cursor),
    docker: dockerOf(cursor),
    message: text(cursor.text('message')),
    seamark: clean({
      collector: options.collector,
      time_ns: ns.toString(),
      source,
      // Other tables' arguments have ECS fields of their own.
      args: cursor.table.name === 'call' ? text(argumentsText(cursor)) : undefined,
      ret: cursor.number('ret'),
      error: failureOf(cursor),
      ancestry: ancestryOf(cursor),
      ...kindOf(cursor, source),
    }),
  })
}

function kindOf(cursor: Cursor, source: SourceName): Document {
  const kind = text(cursor.text('kindName'))
  if (source !== 'command') return { health: clean({ kind, count: cursor.number('count') }) }
  return { command: clean({ id: text(cursor.text('position')), kind, outcome: text(cursor.text('outcome')) }) }
}

function text(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  return toText(value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value)
}

/** Without what is undefined or has nothing in it. */
function clean(entries: Document): Document {
  const kept: Document = {}
  for (const [key, value] of Object.entries(entries)) {
    if (value === undefined) continue
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0)
      continue
    kept[key] = value
  }
  return kept
}

function categoriesOf(type: EventTypeName): string[] {
  const { source, tables } = EVENT_TYPES[type]
  if (source === 'docker') return ['process']
  if (source === 'health' || source === 'command') return ['host']
  const [table] = tables as readonly string[]
  if (table === 'file') return ['file']
  if (table === 'network') return ['network']
  return ['process']
}

const KINDS: Partial<Record<EventTypeName, string[]>> = {
  execve: ['start'],
  execveat: ['start'],
  clone: ['start'],
  clone3: ['start'],
  fork: ['start'],
  vfork: ['start'],
  procexit: ['end'],
  unlink: ['deletion'],
  unlinkat: ['deletion'],
  rmdir: ['deletion'],
  mkdir: ['creation'],
  mkdirat: ['creation'],
  creat: ['creation'],
  link: ['creation'],
  linkat: ['creation'],
  symlink: ['creation'],
  symlinkat: ['creation'],
  mknod: ['creation'],
  mknodat: ['creation'],
  connect: ['connection', 'start'],
  accept: ['connection', 'start'],
  accept4: ['connection', 'start'],
}

function kindsOf(type: EventTypeName, cursor: Cursor): string[] {
  const known = KINDS[type]
  if (known !== undefined) return known
  const isFile = (EVENT_TYPES[type].tables as readonly string[])[0] === 'file'
  if (!isFile) return ['info']
  const flags = cursor.number('flags') ?? 0
  return type.startsWith('open') && (flags & 3) === 0 ? ['access'] : ['change']
}

function outcomeOf(cursor: Cursor): string | undefined {
  const ret = cursor.number('ret')
  return ret === undefined ? undefined : ret < 0 ? 'failure' : 'success'
}

function failureOf(cursor: Cursor): string | undefined {
  const ret = cursor.number('ret')
  return ret !== undefined && ret < 0 ? errorName(ret) : undefined
}

function processOf(cursor: Cursor): Document | undefined {
  if (cursor.process < 0) return undefined
  const parent = cursor.ancestor(1)
  const flags = cursor.processNumber('exeFlags')
  const tty = cursor.processNumber('tty')
  return clean({
    ...oneProcess(cursor, cursor.process),
    vpid: cursor.processNumber('vpid'),
    thread: clean({ id: cursor.number('tid') }),
    session_leader: clean({ pid: cursor.processNumber('sid') }),
    group_leader: clean({ pid: cursor.processNumber('pgid') }),
    interactive: tty === undefined ? undefined : tty !== 0,
    tty:
      tty === undefined || tty === 0
        ? undefined
        : { char_device: { major: (tty >>> 8) & 0xfff, minor: (tty & 0xff) | ((tty >>> 12) & 0xfff00) } },
    exit_code: cursor.number('exitCode'),
    parent: parent < 0 ? clean({ pid: cursor.processNumber('ppid') }) : oneProcess(cursor, parent),
    is_exe_upper_layer: flags === undefined ? undefined : (flags & EXE_FLAGS.upperLayer) !== 0,
    is_exe_from_memfd: flags === undefined ? undefined : (flags & EXE_FLAGS.memfd) !== 0,
  })
}

function oneProcess(cursor: Cursor, process: number): Document {
  const list = argumentList(cursor.processText('argv', process))
  const start = cursor.processTime('startTime', process)
  return clean({
    pid: cursor.processNumber('pid', process),
    name: text(cursor.processText('comm', process)),
    executable: text(cursor.processText('exePath', process)),
    command_line: text(commandLineOf(cursor, process)),
    args: list?.slice(0, MAX_ARGUMENTS).map((argument) => text(argument)),
    args_count: list?.length,
    working_directory: text(cursor.processText('cwd', process)),
    start: start === undefined ? undefined : timestampText(start),
  })
}

/** From the parent upwards; ends where the ancestors do, or after a bounded number of them. */
function ancestryOf(cursor: Cursor): Document[] | undefined {
  const found: Document[] = []
  for (let i = 1; i <= Math.min(MAX_ANCESTORS, MAX_DOCUMENT_ANCESTORS); i++) {
    const process = cursor.ancestor(i)
    if (process < 0) break
    found.push(
      clean({
        pid: cursor.processNumber('pid', process),
        name: text(cursor.processText('comm', process)),
        executable: text(cursor.processText('exePath', process)),
        command_line: text(commandLineOf(cursor, process))?.slice(0, 1024),
      }),
    )
  }
  return found.length === 0 ? undefined : found
}

function fileOf(cursor: Cursor, type: EventTypeName | undefined): Document | undefined {
  if (cursor.table.name !== 'file' && cursor.table.name !== 'call') return undefined
  const path =
    cursor.table.name === 'call' ? descriptorName(cursor) : type === 'mount' ? secondPath(cursor) : firstPath(cursor)
  if (path === undefined) return undefined
  const mode = cursor.number('fileMode')
  const renames = type !== undefined && TWO_PATH_CALLS.has(type)
  return clean({
    path: text(path),
    directory: path.startsWith('/') ? text(directoryOf(path)) : undefined,
    name: text(baseName(path)),
    type: typeCharacter(cursor) === 'd' ? 'dir' : 'file',
    inode: cursor.number('inode')?.toString(),
    mode: mode === undefined ? undefined : (mode & 0o7777).toString(8).padStart(4, '0'),
    target_path: renames ? text(secondPath(cursor)) : undefined,
  })
}

function endOf(cursor: Cursor, end: (cursor: Cursor) => End): Document | undefined {
  if (cursor.table.name !== 'network') return undefined
  const ip = text(ipOf(cursor, end(cursor)))
  return clean({ ip, address: ip, port: ip === undefined ? undefined : portOf(cursor, end(cursor)) })
}

const TRANSPORTS = new Map([
  [6, 'tcp'],
  [17, 'udp'],
  [1, 'icmp'],
  [58, 'ipv6-icmp'],
])

function networkOf(cursor: Cursor): Document | undefined {
  if (cursor.table.name !== 'network') return undefined
  const family = cursor.number('family')
  const path = text(cursor.text('socketPath'))
  return clean({
    transport: TRANSPORTS.get(cursor.number('protocol') ?? 0),
    type: family === 2 ? 'ipv4' : family === 10 ? 'ipv6' : family === 1 ? 'unix' : undefined,
    bytes: cursor.number('size'),
    name: path,
  })
}

function containerOf(cursor: Cursor): Document | undefined {
  if (cursor.container < 0) return undefined
  const tag = text(cursor.containerText('imageTag'))
  const digest = text(cursor.containerText('imageDigest'))
  const privileged = cursor.containerNumber('privileged')
  return clean({
    id: text(cursor.containerText('containerId')),
    name: text(cursor.containerText('containerName')),
    runtime: text(cursor.containerText('containerRuntime')),
    image: clean({
      name: text(cursor.containerText('imageName')),
      tag: tag === undefined ? undefined : [tag],
      hash: digest === undefined ? undefined : { all: [digest] },
    }),
    security_context: privileged === undefined ? undefined : { privileged: privileged === 1 },
    labels: pairs(cursor.containerText('labels')),
  })
}

function orchestratorOf(cursor: Cursor): Document | undefined {
  if (cursor.container < 0) return undefined
  const labels = argumentList(cursor.containerText('labels'))
  const label = (key: string) =>
    labels?.find((entry) => entry.startsWith(`io.kubernetes.${key}=`))?.slice(key.length + 15)
  const pod = text(label('pod.name'))
  if (pod === undefined) return undefined
  return clean({ type: 'kubernetes', namespace: text(label('pod.namespace')), resource: { type: 'pod', name: pod } })
}

function pairs(list: string | undefined): Document | undefined {
  if (list === undefined) return undefined
  const found: Document = Object.create(null)
  for (const entry of argumentList(list)!.slice(0, MAX_ENTRIES)) {
    const split = entry.indexOf('=')
    // Dots in a key would make it a path of its own in the search store.
    if (split > 0)
      found[toText(entry.slice(0, split)).slice(0, 256).replaceAll('.', '_')] = text(entry.slice(split + 1))
  }
  return found
}

function dockerOf(cursor: Cursor): Document | undefined {
  const attributes = cursor.text('attributes')
  const id = text(cursor.text('objectId'))
  if (attributes === undefined && id === undefined) return undefined
  const found: Document = Object.create(null)
  for (const [key, value] of [...flatJson(attributes)].slice(0, MAX_ENTRIES)) {
    found[toText(key).slice(0, 256).replaceAll('.', '_')] = text(value)
  }
  return clean({ type: text(cursor.text('objectType')), id, attributes: found })
}
