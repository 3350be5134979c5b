/**
 * Calls that leave nothing behind: an event's parameters become columns, and no more. A line is a call and what it takes:
 * `fd` or `fd=PARAMETER` a descriptor, by which the row is placed; `path=PARAMETER` a path; `COLUMN=PARAMETER` a number,
 * with `:AS` as a capture numbers it; `COLUMN~PARAMETER` a text.
 */
import type { Row } from '../../../core/batch/builder.ts'
import { EVENT_TYPES, type EventTypeName } from '../../../core/fields/event-types.ts'
import { baseOf, type CallHandler, type ReturnedCall } from './call.ts'
import { rowOnDescriptor, signed } from './descriptor-rows.ts'
import { NUMBERED_OTHERWISE, type NumberedOtherwise } from './flags.ts'

const TABLE = `
read fd size=size data~data
pread fd size=size arg3=pos data~data
readv fd size=size data~data
preadv fd size=size arg3=pos data~data
write fd size=size data~data
pwrite fd size=size arg3=pos data~data
writev fd size=size data~data
pwritev fd size=size arg3=pos data~data
shutdown fd arg1=how
getsockname
getpeername
setsockopt fd arg1=level:level arg2=optname:option arg4=optlen
getsockopt fd arg1=level:level arg2=optname:option
sendmmsg fd
recvmmsg fd
fstat fd
fstat64 fd
lseek fd arg1=offset arg2=whence
llseek fd arg4=whence
ioctl fd arg1=request arg2=argument
getdents fd
getdents64 fd
flock fd arg1=operation
splice fd=fd_in arg2=fd_out size=size flags=flags
sendfile fd=out_fd arg1=in_fd size=size
copy_file_range fd=fdin arg2=fdout size=len
io_uring_register fd arg1=opcode:ioUring arg2=arg arg3=nr_args
fsconfig fd arg1=cmd text0~key text1~value arg4=aux
stat path=path
lstat path=path
stat64 path=path
lstat64 path=path
getcwd path=path
access path=name mode=mode
newfstatat path=path flags=flags
quotactl path=special arg2=id
mmap fd arg0=addr arg1=length arg2=prot:protection flags=flags:map arg5=offset
mmap2 fd arg0=addr arg1=length arg2=prot:protection flags=flags:map arg5=offset
munmap arg0=addr arg1=length
mprotect arg0=addr arg1=length arg2=prot:protection
brk arg0=addr
mlock arg0=addr arg1=len
mlock2 arg0=addr arg1=len flags=flags
mlockall flags=flags
munlock arg0=addr arg1=len
munlockall
futex arg0=addr arg1=op arg2=val
epoll_wait arg2=maxevents
poll arg2=timeout
ppoll
select
_newselect
nanosleep
getrlimit arg0=resource
setrlimit arg0=resource
prlimit arg0=pid arg1=resource
getuid ret=id
geteuid ret=id
getgid ret=id
getegid ret=id
getresuid
getresgid
semop arg2=nsops arg0=semid
semctl arg0=semid arg1=semnum arg3=val
semget arg0=key arg1=nsems
seccomp arg0=op flags=flags
process_vm_readv arg0=pid
process_vm_writev arg0=pid
close_range arg0=first arg1=last
`

type Fill = (call: ReturnedCall, row: Row) => void

function fillOf(token: string): Fill {
  const isText = token.includes('~')
  const [column = '', source = ''] = token.split(isText ? '~' : '=')
  const [parameter = '', as] = source.split(':')
  if (isText) {
    return ({ event }, row) => {
      const text = column === 'data' ? event.bytes(parameter)?.toString('latin1') : event.text(parameter)
      if (text !== undefined) Object.assign(row, { [column]: text })
    }
  }
  if (column === 'path') {
    return (call, row) => {
      const raw = call.event.text(parameter)
      const dirFd = signed(call.event.number('dirfd'))
      const base = raw?.startsWith('/') === false ? baseOf(call, dirFd) : undefined
      if (raw !== undefined) row.rawPath = raw
      if (dirFd !== undefined) row.dirFd = dirFd
      if (base !== undefined) row.dirPath = base
    }
  }
  const translate = as === undefined ? undefined : NUMBERED_OTHERWISE[as as NumberedOtherwise]
  return ({ event }, row) => {
    const value = event.number(parameter)
    const known = value === undefined || translate === undefined ? value : translate(value)
    if (known !== undefined) Object.assign(row, { [column]: known })
  }
}

function handlerOf(name: EventTypeName, tokens: readonly string[]): CallHandler {
  const descriptor = tokens.find((token) => token === 'fd' || token.startsWith('fd='))
  const fills = tokens.filter((token) => token !== descriptor).map(fillOf)
  const table = EVENT_TYPES[name].tables[0]!
  return (call) => {
    const row: Row = {}
    for (const fill of fills) fill(call, row)
    if (descriptor === undefined) return { table, row }
    return rowOnDescriptor(
      call,
      signed(call.event.number(descriptor === 'fd' ? 'fd' : descriptor.slice(3))),
      table,
      row,
    )
  }
}

export const NAMED_CALLS: Readonly<Record<string, CallHandler>> = Object.fromEntries(
  TABLE.trim()
    .split('\n')
    .map((line) => {
      const [name = '', ...tokens] = line.split(' ')
      return [name, handlerOf(name as EventTypeName, tokens)]
    }),
)
