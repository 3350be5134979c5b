/**
 * Names of the numbers that system calls take, as the kernel's uapi headers define them (x86-64 and arm64 agree on all
 * listed here unless noted). Flag words print as `NAME|NAME`, in the order of the tables.
 */
import { constants } from 'node:os'

/** Bits of a flag word, with their names. */
export type Names = readonly (readonly [bits: number, name: string])[]

const OPEN_FLAGS: Names = [
  [0o100, 'O_CREAT'],
  [0o200, 'O_EXCL'],
  [0o400, 'O_NOCTTY'],
  [0o1000, 'O_TRUNC'],
  [0o2000, 'O_APPEND'],
  [0o4000, 'O_NONBLOCK'],
  [0o4010000, 'O_SYNC'],
  [0o10000, 'O_DSYNC'],
  [0o20000, 'O_ASYNC'],
  [0o40000, 'O_DIRECT'],
  [0o100000, 'O_LARGEFILE'],
  [0o200000, 'O_DIRECTORY'],
  [0o400000, 'O_NOFOLLOW'],
  [0o1000000, 'O_NOATIME'],
  [0o2000000, 'O_CLOEXEC'],
  [0o10000000, 'O_PATH'],
  [0o20200000, 'O_TMPFILE'],
]

const MODE_BITS: Names = [
  [0o1, 'S_IXOTH'],
  [0o2, 'S_IWOTH'],
  [0o4, 'S_IROTH'],
  [0o10, 'S_IXGRP'],
  [0o20, 'S_IWGRP'],
  [0o40, 'S_IRGRP'],
  [0o100, 'S_IXUSR'],
  [0o200, 'S_IWUSR'],
  [0o400, 'S_IRUSR'],
  [0o1000, 'S_ISVTX'],
  [0o2000, 'S_ISGID'],
  [0o4000, 'S_ISUID'],
]

const CLONE_FLAGS: Names = [
  [0x80, 'CLONE_NEWTIME'],
  [0x100, 'CLONE_VM'],
  [0x200, 'CLONE_FS'],
  [0x400, 'CLONE_FILES'],
  [0x800, 'CLONE_SIGHAND'],
  [0x2000, 'CLONE_PTRACE'],
  [0x4000, 'CLONE_VFORK'],
  [0x8000, 'CLONE_PARENT'],
  [0x10000, 'CLONE_THREAD'],
  [0x20000, 'CLONE_NEWNS'],
  [0x40000, 'CLONE_SYSVSEM'],
  [0x80000, 'CLONE_SETTLS'],
  [0x100000, 'CLONE_PARENT_SETTID'],
  [0x200000, 'CLONE_CHILD_CLEARTID'],
  [0x800000, 'CLONE_UNTRACED'],
  [0x1000000, 'CLONE_CHILD_SETTID'],
  [0x2000000, 'CLONE_NEWCGROUP'],
  [0x4000000, 'CLONE_NEWUTS'],
  [0x8000000, 'CLONE_NEWIPC'],
  [0x10000000, 'CLONE_NEWUSER'],
  [0x20000000, 'CLONE_NEWPID'],
  [0x40000000, 'CLONE_NEWNET'],
  [0x80000000, 'CLONE_IO'],
]

const AT_FLAGS: Names = [
  [0x100, 'AT_SYMLINK_NOFOLLOW'],
  [0x200, 'AT_REMOVEDIR'],
  [0x400, 'AT_SYMLINK_FOLLOW'],
  [0x800, 'AT_NO_AUTOMOUNT'],
  [0x1000, 'AT_EMPTY_PATH'],
]

const RENAME_FLAGS: Names = [
  [1, 'RENAME_NOREPLACE'],
  [2, 'RENAME_EXCHANGE'],
  [4, 'RENAME_WHITEOUT'],
]

const MOUNT_FLAGS: Names = [
  [0x1, 'RDONLY'],
  [0x2, 'NOSUID'],
  [0x4, 'NODEV'],
  [0x8, 'NOEXEC'],
  [0x10, 'SYNCHRONOUS'],
  [0x20, 'REMOUNT'],
  [0x40, 'MANDLOCK'],
  [0x80, 'DIRSYNC'],
  [0x400, 'NOATIME'],
  [0x800, 'NODIRATIME'],
  [0x1000, 'BIND'],
  [0x2000, 'MOVE'],
  [0x4000, 'REC'],
  [0x8000, 'SILENT'],
  [0x20000, 'UNBINDABLE'],
  [0x40000, 'PRIVATE'],
  [0x80000, 'SLAVE'],
  [0x100000, 'SHARED'],
  [0x200000, 'RELATIME'],
  [0x1000000, 'STRICTATIME'],
  [0x2000000, 'LAZYTIME'],
]

const UMOUNT_FLAGS: Names = [
  [1, 'FORCE'],
  [2, 'DETACH'],
  [4, 'EXPIRE'],
  [8, 'NOFOLLOW'],
]

const PTRACE_REQUESTS = new Map([
  [0, 'PTRACE_TRACEME'],
  [1, 'PTRACE_PEEKTEXT'],
  [2, 'PTRACE_PEEKDATA'],
  [3, 'PTRACE_PEEKUSR'],
  [4, 'PTRACE_POKETEXT'],
  [5, 'PTRACE_POKEDATA'],
  [6, 'PTRACE_POKEUSR'],
  [7, 'PTRACE_CONT'],
  [8, 'PTRACE_KILL'],
  [9, 'PTRACE_SINGLESTEP'],
  [12, 'PTRACE_GETREGS'],
  [13, 'PTRACE_SETREGS'],
  [14, 'PTRACE_GETFPREGS'],
  [15, 'PTRACE_SETFPREGS'],
  [16, 'PTRACE_ATTACH'],
  [17, 'PTRACE_DETACH'],
  [24, 'PTRACE_SYSCALL'],
  [0x4200, 'PTRACE_SETOPTIONS'],
  [0x4201, 'PTRACE_GETEVENTMSG'],
  [0x4202, 'PTRACE_GETSIGINFO'],
  [0x4203, 'PTRACE_SETSIGINFO'],
  [0x4204, 'PTRACE_GETREGSET'],
  [0x4205, 'PTRACE_SETREGSET'],
  [0x4206, 'PTRACE_SEIZE'],
  [0x4207, 'PTRACE_INTERRUPT'],
  [0x4208, 'PTRACE_LISTEN'],
])

const BPF_COMMANDS = [
  'MAP_CREATE MAP_LOOKUP_ELEM MAP_UPDATE_ELEM MAP_DELETE_ELEM MAP_GET_NEXT_KEY PROG_LOAD OBJ_PIN OBJ_GET PROG_ATTACH',
  'PROG_DETACH PROG_TEST_RUN PROG_GET_NEXT_ID MAP_GET_NEXT_ID PROG_GET_FD_BY_ID MAP_GET_FD_BY_ID OBJ_GET_INFO_BY_FD',
  'PROG_QUERY RAW_TRACEPOINT_OPEN BTF_LOAD BTF_GET_FD_BY_ID TASK_FD_QUERY MAP_LOOKUP_AND_DELETE_ELEM MAP_FREEZE',
  'BTF_GET_NEXT_ID MAP_LOOKUP_BATCH MAP_LOOKUP_AND_DELETE_BATCH MAP_UPDATE_BATCH MAP_DELETE_BATCH LINK_CREATE',
  'LINK_UPDATE LINK_GET_FD_BY_ID LINK_GET_NEXT_ID ENABLE_STATS ITER_CREATE LINK_DETACH PROG_BIND_MAP TOKEN_CREATE',
]
  .join(' ')
  .split(' ')

const PRCTL_OPTIONS = new Map([
  [1, 'PR_SET_PDEATHSIG'],
  [2, 'PR_GET_PDEATHSIG'],
  [3, 'PR_GET_DUMPABLE'],
  [4, 'PR_SET_DUMPABLE'],
  [5, 'PR_GET_UNALIGN'],
  [6, 'PR_SET_UNALIGN'],
  [7, 'PR_GET_KEEPCAPS'],
  [8, 'PR_SET_KEEPCAPS'],
  [9, 'PR_GET_FPEMU'],
  [10, 'PR_SET_FPEMU'],
  [11, 'PR_GET_FPEXC'],
  [12, 'PR_SET_FPEXC'],
  [13, 'PR_GET_TIMING'],
  [14, 'PR_SET_TIMING'],
  [15, 'PR_SET_NAME'],
  [16, 'PR_GET_NAME'],
  [19, 'PR_GET_ENDIAN'],
  [20, 'PR_SET_ENDIAN'],
  [21, 'PR_GET_SECCOMP'],
  [22, 'PR_SET_SECCOMP'],
  [23, 'PR_CAPBSET_READ'],
  [24, 'PR_CAPBSET_DROP'],
  [25, 'PR_GET_TSC'],
  [26, 'PR_SET_TSC'],
  [27, 'PR_GET_SECUREBITS'],
  [28, 'PR_SET_SECUREBITS'],
  [29, 'PR_SET_TIMERSLACK'],
  [30, 'PR_GET_TIMERSLACK'],
  [33, 'PR_MCE_KILL'],
  [34, 'PR_MCE_KILL_GET'],
  [35, 'PR_SET_MM'],
  [36, 'PR_SET_CHILD_SUBREAPER'],
  [37, 'PR_GET_CHILD_SUBREAPER'],
  [38, 'PR_SET_NO_NEW_PRIVS'],
  [39, 'PR_GET_NO_NEW_PRIVS'],
  [40, 'PR_GET_TID_ADDRESS'],
  [41, 'PR_SET_THP_DISABLE'],
  [42, 'PR_GET_THP_DISABLE'],
  [47, 'PR_CAP_AMBIENT'],
  [0x59616d61, 'PR_SET_PTRACER'],
])

const FAMILIES = new Map([
  [0, 'AF_UNSPEC'],
  [1, 'AF_UNIX'],
  [2, 'AF_INET'],
  [10, 'AF_INET6'],
  [15, 'AF_KEY'],
  [16, 'AF_NETLINK'],
  [17, 'AF_PACKET'],
  [29, 'AF_CAN'],
  [31, 'AF_BLUETOOTH'],
  [38, 'AF_ALG'],
  [40, 'AF_VSOCK'],
  [44, 'AF_XDP'],
])

/** Capability names in the order of their bits (include/uapi/linux/capability.h). */
const CAPABILITIES = [
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE',
  'NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN',
  'SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE',
  'MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE',
]
  .join(' ')
  .split(' ')

/** Where two names share a number, the one Falco prints counts. */
const LESSER_NAMES = new Set(['EWOULDBLOCK', 'ENOTSUP'])
/** Kernel-internal results that have no name in errno(3) (include/linux/errno.h); a few drivers let them through. */
const KERNEL_ERRORS: readonly (readonly [number, string])[] = [
  [515, 'ENOIOCTLCMD'],
  [521, 'EBADHANDLE'],
  [522, 'ENOTSYNC'],
  [523, 'EBADCOOKIE'],
  [524, 'ENOTSUPP'],
  [525, 'ETOOSMALL'],
  [526, 'ESERVERFAULT'],
  [527, 'EBADTYPE'],
  [528, 'EJUKEBOX'],
  [529, 'EIOCBQUEUED'],
]
const ERROR_NAMES = new Map([
  ...Object.entries(constants.errno)
    .filter(([name]) => !LESSER_NAMES.has(name))
    .map(([name, number]) => [number as number, name] as const),
  ...KERNEL_ERRORS,
])
const SIGNAL_NAMES = new Map(Object.entries(constants.signals).map(([name, number]) => [number as number, name]))

/** `NAME|NAME` of the bits that are set; `none` where none with a name is. */
export function flagNames(names: Names, value: number, none: string): string {
  // Flags reach past bit 31 only in words we print as numbers anyway.
  const found = names.filter(([bits]) => (value & bits) >>> 0 === bits)
  return found.length === 0 ? none : found.map(([, name]) => name).join('|')
}

/** `O_RDONLY|O_CLOEXEC`; the access mode comes first. */
export function openFlagNames(flags: number): string {
  const access = ['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'O_RDWR'][flags & 3]!
  const rest = flagNames(OPEN_FLAGS, flags, '')
  return rest === '' ? access : `${access}|${rest}`
}

export const modeNames = (mode: number): string => flagNames(MODE_BITS, mode, '0')
export const cloneFlagNames = (flags: number): string => flagNames(CLONE_FLAGS, flags, '0')
export const atFlagNames = (flags: number): string => flagNames(AT_FLAGS, flags, '0')
export const renameFlagNames = (flags: number): string => flagNames(RENAME_FLAGS, flags, '0')
export const mountFlagNames = (flags: number): string => flagNames(MOUNT_FLAGS, flags, '0')
export const umountFlagNames = (flags: number): string => flagNames(UMOUNT_FLAGS, flags, '0')
export const ptraceName = (request: number): string | undefined => PTRACE_REQUESTS.get(request)
export const prctlName = (option: number): string | undefined => PRCTL_OPTIONS.get(option)
export const familyName = (family: number): string | undefined => FAMILIES.get(family)
export const signalName = (signal: number): string | undefined => SIGNAL_NAMES.get(signal)

export function bpfCommandName(command: number): string | undefined {
  const name = BPF_COMMANDS[command]
  return name === undefined ? undefined : `BPF_${name}`
}

/** `ENOENT` for -2 (or 2); the number as text where it has no name here. */
export function errorName(errno: number): string {
  return ERROR_NAMES.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`
}

/** Whether `errorName` gives it. */
export function isErrorName(name: string): boolean {
  return ERROR_TEXTS.has(name) || /^E\d{1,5}$/.test(name)
}

const ERROR_TEXTS: ReadonlySet<string> = new Set(ERROR_NAMES.values())

const wordsOf = (...names: readonly Names[]): string[] => names.flat().map(([, name]) => name)

/** By the argument of a call, whichever call: all names of their kinds (`O_…`, `AT_…`) that its text is made of. */
export const ARGUMENT_WORDS: ReadonlyMap<string, readonly string[]> = new Map([
  [
    'flags',
    [
      ...['O_RDONLY', 'O_WRONLY', 'O_RDWR', 'EXE_WRITABLE', 'EXE_UPPER_LAYER', 'EXE_FROM_MEMFD', 'EXE_LOWER_LAYER'],
      ...wordsOf(OPEN_FLAGS, CLONE_FLAGS, AT_FLAGS, RENAME_FLAGS, MOUNT_FLAGS, UMOUNT_FLAGS),
    ],
  ],
  ['mode', wordsOf(MODE_BITS)],
  ['nstype', wordsOf(CLONE_FLAGS)],
  ['request', [...PTRACE_REQUESTS.values()]],
  ['cmd', BPF_COMMANDS.map((name) => `BPF_${name}`)],
  ['option', [...PRCTL_OPTIONS.values()]],
  ['domain', [...FAMILIES.values()]],
])

/** `CAP_CHOWN CAP_KILL`, in bit order; a mask of up to 53 bits. */
export function capabilityNames(mask: number): string {
  const found: string[] = []
  let rest = mask
  for (const name of CAPABILITIES) {
    if (rest === 0) break
    if (rest % 2 === 1) found.push(`CAP_${name}`)
    rest = Math.floor(rest / 2)
  }
  return found.join(' ')
}

/** The number behind open flags as rule tests write them (`O_RDWR|O_CREAT`); undefined when a name is unknown. */
export function flagWord(names: string): number | undefined {
  const access = new Map([
    ['O_RDONLY', 0],
    ['O_WRONLY', 1],
    ['O_RDWR', 2],
  ])
  const known = new Map([...OPEN_FLAGS, ...AT_FLAGS, ...CLONE_FLAGS].map(([bits, name]) => [name, bits]))
  let word = 0
  for (const name of names.split('|')) {
    const bits = access.get(name) ?? known.get(name)
    if (bits === undefined) return undefined
    word = (word | bits) >>> 0
  }
  return word
}
