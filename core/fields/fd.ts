/** `fd.*`: the descriptor an event makes or acts on: a file, a socket, a pipe. */
import type { ColumnName } from '../batch/columns.ts'
import { isByName } from './calls-by-name.ts'
import type { Cursor } from './cursor.ts'
import { firstPath, OPEN_CALLS, takesDescriptor } from './event-path.ts'
import { type Field, type FieldType, field, fromEvent, type Source } from './field.ts'
import { baseName, directoryOf } from './paths.ts'
import { argumentList } from './process-facts.ts'
import { clientEnd, connectionText, type End, ipOf, isServer, portOf, serverEnd } from './socket-ends.ts'

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const EINPROGRESS = -115

/** The values of fd.type by those of fd.typechar; any other character is `other`. */
export const FD_TYPE_NAMES: ReadonlyMap<string, string> = new Map([
  ['f', 'file'],
  ['d', 'directory'],
  ['4', 'ipv4'],
  ['6', 'ipv6'],
  ['u', 'unix'],
  ['p', 'pipe'],
  ['e', 'event'],
  ['s', 'signalfd'],
  ['l', 'eventpoll'],
  ['i', 'inotify'],
  ['t', 'timerfd'],
  ['m', 'memfd'],
  ['b', 'bpf'],
  ['r', 'userfaultfd'],
  ['o', 'other'],
])

const PROTOCOLS = new Map([
  [1, 'icmp'],
  [58, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [255, 'raw'],
])
/** What the socket's type implies where the protocol was left to the kernel. */
const PROTOCOL_BY_TYPE = new Map([
  [1, 'tcp'],
  [2, 'udp'],
  [3, 'raw'],
])

const FILE: readonly ColumnName[] = ['fd', 'path']
const SOCKET: readonly ColumnName[] = ['family', 'localIp', 'remoteIp', 'socketPath']

export function typeCharacter(cursor: Cursor): string | undefined {
  if (!takesDescriptor(cursor)) return undefined
  const code = cursor.number('fdType')
  if (code !== undefined) return String.fromCharCode(code)
  const family = cursor.number('family')
  if (family !== undefined) return family === AF_UNIX ? 'u' : family === AF_INET ? '4' : family === AF_INET6 ? '6' : '?'
  // An open that failed has no descriptor to ask; like Falco we call it a file.
  const type = cursor.type
  return type !== undefined && OPEN_CALLS.has(type) ? 'f' : undefined
}

/** Path, connection or socket path: what the descriptor is called. */
export function descriptorName(cursor: Cursor): string | undefined {
  if (cursor.table.name === 'network') return connectionText(cursor)
  return takesDescriptor(cursor) ? firstPath(cursor) : undefined
}

function isIp(cursor: Cursor): boolean {
  const family = cursor.number('family')
  return family === AF_INET || family === AF_INET6 || (family === undefined && cursor.text('remoteIp') !== undefined)
}

const ofFile = (read: (path: string) => string) =>
  fromEvent(FILE, (cursor) => {
    if (cursor.table.name === 'network') return undefined
    const path = descriptorName(cursor)
    return path === undefined ? undefined : read(path)
  })

const local: (cursor: Cursor) => End = () => 'local'
const remote: (cursor: Cursor) => End = () => 'remote'

const ip = (end: (cursor: Cursor) => End) => fromEvent(SOCKET, (cursor) => ipOf(cursor, end(cursor)))
const port = (end: (cursor: Cursor) => End) => fromEvent(SOCKET, (cursor) => portOf(cursor, end(cursor)))
const portText = (end: (cursor: Cursor) => End) =>
  fromEvent(SOCKET, (cursor) => portOf(cursor, end(cursor))?.toString())

function both<T extends string | number>(read: (cursor: Cursor, end: End) => T | undefined): Source {
  return fromEvent(SOCKET, (cursor) => {
    const ends = [read(cursor, 'local'), read(cursor, 'remote')].filter((value) => value !== undefined)
    return ends.length === 0 ? undefined : ends
  })
}

const bothEnds = { several: 'ends', printable: false, rightSide: false } as const
const leftOnly = { rightSide: false } as const

function sides(type: FieldType, suffix: string, what: string, read: (end: (cursor: Cursor) => End) => Source): Field[] {
  const extra = type === 'net' ? leftOnly : {}
  return [
    field(`fd.c${suffix}`, type, `${what} of the client.`, read(clientEnd), extra),
    field(`fd.s${suffix}`, type, `${what} of the server.`, read(serverEnd), extra),
    field(`fd.l${suffix}`, type, `${what} of the local end.`, read(local), extra),
    field(`fd.r${suffix}`, type, `${what} of the remote end.`, read(remote), extra),
  ]
}

/** Names are written into the event where it is captured, so that everybody who judges it later sees the same. */
function domain(side: string, what: string, end: (cursor: Cursor) => End): Field {
  const names = (cursor: Cursor) => argumentList(cursor.text(end(cursor) === 'local' ? 'localNames' : 'remoteNames'))
  return field(
    `fd.${side}ip.name`,
    'string',
    `Host name that leads to the address of the ${what}. Only names that some rule compares this with are looked up, by the host that captures, and again every minute.`,
    fromEvent(['localNames', 'remoteNames'], names),
    { several: 'ends', rightSide: false, print: (cursor) => names(cursor)?.join(' ') },
  )
}

export const FD_FIELDS: readonly Field[] = [
  field(
    'fd.num',
    'number',
    'Number of the descriptor; -1 when the call made none.',
    fromEvent(['fd'], (cursor) => (takesDescriptor(cursor) ? cursor.number('fd') : undefined)),
  ),
  field(
    'fd.uid',
    'string',
    'Thread id and number of the descriptor, one behind the other.',
    fromEvent(['fd'], (cursor) => {
      const fd = takesDescriptor(cursor) ? cursor.number('fd') : undefined
      return fd === undefined || fd < 0 ? undefined : `${cursor.number('tid')}${fd}`
    }),
  ),
  field(
    'fd.name',
    'string',
    'Absolute path of a file, client:port->server:port of a connection, or path of a unix socket.',
    fromEvent(['path', 'rawPath', ...SOCKET], descriptorName),
    { ecs: 'file.path' },
  ),
  field(
    'fd.nameraw',
    'string',
    'Path of the file as user space passed it.',
    fromEvent(['rawPath'], (cursor) => (takesDescriptor(cursor) ? cursor.text('rawPath') : undefined)),
  ),
  field('fd.directory', 'string', 'Directory of the file.', ofFile(directoryOf), { ecs: 'file.directory' }),
  field('fd.filename', 'string', 'Name of the file without its directory.', ofFile(baseName), { ecs: 'file.name' }),
  field(
    'fd.type',
    'string',
    'file, directory, ipv4, ipv6, unix, pipe, event, signalfd, eventpoll, inotify, timerfd, memfd, …',
    fromEvent(['fdType', 'family'], (cursor) => {
      const character = typeCharacter(cursor)
      return character === undefined ? undefined : (FD_TYPE_NAMES.get(character) ?? 'other')
    }),
  ),
  field(
    'fd.typechar',
    'string',
    'The type as one character: f, d, 4, 6, u, p, …',
    fromEvent(['fdType', 'family'], typeCharacter),
  ),
  field('fd.ip', 'ip', 'Address of either end; only to compare.', both(ipOf), bothEnds),
  ...sides('ip', 'ip', 'Address', ip),
  domain('c', 'client', clientEnd),
  domain('s', 'server', serverEnd),
  domain('l', 'local end', local),
  domain('r', 'remote end', remote),
  field('fd.net', 'net', 'Network of either end; only to compare.', both(ipOf), bothEnds),
  ...sides('net', 'net', 'Address, to compare with networks,', ip),
  field('fd.port', 'port', 'Port of either end; only to compare.', both(portOf), bothEnds),
  field('fd.proto', 'port', 'The same as fd.port: Falco calls a port a protocol here.', both(portOf), bothEnds),
  ...sides('port', 'port', 'Port', port),
  ...sides('string', 'proto', 'Port as text', portText),
  field(
    'fd.l4proto',
    'string',
    'tcp, udp, icmp or raw; <NA> of a descriptor that has none.',
    fromEvent([...FILE, ...SOCKET], (cursor) => {
      const protocol = isIp(cursor)
        ? (PROTOCOLS.get(cursor.number('protocol') ?? 0) ?? PROTOCOL_BY_TYPE.get(cursor.number('socketType') ?? 0))
        : undefined
      if (protocol !== undefined) return protocol
      return (cursor.number('fd') ?? -1) < 0 || typeCharacter(cursor) === undefined ? undefined : '<NA>'
    }),
    { ecs: 'network.transport' },
  ),
  field(
    'fd.sockfamily',
    'string',
    'ip or unix.',
    fromEvent(['family'], (cursor) => {
      const family = cursor.number('family')
      return family === AF_UNIX ? 'unix' : family === AF_INET || family === AF_INET6 ? 'ip' : undefined
    }),
  ),
  field(
    'fd.is_server',
    'boolean',
    'The process is the server of this connection.',
    fromEvent(['fd', 'family'], (cursor) => {
      if (cursor.table.name === 'network') return isServer(cursor)
      return takesDescriptor(cursor) ? false : undefined
    }),
  ),
  field(
    'fd.connected',
    'boolean',
    'The socket is connected (or on its way).',
    fromEvent(['fd', 'family'], (cursor) => {
      if (!isDescribed(cursor)) return undefined
      if (cursor.table.name !== 'network') return false
      if (cursor.number('role') !== undefined)
        return cursor.text('remoteIp') !== undefined || cursor.text('socketPath') !== undefined
      if (isByName(cursor.type ?? '')) return cursor.text('remoteIp') !== undefined
      if (cursor.type !== 'connect') return cursor.type === 'accept' || cursor.type === 'accept4'
      const ret = cursor.number('ret') ?? 0
      return ret >= 0 || ret === EINPROGRESS
    }),
  ),
  field(
    'fd.name_changed',
    'boolean',
    'The event gave the descriptor another name.',
    fromEvent(['fd', 'family'], (cursor) => {
      const type = cursor.type
      if (type === undefined || !isDescribed(cursor)) return undefined
      if (OPEN_CALLS.has(type) || type === 'connect' || type === 'accept' || type === 'accept4' || type === 'bind')
        return true
      return (
        (type === 'sendto' || type === 'sendmsg' || type === 'recvfrom' || type === 'recvmsg') &&
        cursor.number('role') === undefined
      )
    }),
  ),
  field(
    'fd.dev',
    'number',
    'Device of the file (major << 20 | minor).',
    fromEvent(['device'], (cursor) => cursor.number('device')),
  ),
  field(
    'fd.dev.major',
    'number',
    'Major device number of the file.',
    fromEvent(['device'], (cursor) => part(cursor, (device) => device >>> 20)),
  ),
  field(
    'fd.dev.minor',
    'number',
    'Minor device number of the file.',
    fromEvent(['device'], (cursor) => part(cursor, (device) => device & 0xfffff)),
  ),
  field(
    'fd.ino',
    'number',
    'Inode of the file.',
    fromEvent(['inode'], (cursor) => cursor.number('inode')),
    { ecs: 'file.inode' },
  ),
  field(
    'fd.is_upper_layer',
    'boolean',
    "The file is in the container's writable layer.",
    fromEvent(['fdLayer', 'family'], (cursor) => isOnLayer(cursor, LAYER.upper)),
  ),
  field(
    'fd.is_lower_layer',
    'boolean',
    "The file is in the container's image, unchanged.",
    fromEvent(['fdLayer', 'family'], (cursor) => isOnLayer(cursor, LAYER.lower)),
  ),
  field(
    'fd.containername',
    'string',
    'Container id and descriptor name, joined by a colon.',
    fromEvent(['fd', 'path'], (cursor) => {
      const name = descriptorName(cursor)
      return name === undefined ? undefined : `${(cursor.containerText('containerId') ?? '').slice(0, 12)}:${name}`
    }),
  ),
  field(
    'fd.containerdirectory',
    'string',
    'Container id and directory, joined by a colon.',
    fromEvent(['fd', 'path'], (cursor) => {
      if (cursor.table.name === 'network') return undefined
      const name = descriptorName(cursor)
      return name === undefined
        ? undefined
        : `${(cursor.containerText('containerId') ?? '').slice(0, 12)}:${directoryOf(name)}`
    }),
  ),
]

/** Values of the column fdLayer. */
const LAYER = { upper: 1, lower: 2 } as const

/** False for all that is on no overlay. */
function isOnLayer(cursor: Cursor, layer: number): boolean | undefined {
  return isDescribed(cursor) ? cursor.number('fdLayer') === layer : undefined
}

/** Whether anything is known of the descriptor: of close, and of an anonymous mmap, there is only a number. */
function isDescribed(cursor: Cursor): boolean {
  if (!takesDescriptor(cursor)) return false
  return !isByName(cursor.type ?? '') || cursor.number('fdType') !== undefined
}

function part(cursor: Cursor, of: (device: number) => number): number | undefined {
  const device = cursor.number('device')
  return device === undefined ? undefined : of(device)
}
