/** Calls on paths and descriptors, sockets apart. */
import type { Row } from '../../../core/batch/builder.ts'
import {
  baseOf,
  type CallHandler,
  descriptorColumns,
  descriptorOf,
  descriptorsOf,
  present,
  type ReturnedCall,
  resolved,
  setDescriptor,
} from './call.ts'
import { rowOnDescriptor, signed } from './descriptor-rows.ts'
import { NUMBERED_OTHERWISE, openFlagsOf } from './flags.ts'
import { networkColumns } from './network-calls.ts'
import type { ScapEvent } from './scap-event.ts'

const O_DIRECTORY = 0o200000
const DUPFD = 1
const DUPFD_CLOEXEC = 26
const AF_UNIX = 1
const EPOLL_CLOEXEC = 0o2000000
const PIDFD_NONBLOCK = 0o4000

/** The columns of one path argument; a relative one comes with the directory it begins at. */
function pathColumns(call: ReturnedCall, raw: string | undefined, dirFd: number | undefined, second = false): Row {
  const isRelative = raw !== undefined && !raw.startsWith('/')
  const base = isRelative ? baseOf(call, dirFd) : undefined
  return second
    ? present({ rawPath2: raw, dirFd2: dirFd, dirPath2: base })
    : present({ rawPath: raw, dirFd, dirPath: base })
}

function numbered<K extends 'inode' | 'device'>(name: K, value: number | undefined): { [N in K]?: number } {
  return value === undefined ? {} : ({ [name]: value } as { [N in K]?: number })
}

const open: CallHandler = (call) => {
  const { event } = call
  const fd = event.number('fd')
  const raw = event.text('name')
  const dirFd = event.number('dirfd')
  const captured = event.number('flags')
  const flags = captured === undefined ? undefined : openFlagsOf(captured)
  const type = ((flags ?? 0) & O_DIRECTORY) !== 0 ? 'd' : 'f'
  const known = { ...numbered('inode', event.number('ino')), ...numbered('device', event.number('dev')) }
  if (fd !== undefined && fd >= 0 && raw !== undefined) {
    setDescriptor(call, fd, { type, name: resolved(call, raw, dirFd), rawName: raw, ...known })
  }
  const row: Row = { ...pathColumns(call, raw, dirFd), ...present({ flags, mode: event.number('mode') }), ...known }
  return { table: 'file', row: { ...row, ...descriptorColumns(fd, descriptorOf(call, fd)) } }
}

/** The event tells what is closed; afterwards nobody could say. */
const close: CallHandler = (call) => {
  const fd = signed(call.event.number('fd'))
  const found = rowOnDescriptor(call, fd, 'file', {})
  if (call.result === 0 && fd !== undefined) call.machine.threads.closeDescriptor(descriptorsOf(call), fd)
  return found
}

/** A call that makes a descriptor of a kind without a name. */
const made =
  (type: string, columns: (event: ScapEvent) => { [K in keyof Row]: Row[K] | undefined } = () => ({})): CallHandler =>
  (call) => {
    setDescriptor(call, call.result, { type })
    const row = present(columns(call.event))
    return { table: 'call', row: { ...row, ...descriptorColumns(call.result, descriptorOf(call, call.result)) } }
  }

const epollFlags = (captured: number | undefined) =>
  captured === undefined ? undefined : captured === 0 ? 0 : EPOLL_CLOEXEC
/** A capture has one flag of pidfd_open's. */
const pidfdFlags = (captured: number | undefined) =>
  captured === undefined ? undefined : captured === 0 ? 0 : PIDFD_NONBLOCK
const opened = (captured: number | undefined) => (captured === undefined ? undefined : openFlagsOf(captured))

const pipe: CallHandler = (call) => {
  if (call.result === 0) {
    const inode = call.event.number('ino')
    for (const name of ['fd1', 'fd2'])
      setDescriptor(call, call.event.number(name), { type: 'p', ...numbered('inode', inode) })
  }
  return { table: 'call', row: present({ flags: opened(call.event.number('flags')) }) }
}

const socketpair: CallHandler = (call) => {
  if (call.result === 0) {
    for (const name of ['fd1', 'fd2']) setDescriptor(call, call.event.number(name), { type: 'u', family: AF_UNIX })
  }
  const { event } = call
  const row = present({ arg0: event.number('domain'), arg1: event.number('type'), arg2: event.number('proto') })
  return { table: 'network', row: { ...row, ...present({ family: event.number('domain') }) } }
}

function duplicate(call: ReturnedCall, from: number | undefined): void {
  const { result } = call
  const descriptor = descriptorOf(call, from)
  if (result !== undefined && result >= 0 && result !== from && descriptor !== undefined)
    setDescriptor(call, result, { ...descriptor })
}

const dup: CallHandler = (call) => {
  const { event, result } = call
  const oldFd = event.number('oldfd')
  const captured = event.number('flags')
  duplicate(call, oldFd)
  const descriptor = descriptorOf(call, result)
  const row: Row = present({
    arg0: oldFd,
    arg1: event.number('newfd'),
    flags: captured === undefined ? undefined : openFlagsOf(captured),
  })
  if (descriptor?.family !== undefined)
    return { table: 'network', row: { ...row, ...networkColumns(result, descriptor) } }
  return { table: 'file', row: { ...row, ...descriptorColumns(result, descriptor) } }
}

const fcntl: CallHandler = (call) => {
  const { event } = call
  const command = event.number('cmd')
  const fd = signed(event.number('fd'))
  if (command === DUPFD || command === DUPFD_CLOEXEC) duplicate(call, fd)
  const known = command === undefined ? undefined : NUMBERED_OTHERWISE.fcntl(command)
  return rowOnDescriptor(call, fd, 'file', present({ arg1: known, arg2: event.number('arg') }))
}

/** The new descriptor is what another process has under a number. */
const pidfdGetfd: CallHandler = (call) => {
  const { event } = call
  const row = present({ arg0: event.number('pid_fd'), arg1: event.number('target_fd'), flags: event.number('flags') })
  return rowOnDescriptor(call, signed(event.number('fd')), 'file', row)
}

interface PathParameters {
  path?: string
  dir?: string
  path2?: string
  dir2?: string
}

/** A call on one or two paths, with whatever else it carries. */
function onPaths({ path, dir, path2, dir2 }: PathParameters): CallHandler {
  return (call) => {
    const { event } = call
    const row: Row = {
      ...(path === undefined
        ? {}
        : pathColumns(call, event.text(path), dir === undefined ? undefined : event.number(dir))),
      ...(path2 === undefined
        ? {}
        : pathColumns(call, event.text(path2), dir2 === undefined ? undefined : event.number(dir2), true)),
      ...present({
        mode: event.number('mode'),
        flags: event.number('flags'),
        argUid: event.number('uid'),
        argGid: event.number('gid'),
        device: event.number('dev'),
      }),
    }
    return { table: 'file', row }
  }
}

const onDescriptor: CallHandler = (call) => {
  const { event } = call
  const fd = event.number('fd')
  const row = present({ mode: event.number('mode'), argUid: event.number('uid'), argGid: event.number('gid') })
  return { table: 'file', row: { ...row, ...descriptorColumns(fd, descriptorOf(call, fd)) } }
}

const mount: CallHandler = (call) => {
  const { event } = call
  const row = present({ rawPath: event.text('dev'), flags: event.number('flags') })
  return { table: 'file', row: { ...row, ...pathColumns(call, event.text('dir'), undefined, true) } }
}

const symlink = (dir?: string): CallHandler => {
  const link = onPaths(dir === undefined ? { path2: 'linkpath' } : { path2: 'linkpath', dir2: dir })
  return (call) => {
    const found = link(call)
    const target = call.event.text('target')
    return found === null ? null : { ...found, row: { ...found.row, ...present({ rawPath: target }) } }
  }
}

const twoPaths = onPaths({ path: 'oldpath', path2: 'newpath' })
const renameAt = onPaths({ path: 'oldpath', dir: 'olddirfd', path2: 'newpath', dir2: 'newdirfd' })

export const FILE_CALLS: Readonly<Record<string, CallHandler>> = {
  open,
  openat: open,
  openat2: open,
  creat: open,
  open_by_handle_at: open,
  close,
  pipe,
  pipe2: pipe,
  socketpair,
  eventfd: made('e', (event) => ({ arg0: event.number('initval') })),
  eventfd2: made('e', (event) => ({ arg0: event.number('initval'), flags: opened(event.number('flags')) })),
  signalfd: made('s', (event) => ({ arg0: signed(event.number('fd')) })),
  signalfd4: made('s', (event) => ({ arg0: signed(event.number('fd')), flags: opened(event.number('flags')) })),
  timerfd_create: made('t', (event) => ({ arg0: event.number('clockid') })),
  inotify_init: made('i'),
  inotify_init1: made('i', (event) => ({ flags: opened(event.number('flags')) })),
  epoll_create: made('l', (event) => ({ arg0: event.number('size') })),
  epoll_create1: made('l', (event) => ({ flags: epollFlags(event.number('flags')) })),
  pidfd_open: made('P', (event) => ({ arg0: event.number('pid'), flags: pidfdFlags(event.number('flags')) })),
  pidfd_getfd: pidfdGetfd,
  userfaultfd: made('r'),
  io_uring_setup: made('r'),
  dup,
  dup2: dup,
  dup3: dup,
  fcntl,
  link: twoPaths,
  linkat: onPaths({ path: 'oldpath', dir: 'olddir', path2: 'newpath', dir2: 'newdir' }),
  rename: twoPaths,
  renameat: renameAt,
  renameat2: renameAt,
  symlink: symlink(),
  symlinkat: symlink('linkdirfd'),
  unlink: onPaths({ path: 'path' }),
  unlinkat: onPaths({ path: 'name', dir: 'dirfd' }),
  mkdir: onPaths({ path: 'path' }),
  mkdirat: onPaths({ path: 'path', dir: 'dirfd' }),
  rmdir: onPaths({ path: 'path' }),
  chmod: onPaths({ path: 'filename' }),
  fchmodat: onPaths({ path: 'filename', dir: 'dirfd' }),
  fchmod: onDescriptor,
  chown: onPaths({ path: 'path' }),
  lchown: onPaths({ path: 'path' }),
  fchownat: onPaths({ path: 'pathname', dir: 'dirfd' }),
  fchown: onDescriptor,
  chroot: onPaths({ path: 'path' }),
  mount,
  umount: onPaths({ path: 'name' }),
  umount2: onPaths({ path: 'name' }),
  mknod: onPaths({ path: 'path' }),
  mknodat: onPaths({ path: 'path', dir: 'dirfd' }),
}
