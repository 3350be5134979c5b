/** Rows of calls on a descriptor, whatever it is of. */
import type { Row } from '../../../core/batch/builder.ts'
import type { TableName } from '../../../core/batch/schema.ts'
import { type CallRow, descriptorColumns, descriptorOf, type ReturnedCall } from './call.ts'
import { networkColumns } from './network-calls.ts'

/** Captures have descriptors of 32 bits in 64. */
export const signed = (fd: number | undefined): number | undefined => (fd === undefined ? undefined : fd | 0)

/** Places a row by what its descriptor is: a socket's is one of the network, any other stays where `table` says. */
export function rowOnDescriptor(call: ReturnedCall, fd: number | undefined, table: TableName, row: Row): CallRow {
  const descriptor = descriptorOf(call, fd)
  if (table === 'call') return { table, row: { ...row, ...descriptorColumns(fd, descriptor) } }
  if (descriptor?.family !== undefined) return { table: 'network', row: { ...row, ...networkColumns(fd, descriptor) } }
  const raw = descriptor?.rawName === undefined ? {} : { rawPath: descriptor.rawName }
  return { table: 'file', row: { ...row, ...raw, ...descriptorColumns(fd, descriptor) } }
}
