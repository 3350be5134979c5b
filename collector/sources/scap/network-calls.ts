/** Calls on sockets. */
import type { Row } from '../../../core/batch/builder.ts'
import { type CallHandler, descriptorOf, present, type ReturnedCall, setDescriptor } from './call.ts'
import type { Descriptor } from './descriptors.ts'
import { openFlagsOf } from './flags.ts'
import { type End, readAddress, readTuple, type SocketTuple } from './sockets.ts'

const AF_UNIX = 1
const AF_INET = 2
const AF_INET6 = 10
const SOCK_TYPE_MASK = 0xf
const EINPROGRESS = -115
const UDP = 17
/** IP's number by the type of a socket, where the protocol is left to the kernel. */
const PROTOCOL_BY_TYPE = new Map([
  [1, 6],
  [2, UDP],
  [3, 255],
])
const ANY = '0.0.0.0'

export function networkColumns(fd: number | undefined, descriptor: Descriptor | undefined): Row {
  const row: Row = fd === undefined ? {} : { fd: fd < 0 ? -1 : fd }
  if (descriptor === undefined) return row
  const { local, remote, role } = descriptor
  return {
    ...row,
    ...present({
      fdType: descriptor.type.charCodeAt(0),
      family: descriptor.family,
      protocol: descriptor.protocol,
      localIp: local?.ip,
      localPort: local?.port,
      remoteIp: remote?.ip,
      remotePort: remote?.port,
      socketPath: descriptor.family === AF_UNIX && descriptor.name !== '' ? descriptor.name : undefined,
      role: role === undefined ? undefined : role === 'client' ? 1 : 2,
    }),
  }
}

function emptySocket(family: number): Descriptor {
  const type = family === AF_INET ? '4' : family === AF_INET6 ? '6' : family === AF_UNIX ? 'u' : 'o'
  return { type, family }
}

const socket: CallHandler = (call) => {
  const { event } = call
  const fd = event.number('fd')
  const family = event.number('domain')
  const type = event.number('type')
  const asked = event.number('proto')
  const descriptor = emptySocket(family ?? 0)
  const protocol = asked === 0 && type !== undefined ? PROTOCOL_BY_TYPE.get(type & SOCK_TYPE_MASK) : asked
  if ((family === AF_INET || family === AF_INET6) && protocol !== undefined) descriptor.protocol = protocol
  setDescriptor(call, fd, descriptor)
  const row = present({ family, protocol: asked, socketType: type === undefined ? undefined : type & SOCK_TYPE_MASK })
  return {
    table: 'network',
    row: { ...networkColumns(fd, fd !== undefined && fd >= 0 ? descriptor : undefined), ...row },
  }
}

const bind: CallHandler = (call) => {
  const fd = call.event.number('fd')
  const address = readAddress(call.event.bytes('addr'))
  if (call.result === 0 && address !== undefined) {
    const descriptor = { ...(descriptorOf(call, fd) ?? emptySocket(address.family)) }
    if (address.path !== undefined) descriptor.name = address.path
    if (address.end !== undefined) descriptor.local = address.end
    setDescriptor(call, fd, descriptor)
  }
  return { table: 'network', row: networkColumns(fd, descriptorOf(call, fd)) }
}

const listen: CallHandler = (call) => {
  const fd = call.event.number('fd')
  const descriptor = descriptorOf(call, fd)
  if (call.result === 0 && descriptor !== undefined) setDescriptor(call, fd, { ...descriptor, role: 'server' })
  const row = present({ arg1: call.event.number('backlog') })
  return { table: 'network', row: { ...networkColumns(fd, descriptorOf(call, fd)), ...row } }
}

/** An address that is nowhere in particular, replaced by the one from which the machine reaches the other end. */
function reached({ machine }: ReturnedCall, end: End | undefined, other: End | undefined): End | undefined {
  if (end === undefined || end.ip !== ANY || other === undefined) return end
  const ip = machine.interfaces.sourceFor(other.ip)
  return ip === undefined ? end : { ip, port: end.port }
}

function withTuple(
  call: ReturnedCall,
  old: Descriptor | undefined,
  tuple: SocketTuple,
  isInbound: boolean,
): Descriptor {
  const descriptor = { ...(old ?? emptySocket(tuple.family)), family: tuple.family }
  if (tuple.path !== undefined && tuple.path !== '') descriptor.name = tuple.path
  const [local, remote] = isInbound ? [tuple.destination, tuple.source] : [tuple.source, tuple.destination]
  const from = reached(call, local, remote)
  const to = reached(call, remote, local)
  if (from !== undefined) descriptor.local = from
  if (to !== undefined) descriptor.remote = to
  return descriptor
}

const connect: CallHandler = (call) => {
  const { event, result } = call
  const fd = event.number('fd')
  const tuple = readTuple(event.bytes('tuple'))
  const isOnItsWay = result !== undefined && (result >= 0 || result === EINPROGRESS)
  let descriptor = descriptorOf(call, fd)
  if (tuple !== undefined) {
    const connected = withTuple(call, descriptor, tuple, false)
    if (isOnItsWay) setDescriptor(call, fd, { ...connected, role: 'client' })
    descriptor = isOnItsWay ? { ...connected, role: 'client' } : connected
  }
  return { table: 'network', row: networkColumns(fd, descriptor) }
}

const accept: CallHandler = (call) => {
  const fd = call.event.number('fd')
  const tuple = readTuple(call.event.bytes('tuple'))
  if (fd !== undefined && fd >= 0 && tuple !== undefined) {
    const descriptor: Descriptor = { ...withTuple(call, undefined, tuple, true), role: 'server' }
    if (tuple.family !== AF_UNIX) descriptor.protocol = PROTOCOL_BY_TYPE.get(1)!
    setDescriptor(call, fd, descriptor)
  }
  const row = present({ flags: call.event.number('flags') })
  return { table: 'network', row: { ...networkColumns(fd, descriptorOf(call, fd)), ...row } }
}

/** Sends and receives name the other end where the socket is not connected. */
const transfer =
  (isInbound: boolean): CallHandler =>
  (call) => {
    const { event, result } = call
    const fd = event.number('fd')
    const tuple = readTuple(event.bytes('tuple'))
    if (tuple !== undefined && result !== undefined && result >= 0) {
      const descriptor = withTuple(call, descriptorOf(call, fd), tuple, isInbound)
      if (tuple.family !== AF_UNIX) descriptor.protocol ??= UDP
      // Like Falco: a socket that was there before the capture is taken for a connected one.
      if (descriptorOf(call, fd) === undefined) descriptor.role = isInbound ? 'server' : 'client'
      setDescriptor(call, fd, descriptor)
    }
    const captured = event.number('flags')
    const row = present({
      size: event.number('size'),
      data: event.bytes('data')?.toString('latin1'),
      flags: captured === undefined ? undefined : openFlagsOf(captured),
    })
    return { table: 'network', row: { ...networkColumns(fd, descriptorOf(call, fd)), ...row } }
  }

export const NETWORK_CALLS: Readonly<Record<string, CallHandler>> = {
  socket,
  bind,
  listen,
  connect,
  accept,
  accept4: accept,
  sendto: transfer(false),
  sendmsg: transfer(false),
  recvfrom: transfer(true),
  recvmsg: transfer(true),
}
