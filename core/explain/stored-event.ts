/**
 * Turns a stored document back into the event it was made of, as far as it tells. Documents are made to be searched and
 * not to be judged again: flags, descriptors' types, capabilities, mounts and most arguments of calls are not in them.
 * Fields that a document does not tell are named, so that nobody takes "not stored" for "absent".
 */
import type { Batch } from '../batch/batch.ts'
import { BatchBuilder, type Row } from '../batch/builder.ts'
import { EXE_FLAGS } from '../batch/columns.ts'
import type { TableName } from '../batch/schema.ts'
import { fromText } from '../batch/strings.ts'
import { OPEN_CALLS, TWO_PATH_CALLS } from '../fields/event-path.ts'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import type { Field } from '../fields/field.ts'
import { MAX_DOCUMENT_ANCESTORS } from '../fields/process-document.ts'

export interface StoredEvent {
  batch: Batch
  /** Whether the document tells the field's value, absent values included. */
  tells(field: Field, argument: string | null): boolean
}

type Json = Readonly<Record<string, unknown>>

/** Read from the document's parts that are stored for every event. */
const ALWAYS = [
  ...['evt.type', 'syscall.type', 'evt.source', 'evt.dir', 'evt.count', 'evt.is_async', 'evt.category'],
  ...['evt.time', 'evt.time.s', 'evt.time.iso8601', 'evt.datetime', 'evt.datetime.s', 'evt.hostname'],
  ...['evt.rawtime', 'evt.rawtime.s', 'evt.rawtime.ns', 'evt.rawres', 'evt.res', 'evt.failed'],
  ...['evt.is_io', 'evt.is_io_read', 'evt.is_io_write'],
  ...['proc.name', 'proc.pid', 'proc.vpid', 'proc.ppid', 'proc.exepath', 'proc.exe', 'proc.args', 'proc.cmdline'],
  ...['proc.cmdnargs', 'proc.cmdlenargs', 'proc.cwd', 'proc.tty', 'proc.pname', 'proc.pcmdline', 'proc.pexepath'],
  ...['proc.pexe', 'proc.is_exe_upper_layer'],
  ...['proc.is_exe_from_memfd', 'proc.exeline'],
  ...['user.uid', 'user.name', 'group.gid', 'group.name'],
  ...['container.id', 'container.full_id', 'container.name', 'container.image', 'container.image.repository'],
  ...['container.image.tag', 'container.image.digest', 'container.type', 'container.privileged'],
  ...['k8s.ns.name', 'k8s.pod.name'],
  ...['docker.type', 'event.action', 'docker.id'],
  ...['health.kind', 'health.count', 'health.message'],
]
const OF_FILES = ['fd.name', 'fd.directory', 'fd.filename', 'fs.path.name', 'fs.path.source', 'fs.path.target']
const OF_SOCKETS = [
  ...['fd.cip', 'fd.sip', 'fd.cport', 'fd.sport', 'fd.ip', 'fd.port', 'fd.net', 'fd.cnet', 'fd.snet', 'fd.name'],
  ...['fd.l4proto', 'fd.sockfamily', 'fd.typechar', 'fd.type'],
]
const OF_OPENS = ['fd.num', 'evt.is_open_write']
/** Of other calls these are always false. */
const ONLY_OPENS = ['evt.is_open_read', 'evt.is_open_write', 'evt.is_open_exec', 'evt.is_open_create']
const OF_ARGUMENTS = ['proc.exe', 'proc.args', 'proc.exeline', 'proc.cmdnargs', 'proc.cmdlenargs']
const OF_SOCKET_TYPES = ['fd.l4proto', 'fd.sockfamily', 'fd.typechar', 'fd.type']
const OF_PORTS = ['fd.cport', 'fd.sport', 'fd.port']
const OF_ANCESTORS = ['proc.aname', 'proc.apid', 'proc.acmdline', 'proc.aexepath']
const PATH_ARGUMENTS = new Set(['path', 'name', 'oldpath', 'newpath', 'res'])

/** The event, or why the document is none. */
export function storedEvent(body: unknown): StoredEvent | string {
  const document = objectAt(body)
  const own = objectAt(document.seamark)
  const source = textAt(own, 'source')
  const action = textAt(objectAt(document.event), 'action')
  const typeName = source === 'syscall' ? action : source
  if (typeName === undefined || !Object.hasOwn(EVENT_TYPES, typeName))
    return 'the document is no event (it has no event.action and seamark.source of a kind that is known)'
  const ns = textAt(own, 'time_ns')
  if (ns === undefined || !/^\d{1,19}$/.test(ns)) return 'the document has no seamark.time_ns'
  const type = typeName as EventTypeName
  const network = objectAt(document.network)
  const tables = EVENT_TYPES[type].tables as readonly TableName[]
  const isSocket = document.source !== undefined || document.destination !== undefined || 'type' in network
  const table = tables.find((name) => (name === 'network') === isSocket) ?? tables[0]!
  const builder = new BatchBuilder(BigInt(ns))
  const container = addContainer(builder, document)
  const row: Row = clean({
    type: EVENT_TYPES[type].code,
    process: addProcess(builder, document, container),
    container: source === 'docker' ? container : undefined,
    tid: numberAt(objectAt(objectAt(document.process).thread), 'id'),
    ret: numberAt(own, 'ret'),
    ...(table === 'network' ? socketColumns(document) : fileColumns(document, type, numberAt(own, 'ret'))),
    ...(source === 'syscall' ? {} : otherColumns(document, action)),
  })
  builder.addEvent(table, BigInt(ns), row)
  const known = toldFields(type, table, document)
  return {
    batch: builder.build(),
    tells: ({ name, refused }, argument) => {
      if (refused !== null) return true
      if (OF_ANCESTORS.includes(name)) return tellsAncestors(document, argument)
      if (known.has(name)) return true
      return name === 'evt.arg' && argument !== null && table === 'file' && PATH_ARGUMENTS.has(argument)
    },
  }
}

function toldFields(type: EventTypeName, table: TableName, document: Json): ReadonlySet<string> {
  const isOpen = OPEN_CALLS.has(type)
  const known = new Set([...ALWAYS, ...(table === 'network' ? OF_SOCKETS : OF_FILES)])
  if (table !== 'network' && document.file === undefined) for (const name of OF_FILES) known.delete(name)
  const process = objectAt(document.process)
  if (process.args === undefined) for (const name of OF_ARGUMENTS) known.delete(name)
  if (objectAt(process.parent).args === undefined) known.delete('proc.pexe')
  if (textAt(objectAt(objectAt(document.container).image), 'name') === undefined && document.container !== undefined)
    known.delete('container.image.repository')
  const { transport, type: family } = objectAt(document.network)
  if (transport === undefined || family === undefined) for (const name of OF_SOCKET_TYPES) known.delete(name)
  if (document.docker === undefined) for (const name of ['docker.type', 'docker.id']) known.delete(name)
  // Without an address it may have been a socket all the same.
  if (table !== 'network' && EVENT_TYPES[type].tables.length > 1) known.delete('evt.category')
  // A port is kept beside its address only.
  if (document.source === undefined || document.destination === undefined)
    for (const name of OF_PORTS) known.delete(name)
  for (const name of isOpen ? OF_OPENS : ONLY_OPENS) known.add(name)
  // Opened to be read only is kept; whether what was opened to be written can be read too is not.
  if (isOpen && textsAt(objectAt(document.event), 'type').includes('access')) known.add('evt.is_open_read')
  return known
}

/** The list of ancestors is bounded: one that is full may have gone on. */
function tellsAncestors(document: Json, generation: string | null): boolean {
  const ancestry = objectAt(document.seamark).ancestry
  const count = Array.isArray(ancestry) ? ancestry.length : 0
  return count < MAX_DOCUMENT_ANCESTORS || (generation !== null && Number(generation) <= count)
}

function addContainer(builder: BatchBuilder, document: Json): number | undefined {
  const container = objectAt(document.container)
  if (document.container === undefined) return undefined
  const image = objectAt(container.image)
  const name = textAt(image, 'name')
  const privileged = objectAt(container.security_context).privileged
  const orchestrator = objectAt(document.orchestrator)
  const labels = Object.entries(objectAt(container.labels)).map(([key, value]) => `${key}=${String(value)}`)
  // Keys have lost their dots; these two are stored a second time.
  const pod = textAt(objectAt(orchestrator.resource), 'name')
  const namespace = textAt(orchestrator, 'namespace')
  if (pod !== undefined) labels.push(`io.kubernetes.pod.name=${pod}`)
  if (namespace !== undefined) labels.push(`io.kubernetes.pod.namespace=${namespace}`)
  return builder.add(
    'container',
    clean({
      containerId: bytes(textAt(container, 'id')),
      containerName: bytes(textAt(container, 'name')),
      containerRuntime: bytes(textAt(container, 'runtime')),
      imageName: bytes(name),
      imageRepository: bytes(name?.replace(/@.*$/, '').replace(/:[^:/]*$/, '')),
      imageTag: bytes(textsAt(image, 'tag')[0]),
      imageDigest: bytes(textsAt(objectAt(image.hash), 'all')[0]),
      privileged: typeof privileged === 'boolean' ? Number(privileged) : undefined,
      labels: bytes(labels.join('\0')),
    }),
  )
}

function addProcess(builder: BatchBuilder, document: Json, container: number | undefined): number | undefined {
  const process = objectAt(document.process)
  if (Object.keys(process).length === 0) return undefined
  const ancestry = objectAt(document.seamark).ancestry
  const ancestors = (Array.isArray(ancestry) ? ancestry : []).map(objectAt)
  let parent: number | undefined
  for (let i = ancestors.length - 1; i >= 0; i--) {
    // The parent's own part says more than its place in the list.
    const facts = i === 0 ? { ...ancestors[0], ...objectAt(process.parent) } : ancestors[i]!
    parent = builder.add('process', clean({ ...processColumns(facts), parent, container }))
  }
  const user = objectAt(document.user)
  const group = objectAt(document.group)
  const upper = process.is_exe_upper_layer
  const tty = objectAt(objectAt(process.tty).char_device)
  const minor = numberAt(tty, 'minor') ?? 0
  return builder.add(
    'process',
    clean({
      ...processColumns(process),
      parent,
      container,
      ppid: numberAt(objectAt(process.parent), 'pid'),
      vpid: numberAt(process, 'vpid'),
      sid: numberAt(objectAt(process.session_leader), 'pid'),
      pgid: numberAt(objectAt(process.group_leader), 'pid'),
      tty:
        process.interactive === false
          ? 0
          : numberAt(tty, 'major') === undefined
            ? undefined
            : (numberAt(tty, 'major')! << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12),
      uid: numeral(textAt(user, 'id')),
      gid: numeral(textAt(group, 'id')),
      userName: bytes(textAt(user, 'name')),
      groupName: bytes(textAt(group, 'name')),
      exeFlags:
        upper === undefined
          ? undefined
          : (upper === true ? EXE_FLAGS.upperLayer : 0) | (process.is_exe_from_memfd === true ? EXE_FLAGS.memfd : 0),
    }),
  )
}

function processColumns(facts: Json): MaybeRow {
  const args = facts.args === undefined ? undefined : textsAt(facts, 'args')
  // An ancestor has its command line only; its words are the nearest thing to its arguments.
  const line = textAt(facts, 'command_line')
  return {
    pid: numberAt(facts, 'pid'),
    comm: bytes(textAt(facts, 'name')),
    exePath: bytes(textAt(facts, 'executable')),
    argv: bytes((args ?? line?.split(' '))?.join('\0')),
    cwd: bytes(textAt(facts, 'working_directory')),
  }
}

function fileColumns(document: Json, type: EventTypeName, ret: number | undefined): MaybeRow {
  const file = objectAt(document.file)
  const path = bytes(textAt(file, 'path'))
  const target = bytes(textAt(file, 'target_path'))
  const isOpen = OPEN_CALLS.has(type)
  const isRead = textsAt(objectAt(document.event), 'type').includes('access')
  return {
    path,
    ...(TWO_PATH_CALLS.has(type) ? { rawPath2: target } : {}),
    ...(type === 'mount' ? { rawPath2: path, path: undefined } : {}),
    inode: numeral(textAt(file, 'inode')),
    fd: isOpen && ret !== undefined ? Math.max(-1, ret) : undefined,
    flags: isOpen && type !== 'creat' ? (isRead ? 0 : 1) : undefined,
  }
}

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, 'ipv6-icmp': 58 }
const FAMILIES: Readonly<Record<string, number>> = { unix: 1, ipv4: 2, ipv6: 10 }

/** The client's end is taken for the local one: which of them is local is not stored. */
function socketColumns(document: Json): MaybeRow {
  const client = objectAt(document.source)
  const server = objectAt(document.destination)
  const network = objectAt(document.network)
  return {
    localIp: bytes(textAt(client, 'ip')),
    localPort: numberAt(client, 'port'),
    remoteIp: bytes(textAt(server, 'ip')),
    remotePort: numberAt(server, 'port'),
    role: 1,
    protocol: PROTOCOLS[textAt(network, 'transport') ?? ''],
    family: FAMILIES[textAt(network, 'type') ?? ''],
    socketPath: bytes(textAt(network, 'name')),
    size: numberAt(network, 'bytes'),
  }
}

function otherColumns(document: Json, action: string | undefined): MaybeRow {
  const own = objectAt(document.seamark)
  const docker = objectAt(document.docker)
  const attributes = docker.attributes
  const health = objectAt(own.health)
  return {
    action: textAt(own, 'source') === 'docker' ? bytes(action) : undefined,
    objectType: bytes(textAt(docker, 'type')),
    objectId: bytes(textAt(docker, 'id')),
    attributes: attributes === undefined ? undefined : bytes(JSON.stringify(attributes)),
    kindName: bytes(textAt(health, 'kind')),
    count: numberAt(health, 'count'),
    message: bytes(textAt(document, 'message')),
  }
}

type MaybeRow = { [K in keyof Row]?: Row[K] | undefined }

function clean(row: MaybeRow): Row {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as Row
}

function objectAt(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {}
}

function textAt(object: Json, key: string): string | undefined {
  const value = Object.hasOwn(object, key) ? object[key] : undefined
  return typeof value === 'string' ? value : undefined
}

function textsAt(object: Json, key: string): string[] {
  const value = Object.hasOwn(object, key) ? object[key] : undefined
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}

function numberAt(object: Json, key: string): number | undefined {
  const value = Object.hasOwn(object, key) ? object[key] : undefined
  return typeof value === 'number' ? value : undefined
}

function numeral(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : undefined
}

function bytes(text: string | undefined): string | undefined {
  return text === undefined ? undefined : fromText(text)
}
