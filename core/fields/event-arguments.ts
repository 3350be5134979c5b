/**
 * The arguments of each event type under Falco's names, in Falco's order, for `evt.arg.NAME`, `evt.arg[n]` and
 * `evt.args`. What a batch does not carry (timings, memory figures, data buffers) is left out. A process's environment is
 * deliberately not an argument: `evt.args` ends up in alerts.
 */
import {
  device,
  directory,
  dirfd,
  type EventArgument,
  exeFlags,
  fd,
  gaps,
  group,
  inode,
  mode,
  named,
  number,
  openFlags,
  path,
  path2,
  processNumber,
  raw,
  result,
  shownNumber,
  signal,
  size,
  text,
  tuple,
  user,
} from './argument-readers.ts'
import { NAMED_CALL_ARGUMENTS } from './arguments-by-name.ts'
import type { Cursor } from './cursor.ts'
import type { EventTypeName } from './event-types.ts'
import {
  atFlagNames,
  bpfCommandName,
  capabilityNames,
  cloneFlagNames,
  familyName,
  mountFlagNames,
  openFlagNames,
  prctlName,
  ptraceName,
  renameFlagNames,
  signalName,
  umountFlagNames,
} from './kernel-names.ts'
import { argumentList } from './process-facts.ts'

const exec: readonly EventArgument[] = [
  result,
  text('exe', (cursor) => argumentList(cursor.text('argv'))?.[0]),
  text('args', (cursor) => argumentList(cursor.text('argv'))?.slice(1).join(' ')),
  number('tid', 'tid'),
  processNumber('pid', 'pid'),
  processNumber('ptid', 'ppid'),
  raw('cwd', 'cwd'),
  ...gaps('fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap'),
  raw('comm', 'comm'),
  ...gaps('cgroups env'),
  number('tty', 'tty'),
  number('vpgid', 'vpgid'),
  number('loginuid', 'loginUid'),
  exeFlags,
  number('cap_inheritable', 'capInheritable', capabilityNames),
  number('cap_permitted', 'capPermitted', capabilityNames),
  number('cap_effective', 'capEffective', capabilityNames),
  number('exe_ino', 'exeInode'),
  ...gaps('exe_ino_ctime exe_ino_mtime'),
  processNumber('uid', 'uid'),
  raw('trusted_exepath', 'exePath'),
  number('pgid', 'pgid'),
  processNumber('gid', 'gid'),
  raw('filename', 'rawPath'),
]

const clone: readonly EventArgument[] = [
  result,
  text('exe', (cursor) => argumentList(cursor.processText('argv'))?.[0]),
  text('args', (cursor) => argumentList(cursor.processText('argv'))?.slice(1).join(' ')),
  number('tid', 'tid'),
  processNumber('pid', 'pid'),
  processNumber('ptid', 'ppid'),
  text('cwd', (cursor) => cursor.processText('cwd')),
  ...gaps('fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap'),
  text('comm', (cursor) => cursor.processText('comm')),
  ...gaps('cgroups'),
  number('flags', 'flags', cloneFlagNames),
  processNumber('uid', 'uid'),
  processNumber('gid', 'gid'),
  number('vtid', 'vtid'),
  processNumber('vpid', 'vpid'),
  ...gaps('pidns_init_start_ts'),
]

const open = (...between: EventArgument[]): readonly EventArgument[] => [
  fd,
  ...between,
  path('name'),
  openFlags,
  mode,
  device,
  inode,
]
const queue = gaps('queuepct queuelen queuemax')
const data = gaps('data')
const oldAndNew: readonly EventArgument[] = [result, path('oldpath'), path2('newpath')]
const oldAndNewAt = (from: string, to: string): EventArgument[] => [
  result,
  directory(from, 'dirFd', 'dirPath'),
  path('oldpath'),
  directory(to, 'dirFd2', 'dirPath2'),
  path2('newpath'),
]
const target = raw('target', 'rawPath')

/** Falco's name and order of what each event type carries. Types left out carry their result alone. */
export const EVENT_ARGUMENTS: Partial<Record<EventTypeName, readonly EventArgument[]>> = {
  execve: exec,
  execveat: exec,
  clone,
  clone3: clone,
  fork: clone,
  vfork: clone,
  procexit: [
    number('status', 'exitCode'),
    number('ret', 'exitCode'),
    number('sig', 'exitSignal', signalName),
    ...gaps('core reaper_tid'),
  ],
  open: open(),
  openat: open(dirfd),
  openat2: [fd, dirfd, path('name'), openFlags, mode, ...gaps('resolve'), device, inode],
  creat: [fd, path('name'), mode, device, inode, ...gaps('creat_flags')],
  open_by_handle_at: [fd, ...gaps('mountfd'), openFlags, path('path'), device, inode],
  unlink: [result, path('path')],
  unlinkat: [result, dirfd, path('name'), number('flags', 'flags', atFlagNames)],
  rename: oldAndNew,
  renameat: oldAndNewAt('olddirfd', 'newdirfd'),
  renameat2: [...oldAndNewAt('olddirfd', 'newdirfd'), number('flags', 'flags', renameFlagNames)],
  link: oldAndNew,
  linkat: [...oldAndNewAt('olddir', 'newdir'), number('flags', 'flags', atFlagNames)],
  symlink: [result, target, path2('linkpath')],
  symlinkat: [result, target, directory('linkdirfd', 'dirFd2', 'dirPath2'), path2('linkpath')],
  mkdir: [result, path('path'), mode],
  mkdirat: [result, dirfd, path('path'), mode],
  rmdir: [result, path('path')],
  chmod: [result, path('filename'), mode],
  fchmod: [result, fd, mode],
  fchmodat: [result, dirfd, path('filename'), mode],
  fchmodat2: [result, dirfd, path('filename'), mode, number('flags', 'flags', atFlagNames)],
  chown: [result, path('path'), user('uid', 'argUid'), group('gid', 'argGid')],
  lchown: [result, path('path'), user('uid', 'argUid'), group('gid', 'argGid')],
  fchown: [result, fd, user('uid', 'argUid'), group('gid', 'argGid')],
  fchownat: [
    result,
    dirfd,
    path('pathname'),
    user('uid', 'argUid'),
    group('gid', 'argGid'),
    number('flags', 'flags', atFlagNames),
  ],
  chdir: [result, path('path')],
  fchdir: [result, fd],
  chroot: [result, path('path')],
  mount: [result, raw('dev', 'rawPath'), path2('dir'), ...gaps('type'), number('flags', 'flags', mountFlagNames)],
  umount: [result, path('name')],
  umount2: [result, path('name'), number('flags', 'flags', umountFlagNames)],
  pivot_root: [result, path('new_root'), path2('put_old')],
  truncate: [result, path('path')],
  mknod: [result, path('path'), mode, device],
  mknodat: [result, dirfd, path('path'), mode, device],
  socket: [
    fd,
    number('domain', 'family', familyName),
    number('type', 'socketType'),
    number('proto', 'protocol'),
    number('flags', 'flags', openFlagNames),
  ],
  connect: [result, tuple, fd, ...gaps('addr')],
  bind: [result, text('addr', (cursor) => localEnd(cursor)), fd],
  listen: [result, fd, number('backlog', 'arg1')],
  accept: [fd, tuple, ...queue],
  accept4: [fd, tuple, ...queue, number('flags', 'flags')],
  sendto: [result, ...data, fd, size, tuple],
  sendmsg: [result, ...data, fd, size, tuple],
  recvfrom: [result, ...data, tuple, fd, size],
  recvmsg: [result, size, ...data, tuple, ...gaps('msgcontrol'), fd],
  dup: [result, number('oldfd', 'arg0')],
  dup2: [result, number('oldfd', 'arg0'), number('newfd', 'arg1')],
  dup3: [result, number('oldfd', 'arg0'), number('newfd', 'arg1'), number('flags', 'flags', openFlagNames)],
  setuid: [result, user('uid', 'argUid')],
  setgid: [result, group('gid', 'argGid')],
  setresuid: [result, user('ruid', 'arg0'), user('euid', 'arg1'), user('suid', 'arg2')],
  setresgid: [result, group('rgid', 'arg0'), group('egid', 'arg1'), group('sgid', 'arg2')],
  setreuid: [result, user('ruid', 'arg0'), user('euid', 'arg1')],
  setregid: [result, group('rgid', 'arg0'), group('egid', 'arg1')],
  setfsuid: [result, user('uid', 'argUid')],
  setfsgid: [result, group('gid', 'argGid')],
  setns: [result, fd, number('nstype', 'flags', cloneFlagNames)],
  unshare: [result, number('flags', 'flags', cloneFlagNames)],
  ptrace: [
    result,
    number('addr', 'arg2'),
    number('data', 'arg3'),
    number('request', 'arg0', ptraceName),
    number('pid', 'arg1'),
  ],
  bpf: [fd, number('cmd', 'arg0', bpfCommandName)],
  init_module: [result, ...gaps('img'), number('length', 'arg1'), raw('uargs', 'text0')],
  finit_module: [result, fd, raw('uargs', 'text0'), number('flags', 'flags')],
  delete_module: [result, raw('name', 'text0'), number('flags', 'flags')],
  memfd_create: [fd, raw('name', 'text0'), number('flags', 'flags')],
  prctl: [
    result,
    number('option', 'arg0', prctlName),
    raw('arg2_str', 'text0'),
    // Of an option that takes a text, the number is only where the text lies.
    named('arg2_int', (cursor) => shownNumber(cursor.text('text0') === undefined ? cursor.number('arg1') : 0)),
  ],
  kill: [result, number('pid', 'arg0'), signal],
  tkill: [result, number('tid', 'arg0'), signal],
  tgkill: [result, number('pid', 'arg0'), number('tid', 'arg1'), number('sig', 'arg2', signalName)],
  userfaultfd: [result, number('flags', 'flags')],
  io_uring_setup: [
    result,
    number('entries', 'arg0'),
    ...gaps('sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features'),
  ],
  io_uring_enter: [
    result,
    fd,
    number('to_submit', 'arg1'),
    number('min_complete', 'arg2'),
    number('flags', 'flags'),
    ...gaps('sig'),
  ],
  setsid: [result],
  setpgid: [result, number('pid', 'arg0'), number('pgid', 'arg1')],
  capset: [result, ...gaps('cap_inheritable cap_permitted cap_effective')],
  keyctl: [result, number('operation', 'arg0'), ...gaps('arg2 arg3 arg4 arg5')],
}

const RESULT_ONLY: readonly EventArgument[] = [result]
/** Of calls that a batch has no rows for, or of older events; conditions on them are valid and never true. */
const NEVER_CARRIED = ['res_or_fd', 'linkdirfd', 'val']

/** Every name `evt.arg.NAME` may have. */
export const ARGUMENT_NAMES: ReadonlySet<string> = new Set([
  ...[...Object.values(EVENT_ARGUMENTS), ...NAMED_CALL_ARGUMENTS.values()].flatMap((list) =>
    list.map((argument) => argument.name),
  ),
  ...NEVER_CARRIED,
])

/** The arguments of the event at the cursor. */
export function argumentsOf(cursor: Cursor): readonly EventArgument[] {
  return argumentsOfType(cursor.type)
}

/** The arguments of an event type. */
export function argumentsOfType(type: EventTypeName | undefined): readonly EventArgument[] {
  if (type === undefined || type === 'docker' || type === 'health' || type === 'command') return []
  return EVENT_ARGUMENTS[type] ?? NAMED_CALL_ARGUMENTS.get(type) ?? RESULT_ONLY
}

/** Reads one argument by its name or, where that is a number, by its position. */
export function argumentText(argument: string | null): EventArgument['read'] {
  const position = argument !== null && /^\d{1,3}$/.test(argument) ? Number(argument) : -1
  return (cursor) => {
    const list = argumentsOf(cursor)
    return (position >= 0 ? list[position] : list.find(({ name }) => name === argument))?.read(cursor)
  }
}

/** `fd=3(<f>/etc/passwd) name=/etc/passwd flags=1(O_RDONLY)`. */
export function argumentsText(cursor: Cursor): string | undefined {
  const list = argumentsOf(cursor).filter(({ isGap }) => isGap !== true)
  if (list.length === 0) return undefined
  return list
    .map(({ name, read }) => {
      const value = read(cursor)
      if (value === undefined) return `${name}=<NA>`
      return value.shown === undefined ? `${name}=${value.raw}` : `${name}=${value.raw}(${value.shown})`
    })
    .join(' ')
}

function localEnd(cursor: Cursor): string | undefined {
  const path = cursor.text('socketPath')
  if (path !== undefined) return path
  const ip = cursor.text('localIp')
  return ip === undefined ? undefined : `${ip}:${cursor.number('localPort') ?? 0}`
}
