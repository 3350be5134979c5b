/**
 * Event types by Falco's names, with the table that holds their rows by default and the source they belong to.
 * A call that takes a descriptor (dup, fcntl) is placed by what the descriptor is: `network` for sockets, else `file`.
 * Codes are part of stored data: add, never renumber. Calls that are captured only where something names them stand in
 * `calls-by-name.ts`.
 */
import type { TableName } from '../batch/schema.ts'
import type { SourceName } from '../model/event.ts'
import { CALL_FAMILIES, type CallFamilyName, type NamedCall, namesOf } from './calls-by-name.ts'

export interface EventType {
  code: number
  source: SourceName
  /** The tables in which rows of this type can be. */
  tables: readonly TableName[]
}

const syscall = (code: number, ...tables: TableName[]): EventType => ({ code, source: 'syscall', tables })

/** What is captured and judged for every rule that it can make true. */
export const COMMON_EVENT_TYPES = {
  execve: syscall(1, 'exec'),
  execveat: syscall(2, 'exec'),
  clone: syscall(3, 'lifecycle'),
  clone3: syscall(4, 'lifecycle'),
  fork: syscall(5, 'lifecycle'),
  vfork: syscall(6, 'lifecycle'),
  procexit: syscall(7, 'lifecycle'),
  open: syscall(20, 'file'),
  openat: syscall(21, 'file'),
  openat2: syscall(22, 'file'),
  creat: syscall(23, 'file'),
  open_by_handle_at: syscall(24, 'file'),
  unlink: syscall(30, 'file'),
  unlinkat: syscall(31, 'file'),
  rename: syscall(32, 'file'),
  renameat: syscall(33, 'file'),
  renameat2: syscall(34, 'file'),
  link: syscall(35, 'file'),
  linkat: syscall(36, 'file'),
  symlink: syscall(37, 'file'),
  symlinkat: syscall(38, 'file'),
  mkdir: syscall(39, 'file'),
  mkdirat: syscall(40, 'file'),
  rmdir: syscall(41, 'file'),
  chmod: syscall(42, 'file'),
  fchmod: syscall(43, 'file'),
  fchmodat: syscall(44, 'file'),
  fchmodat2: syscall(45, 'file'),
  chown: syscall(46, 'file'),
  fchown: syscall(47, 'file'),
  lchown: syscall(48, 'file'),
  fchownat: syscall(49, 'file'),
  chdir: syscall(50, 'file'),
  fchdir: syscall(51, 'file'),
  chroot: syscall(52, 'file'),
  mount: syscall(53, 'file'),
  umount2: syscall(54, 'file'),
  umount: syscall(55, 'file'),
  pivot_root: syscall(56, 'file'),
  truncate: syscall(57, 'file'),
  mknod: syscall(58, 'file'),
  mknodat: syscall(59, 'file'),
  socket: syscall(70, 'network'),
  connect: syscall(71, 'network'),
  accept: syscall(72, 'network'),
  accept4: syscall(73, 'network'),
  bind: syscall(74, 'network'),
  listen: syscall(75, 'network'),
  sendto: syscall(76, 'network'),
  sendmsg: syscall(77, 'network'),
  recvfrom: syscall(78, 'network'),
  recvmsg: syscall(79, 'network'),
  dup: syscall(90, 'file', 'network'),
  dup2: syscall(91, 'file', 'network'),
  dup3: syscall(92, 'file', 'network'),
  setuid: syscall(100, 'call'),
  setgid: syscall(101, 'call'),
  setresuid: syscall(102, 'call'),
  setresgid: syscall(103, 'call'),
  setreuid: syscall(104, 'call'),
  setregid: syscall(105, 'call'),
  setfsuid: syscall(106, 'call'),
  setfsgid: syscall(107, 'call'),
  setns: syscall(110, 'call'),
  unshare: syscall(111, 'call'),
  ptrace: syscall(112, 'call'),
  bpf: syscall(113, 'call'),
  init_module: syscall(114, 'call'),
  finit_module: syscall(115, 'call'),
  delete_module: syscall(116, 'call'),
  memfd_create: syscall(117, 'call'),
  prctl: syscall(118, 'call'),
  kill: syscall(119, 'call'),
  tkill: syscall(120, 'call'),
  tgkill: syscall(121, 'call'),
  userfaultfd: syscall(122, 'call'),
  io_uring_setup: syscall(123, 'call'),
  io_uring_enter: syscall(124, 'call'),
  setsid: syscall(125, 'call'),
  setpgid: syscall(126, 'call'),
  capset: syscall(127, 'call'),
  keyctl: syscall(128, 'call'),
  docker: { code: 300, source: 'docker', tables: ['docker'] },
  health: { code: 310, source: 'health', tables: ['health'] },
  command: { code: 320, source: 'command', tables: ['command'] },
} as const satisfies Record<string, EventType>

type CommonEventTypes = typeof COMMON_EVENT_TYPES
export type EventTypeName = keyof CommonEventTypes | NamedCall

const NAMED = Object.fromEntries(
  (Object.keys(CALL_FAMILIES) as CallFamilyName[]).flatMap((family) => {
    const { first, tables } = CALL_FAMILIES[family]
    return namesOf(family).map((name, place) => [name, syscall(first + place, ...tables)])
  }),
) as Record<NamedCall, EventType>

/** Every event there is. */
export const EVENT_TYPES: Readonly<CommonEventTypes & Record<NamedCall, EventType>> = {
  ...COMMON_EVENT_TYPES,
  ...NAMED,
}

/** Code → name, for reading rows. */
export const EVENT_TYPE_NAMES: ReadonlyMap<number, EventTypeName> = new Map(
  Object.entries(EVENT_TYPES).map(([name, type]) => [type.code, name as EventTypeName]),
)
