/** Calls that are neither about processes nor files nor sockets. */
import type { Row } from '../../../core/batch/builder.ts'
import { type CallHandler, descriptorColumns, descriptorOf, present, setDescriptor } from './call.ts'
import { cloneFlagsOf, ptraceRequestOf } from './flags.ts'
import type { ScapEvent } from './scap-event.ts'

/** A call of which the event says all there is. */
const told =
  (columns: (event: ScapEvent) => { [K in keyof Row]: Row[K] | undefined }): CallHandler =>
  ({ event }) => ({ table: 'call', row: present(columns(event)) })

const namespaces = (event: ScapEvent, name: string) => {
  const captured = event.number(name)
  return captured === undefined ? undefined : cloneFlagsOf(captured)
}

const ptrace: CallHandler = told((event) => {
  const request = event.number('request')
  return { arg0: request === undefined ? undefined : ptraceRequestOf(request), arg1: event.number('pid') }
})

const setns: CallHandler = (call) => {
  const fd = call.event.number('fd')
  const descriptor = descriptorColumns(fd, descriptorOf(call, fd))
  return { table: 'call', row: { ...descriptor, ...present({ flags: namespaces(call.event, 'nstype') }) } }
}

/** bpf and memfd_create: the result is a descriptor, or not. */
const makes =
  (type: string, columns: (event: ScapEvent) => { [K in keyof Row]: Row[K] | undefined }): CallHandler =>
  (call) => {
    const fd = call.event.number('fd')
    const name = call.event.text('name')
    setDescriptor(call, fd, { type, ...(name === undefined ? {} : { name }) })
    const { inode: _, device: __, path: ___, ...row } = descriptorColumns(fd, descriptorOf(call, fd))
    return { table: 'call', row: { ...row, ...present(columns(call.event)) } }
  }

const finitModule: CallHandler = (call) => {
  const { event } = call
  const fd = event.number('fd')
  const row = descriptorColumns(fd, descriptorOf(call, fd))
  return { table: 'call', row: { ...row, ...present({ text0: event.text('uargs'), flags: event.number('flags') }) } }
}

export const OTHER_CALLS: Readonly<Record<string, CallHandler>> = {
  kill: told((event) => ({ arg0: event.number('pid'), arg1: event.number('sig') })),
  tkill: told((event) => ({ arg0: event.number('tid'), arg1: event.number('sig') })),
  tgkill: told((event) => ({ arg0: event.number('pid'), arg1: event.number('tid'), arg2: event.number('sig') })),
  ptrace,
  setns,
  unshare: told((event) => ({ flags: namespaces(event, 'flags') })),
  bpf: makes('b', (event) => ({ arg0: event.number('cmd') })),
  memfd_create: makes('m', (event) => ({ text0: event.text('name'), flags: event.number('flags') })),
  init_module: told((event) => ({ arg1: event.number('length'), text0: event.text('uargs') })),
  finit_module: finitModule,
  keyctl: told((event) => ({ arg0: event.number('operation') })),
  delete_module: told((event) => ({ text0: event.text('name'), flags: event.number('flags') })),
  io_uring_enter: told((event) => ({
    fd: event.number('fd'),
    arg1: event.number('to_submit'),
    arg2: event.number('min_complete'),
    flags: event.number('flags'),
  })),
}
