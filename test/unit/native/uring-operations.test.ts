/** Every operation of io_uring is either captured as the call that it stands for, or left out for a reason. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { SyscallSpec } from '../../../collector/sources/syscalls/syscall-spec.ts'
import { SYSCALLS } from '../../../collector/sources/syscalls/syscall-table.ts'

const HEADER = '/usr/include/linux/io_uring.h'

/** In the order of their opcodes (enum io_uring_op of include/uapi/linux/io_uring.h). */
const OPERATIONS = [
  'NOP READV WRITEV FSYNC READ_FIXED WRITE_FIXED POLL_ADD POLL_REMOVE SYNC_FILE_RANGE SENDMSG RECVMSG TIMEOUT',
  'TIMEOUT_REMOVE ACCEPT ASYNC_CANCEL LINK_TIMEOUT CONNECT FALLOCATE OPENAT CLOSE FILES_UPDATE STATX READ WRITE FADVISE',
  'MADVISE SEND RECV OPENAT2 EPOLL_CTL SPLICE PROVIDE_BUFFERS REMOVE_BUFFERS TEE SHUTDOWN RENAMEAT UNLINKAT MKDIRAT',
  'SYMLINKAT LINKAT MSG_RING FSETXATTR SETXATTR FGETXATTR GETXATTR SOCKET URING_CMD SEND_ZC SENDMSG_ZC READ_MULTISHOT',
  'WAITID FUTEX_WAIT FUTEX_WAKE FUTEX_WAITV FIXED_FD_INSTALL FTRUNCATE BIND LISTEN RECV_ZC EPOLL_WAIT READV_FIXED',
  'WRITEV_FIXED PIPE',
].flatMap((line) => line.split(' '))

const CAPTURED: Record<string, string> = {
  read: 'READ READ_FIXED READ_MULTISHOT',
  readv: 'READV READV_FIXED',
  write: 'WRITE WRITE_FIXED',
  writev: 'WRITEV WRITEV_FIXED',
  fsync: 'FSYNC',
  ftruncate: 'FTRUNCATE',
  fallocate: 'FALLOCATE',
  fadvise64: 'FADVISE',
  shutdown: 'SHUTDOWN',
  sendto: 'SEND SEND_ZC',
  sendmsg: 'SENDMSG SENDMSG_ZC',
  recvfrom: 'RECV RECV_ZC',
  recvmsg: 'RECVMSG',
  socket: 'SOCKET',
  connect: 'CONNECT',
  accept4: 'ACCEPT',
  bind: 'BIND',
  listen: 'LISTEN',
  openat: 'OPENAT',
  openat2: 'OPENAT2',
  unlinkat: 'UNLINKAT',
  renameat2: 'RENAMEAT',
  mkdirat: 'MKDIRAT',
  symlinkat: 'SYMLINKAT',
  linkat: 'LINKAT',
}

const LEFT_OUT: Record<string, string> = {
  'does nothing': 'NOP',
  'waits, or ends a wait: it reads and changes nothing that a rule is about':
    'POLL_ADD POLL_REMOVE TIMEOUT TIMEOUT_REMOVE ASYNC_CANCEL LINK_TIMEOUT WAITID FUTEX_WAIT FUTEX_WAKE FUTEX_WAITV EPOLL_WAIT',
  'arranges the ring itself: no system call does the same':
    'FILES_UPDATE PROVIDE_BUFFERS REMOVE_BUFFERS MSG_RING FIXED_FD_INSTALL',
  'is a command to a driver or a socket, in a form of its own': 'URING_CMD',
  'is captured only by name as a call, and says nothing without arguments, which are not read from requests':
    'SYNC_FILE_RANGE STATX MADVISE EPOLL_CTL SPLICE TEE FSETXATTR SETXATTR FGETXATTR GETXATTR',
  'has its descriptors in memory that is not read, or gives one up': 'PIPE CLOSE',
}

test('is captured, or left out for a reason', () => {
  const told = [...Object.values(CAPTURED), ...Object.values(LEFT_OUT)].flatMap((names) => names.split(' '))
  expect(told.toSorted()).toEqual(OPERATIONS.toSorted())
})

test('goes by the name of the call that it stands for', () => {
  const found = Object.fromEntries(
    Object.entries<SyscallSpec>(SYSCALLS).flatMap(([call, { uring }]) =>
      uring === undefined ? [] : [[call, uring.map((opcode) => OPERATIONS[opcode]).toSorted()]],
    ),
  )
  const expected = Object.fromEntries(
    Object.entries(CAPTURED).map(([call, names]) => [call, names.split(' ').toSorted()] as const),
  )
  expect(found).toEqual(expected)
})

test('has the opcode of the header, and no other is there', ({ skip }) => {
  if (!existsSync(HEADER)) return skip(`${HEADER} is not there`)
  const body = /enum io_uring_op \{([^}]*)\}/.exec(readFileSync(HEADER, 'utf8'))?.[1] ?? ''
  const names = [...body.matchAll(/^\s*IORING_OP_(\w+),/gm)].map(([, name]) => name!).filter((name) => name !== 'LAST')
  expect(names.length).toBeGreaterThan(40)
  // A header can be older than the list.
  expect(names).toEqual(OPERATIONS.slice(0, names.length))
})
