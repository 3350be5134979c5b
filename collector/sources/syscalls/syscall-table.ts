/**
 * The calls that capture knows: their numbers, and which argument is what. This is data for the kernel programs and for
 * the addon's column builder; a new call is a new line here. Numbers are from the kernel's syscall tables
 * (arch/x86/entry/syscalls/*.tbl, include/uapi/asm-generic/unistd.h), io_uring opcodes from include/uapi/linux/io_uring.h.
 */
import { TABLES } from '../../../core/batch/schema.ts'
import { EVENT_TYPES, type EventTypeName } from '../../../core/fields/event-types.ts'
import { NAMED_ON_DESCRIPTORS } from './named-calls/descriptors.ts'
import { parseNamedCalls } from './named-calls/parse.ts'
import { NAMED_ON_PATHS_AND_MEMORY } from './named-calls/paths-and-memory.ts'
import { NAMED_ON_SYSTEM } from './named-calls/system.ts'
import { NAMED_ON_WAITING_AND_SIGNALS } from './named-calls/waiting-and-signals.ts'
import { BUDGETS, type Place, type SyscallSpec } from './syscall-spec.ts'

const file = (spec: Partial<SyscallSpec>): SyscallSpec => ({ table: 'file', budget: 'file', ...spec })
const network = (spec: Partial<SyscallSpec>): SyscallSpec => ({ table: 'network', budget: 'network', ...spec })
const connection = (spec: Partial<SyscallSpec>): SyscallSpec =>
  network({ budget: 'connection', processRing: true, ...spec })
const call = (spec: Partial<SyscallSpec>): SyscallSpec => ({ table: 'call', budget: 'call', ...spec })
const tree = (spec: Partial<SyscallSpec>): Partial<SyscallSpec> => ({ budget: 'process', processRing: true, ...spec })

const COMMON = {
  execve: { x64: 59, ia32: [11], arm64: 221, table: 'exec', text0: 1, ...tree({}) } as SyscallSpec,
  execveat: {
    x64: 322,
    ia32: [358],
    arm64: 281,
    table: 'exec',
    dir0: 1,
    text0: 2,
    flags: 5,
    ...tree({}),
  } as SyscallSpec,
  open: file({ x64: 2, ia32: [5], fd: 'return', text0: 1, flags: 2, mode: 3 }),
  openat: file({ x64: 257, ia32: [295], arm64: 56, uring: [18], fd: 'return', dir0: 1, text0: 2, flags: 3, mode: 4 }),
  openat2: file({
    x64: 437,
    ia32: [437],
    arm64: 437,
    uring: [28],
    fd: 'return',
    dir0: 1,
    text0: 2,
    flags: 3,
    mode: 4,
    openHow: true,
  }),
  creat: file({ x64: 85, ia32: [8], fd: 'return', text0: 1, mode: 2 }),
  open_by_handle_at: file({ x64: 304, ia32: [342], arm64: 265, fd: 'return', flags: 3 }),
  unlink: file({ x64: 87, ia32: [10], text0: 1 }),
  unlinkat: file({ x64: 263, ia32: [301], arm64: 35, uring: [36], dir0: 1, text0: 2, flags: 3 }),
  rename: file({ x64: 82, ia32: [38], text0: 1, text1: 2 }),
  renameat: file({ x64: 264, ia32: [302], arm64: 38, dir0: 1, text0: 2, dir1: 3, text1: 4 }),
  renameat2: file({ x64: 316, ia32: [353], arm64: 276, uring: [35], dir0: 1, text0: 2, dir1: 3, text1: 4, flags: 5 }),
  link: file({ x64: 86, ia32: [9], text0: 1, text1: 2 }),
  linkat: file({ x64: 265, ia32: [303], arm64: 37, uring: [39], dir0: 1, text0: 2, dir1: 3, text1: 4, flags: 5 }),
  symlink: file({ x64: 88, ia32: [83], dir0: 'none', text0: 1, text1: 2 }),
  symlinkat: file({ x64: 266, ia32: [304], arm64: 36, uring: [38], dir0: 'none', text0: 1, dir1: 2, text1: 3 }),
  mkdir: file({ x64: 83, ia32: [39], text0: 1, mode: 2 }),
  mkdirat: file({ x64: 258, ia32: [296], arm64: 34, uring: [37], dir0: 1, text0: 2, mode: 3 }),
  rmdir: file({ x64: 84, ia32: [40], text0: 1 }),
  chmod: file({ x64: 90, ia32: [15], text0: 1, mode: 2 }),
  fchmod: file({ x64: 91, ia32: [94], arm64: 52, fd: 1, mode: 2 }),
  fchmodat: file({ x64: 268, ia32: [306], arm64: 53, dir0: 1, text0: 2, mode: 3 }),
  fchmodat2: file({ x64: 452, ia32: [452], arm64: 452, dir0: 1, text0: 2, mode: 3, flags: 4 }),
  chown: file({ x64: 92, ia32: [212, 182], text0: 1, uid: 2, gid: 3 }),
  fchown: file({ x64: 93, ia32: [207, 95], arm64: 55, fd: 1, uid: 2, gid: 3 }),
  lchown: file({ x64: 94, ia32: [198, 16], text0: 1, uid: 2, gid: 3 }),
  fchownat: file({ x64: 260, ia32: [298], arm64: 54, dir0: 1, text0: 2, uid: 3, gid: 4, flags: 5 }),
  chdir: file({ x64: 80, ia32: [12], arm64: 49, text0: 1, path: 'cwd', ...tree({}) }),
  fchdir: file({ x64: 81, ia32: [133], arm64: 50, fd: 1, ...tree({}) }),
  chroot: file({ x64: 161, ia32: [61], arm64: 51, text0: 1, path: 'root' }),
  mount: file({ x64: 165, ia32: [21], arm64: 40, dir0: 'none', text0: 1, text1: 2, flags: 4 }),
  umount2: file({ x64: 166, ia32: [52], arm64: 39, text0: 1, flags: 2 }),
  umount: file({ ia32: [22], text0: 1 }),
  pivot_root: file({ x64: 155, ia32: [217], arm64: 41, text0: 1, text1: 2 }),
  truncate: file({ x64: 76, ia32: [92, 193], arm64: 45, text0: 1 }),
  mknod: file({ x64: 133, ia32: [14], text0: 1, mode: 2 }),
  mknodat: file({ x64: 259, ia32: [297], arm64: 33, dir0: 1, text0: 2, mode: 3 }),
  socket: network({ x64: 41, ia32: [359], arm64: 198, uring: [45], fd: 'return' }),
  connect: connection({ x64: 42, ia32: [362], arm64: 203, uring: [16], fd: 1, address: 2 }),
  accept: connection({ x64: 43, arm64: 202, fd: 'return' }),
  accept4: connection({ x64: 288, ia32: [364], arm64: 242, uring: [13], fd: 'return', flags: 4 }),
  bind: connection({ x64: 49, ia32: [361], arm64: 200, uring: [56], fd: 1, address: 2 }),
  listen: connection({ x64: 50, ia32: [363], arm64: 201, uring: [57], fd: 1 }),
  sendto: network({ x64: 44, ia32: [369], arm64: 206, uring: [26, 47], fd: 1, data: 2, address: 5, flags: 4, size: 3 }),
  sendmsg: network({
    x64: 46,
    ia32: [370],
    arm64: 211,
    uring: [9, 48],
    fd: 1,
    address: 2,
    message: true,
    data: 2,
    flags: 3,
    size: 'return',
  }),
  recvfrom: network({
    x64: 45,
    ia32: [371],
    arm64: 207,
    uring: [27, 58],
    fd: 1,
    data: 2,
    address: 5,
    flags: 4,
    size: 'return',
  }),
  recvmsg: network({
    x64: 47,
    ia32: [372],
    arm64: 212,
    uring: [10],
    fd: 1,
    address: 2,
    message: true,
    data: 2,
    flags: 3,
    size: 'return',
  }),
  dup: file({ x64: 32, ia32: [41], arm64: 23, fd: 'return' }),
  dup2: file({ x64: 33, ia32: [63], fd: 'return' }),
  dup3: file({ x64: 292, ia32: [330], arm64: 24, fd: 'return', flags: 3 }),
  setuid: call({ x64: 105, ia32: [213, 23], arm64: 146, uid: 1 }),
  setgid: call({ x64: 106, ia32: [214, 46], arm64: 144, gid: 1 }),
  setresuid: call({ x64: 117, ia32: [208, 164], arm64: 147, uid: 2 }),
  setresgid: call({ x64: 119, ia32: [210, 170], arm64: 149, gid: 2 }),
  setreuid: call({ x64: 113, ia32: [203, 70], arm64: 145, uid: 2 }),
  setregid: call({ x64: 114, ia32: [204, 71], arm64: 143, gid: 2 }),
  setfsuid: call({ x64: 122, ia32: [215, 138], arm64: 151, uid: 1 }),
  setfsgid: call({ x64: 123, ia32: [216, 139], arm64: 152, gid: 1 }),
  setns: call({ x64: 308, ia32: [346], arm64: 268, fd: 1, flags: 2 }),
  unshare: call({ x64: 272, ia32: [310], arm64: 97, flags: 1 }),
  ptrace: call({ x64: 101, ia32: [26], arm64: 117 }),
  bpf: call({ x64: 321, ia32: [357], arm64: 280 }),
  init_module: call({ x64: 175, ia32: [128], arm64: 105, text0: 3 }),
  finit_module: call({ x64: 313, ia32: [350], arm64: 273, fd: 1, text0: 2, flags: 3 }),
  delete_module: call({ x64: 176, ia32: [129], arm64: 106, text0: 1, flags: 2 }),
  memfd_create: call({ x64: 319, ia32: [356], arm64: 279, fd: 'return', text0: 1, flags: 2 }),
  prctl: call({ x64: 157, ia32: [172], arm64: 167, text0: 2 }),
  kill: call({ x64: 62, ia32: [37], arm64: 129 }),
  tkill: call({ x64: 200, ia32: [238], arm64: 130 }),
  tgkill: call({ x64: 234, ia32: [270], arm64: 131 }),
  userfaultfd: call({ x64: 323, ia32: [374], arm64: 282, fd: 'return', flags: 1 }),
  io_uring_setup: call({ x64: 425, ia32: [425], arm64: 425, fd: 'return' }),
  io_uring_enter: call({ x64: 426, ia32: [426], arm64: 426 }),
  setsid: call({ x64: 112, ia32: [66], arm64: 157, ...tree({}) }),
  setpgid: call({ x64: 109, ia32: [57], arm64: 154, ...tree({}) }),
  capset: call({ x64: 126, ia32: [185], arm64: 91 }),
  keyctl: call({ x64: 250, ia32: [288], arm64: 219 }),
} as const satisfies Partial<Record<EventTypeName, SyscallSpec>>

const NAMED = parseNamedCalls(
  NAMED_ON_DESCRIPTORS,
  NAMED_ON_PATHS_AND_MEMORY,
  NAMED_ON_WAITING_AND_SIGNALS,
  NAMED_ON_SYSTEM,
)

/** Those of the common types, and those that are captured only by name. */
export const SYSCALLS = { ...COMMON, ...NAMED }

export type SyscallName = keyof typeof SYSCALLS

/**
 * Always captured, whatever the plan: without them no event can say what its process is. Births, images and deaths come
 * from tracepoints of their own and cannot be switched off at all.
 */
export const PROCESS_TREE_CALLS = ['execve', 'execveat', 'chdir', 'fchdir', 'setsid', 'setpgid'] as const

const ABI_COUNT = 3
const CALLS_PER_ABI = 512
const SPEC_BYTES = 16
export const CALL_TABLE_BYTES = ABI_COUNT * CALLS_PER_ABI * SPEC_BYTES

/** Bits of `struct call_spec.flags` (native/bpf/event.h). */
const FLAG = {
  enabled: 1,
  processRing: 2,
  openHow: 4,
  cwd: 8,
  root: 16,
  image: 32,
  message: 64,
  dirOfRelative: 128,
} as const
const PLACE_RETURN = 7
const PLACE_UNRELATED = 8
/** Added to the place of `raw0` and of `fd`. */
const RAW_DATA = 16
const RAW_PARTS = 32
const FD_NUMBER = 16

/**
 * The table that kernel and addon read: every call described, those of the plan enabled. `withData`: what is sent and
 * received is read, too.
 */
export function encodeCallTable(
  eventTypes: Iterable<string>,
  withData = false,
  arch: 'x64' | 'arm64' = process.arch === 'arm64' ? 'arm64' : 'x64',
): Uint8Array {
  const wanted = new Set<string>([...eventTypes, ...PROCESS_TREE_CALLS])
  const table = new Uint8Array(CALL_TABLE_BYTES)
  for (const [name, spec] of Object.entries(SYSCALLS) as [SyscallName, SyscallSpec][]) {
    const encoded = encodeSpec(name, spec, wanted.has(name), withData)
    const native = spec[arch]
    const places = [
      ...(native === undefined ? [] : [native]),
      ...(arch === 'x64' ? (spec.ia32 ?? []).map((nr) => CALLS_PER_ABI + nr) : []),
      ...(spec.uring ?? []).map((opcode) => 2 * CALLS_PER_ABI + opcode),
    ]
    for (const place of places) table.set(encoded, place * SPEC_BYTES)
  }
  return table
}

function encodeSpec(name: SyscallName, spec: SyscallSpec, isEnabled: boolean, withData: boolean): Uint8Array {
  const bytes = Buffer.alloc(SPEC_BYTES)
  bytes.writeUInt16LE(EVENT_TYPES[name].code, 0)
  bytes[2] =
    (isEnabled ? FLAG.enabled : 0) |
    (spec.processRing ? FLAG.processRing : 0) |
    (spec.openHow ? FLAG.openHow : 0) |
    (spec.path === 'cwd' ? FLAG.cwd : 0) |
    (spec.path === 'root' ? FLAG.root : 0) |
    (spec.table === 'exec' ? FLAG.image : 0) |
    (spec.message ? FLAG.message : 0) |
    (spec.table === 'file' || spec.table === 'exec' ? FLAG.dirOfRelative : 0)
  bytes[3] = BUDGETS.indexOf(spec.budget)
  const places: (Place | 'none' | undefined)[] = [spec.text0, spec.text1, spec.dir0, spec.dir1, spec.fd, spec.address]
  places.forEach((place, i) => {
    bytes[4 + i] = placeCode(place)
  })
  if (withData && spec.data !== undefined) bytes[4] = placeCode(spec.data) | (spec.inParts ? RAW_PARTS : RAW_DATA)
  if (spec.isNumberOnly) bytes[8] = placeCode(spec.fd) | FD_NUMBER
  bytes[10] = TABLES[spec.table].id
  const columns: (Place | undefined)[] = [spec.flags, spec.mode, spec.uid, spec.gid, spec.size]
  columns.forEach((place, i) => {
    bytes[11 + i] = placeCode(place)
  })
  return bytes
}

function placeCode(place: Place | 'none' | undefined): number {
  if (place === 'return') return PLACE_RETURN
  if (place === 'none') return PLACE_UNRELATED
  return place ?? 0
}
