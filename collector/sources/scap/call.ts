/** What the calls' own files share: a returned call with its thread, and what becomes of it. */
import type { Row } from '../../../core/batch/builder.ts'
import type { TableName } from '../../../core/batch/schema.ts'
import { absolutePath } from '../../../core/fields/paths.ts'
import type { CapturedContainers } from './containers.ts'
import type { Descriptor } from './descriptors.ts'
import type { Interfaces } from './interfaces.ts'
import type { ScapEvent } from './scap-event.ts'
import type { DescriptorTable, Thread, Threads } from './threads.ts'
import type { Users } from './users.ts'

/** Everything a capture has told of its machine so far. */
export interface Machine {
  threads: Threads
  users: Users
  interfaces: Interfaces
  containers: CapturedContainers
}

export interface ReturnedCall {
  machine: Machine
  event: ScapEvent
  thread: Thread
  timeNs: bigint
  /** What the call returned; negative errno. Undefined where the event does not say. */
  result: number | undefined
}

/** An event's columns beyond those that every call has. */
export interface CallRow {
  table: TableName
  row: Row
}

/** Brings what is known up to date and tells the event's columns; null for a call that is no event of Seamark's. */
export type CallHandler = (call: ReturnedCall) => CallRow | null

const AT_FDCWD = -100

export function descriptorsOf({ machine, thread }: ReturnedCall): DescriptorTable {
  return machine.threads.leader(thread).descriptors
}

export function descriptorOf(call: ReturnedCall, fd: number | undefined): Descriptor | undefined {
  return fd === undefined ? undefined : descriptorsOf(call).get(fd)
}

export function setDescriptor(call: ReturnedCall, fd: number | undefined, descriptor: Descriptor): void {
  if (fd !== undefined && fd >= 0) call.machine.threads.setDescriptor(descriptorsOf(call), fd, descriptor)
}

/** The directory that a relative path of the call begins at; undefined when it is not known. */
export function baseOf(call: ReturnedCall, dirFd: number | undefined): string | undefined {
  if (dirFd === undefined || dirFd === AT_FDCWD) return call.machine.threads.leader(call.thread).facts.cwd
  return descriptorOf(call, dirFd)?.name
}

export function resolved(call: ReturnedCall, path: string, dirFd: number | undefined): string {
  return path.startsWith('/') ? absolutePath(path, undefined) : absolutePath(path, baseOf(call, dirFd))
}

/** The columns of a descriptor that is no socket. */
export function descriptorColumns(fd: number | undefined, descriptor: Descriptor | undefined): Row {
  const row: Row = {}
  if (fd !== undefined) row.fd = fd < 0 ? -1 : fd
  if (descriptor === undefined) return row
  row.fdType = descriptor.type.charCodeAt(0)
  if (descriptor.name !== undefined) row.path = descriptor.name
  if (descriptor.inode !== undefined) row.inode = descriptor.inode
  if (descriptor.device !== undefined) row.device = descriptor.device
  return row
}

/** The columns among `entries` that the event carries. */
export function present(entries: { [K in keyof Row]: Row[K] | undefined }): Row {
  const row: Row = {}
  for (const [name, value] of Object.entries(entries)) if (value !== undefined) row[name as keyof Row] = value
  return row
}
