/**
 * Names of the numbers that calls take which are captured only by name, as the kernel's uapi headers define them, in the
 * order in which Falco prints them.
 */
import { atFlagNames, familyName, flagNames, type Names, openFlagNames, signalName } from './kernel-names.ts'

const PROTECTION: Names = [
  [0x1, 'PROT_READ'],
  [0x2, 'PROT_WRITE'],
  [0x4, 'PROT_EXEC'],
  [0x8, 'PROT_SEM'],
  [0x1000000, 'PROT_GROWSDOWN'],
  [0x2000000, 'PROT_GROWSUP'],
]
const MAPPING: Names = [
  [0x1, 'MAP_SHARED'],
  [0x2, 'MAP_PRIVATE'],
  [0x10, 'MAP_FIXED'],
  [0x20, 'MAP_ANONYMOUS'],
  [0x40, 'MAP_32BIT'],
  [0x4000, 'MAP_NORESERVE'],
  [0x8000, 'MAP_POPULATE'],
  [0x10000, 'MAP_NONBLOCK'],
  [0x100, 'MAP_GROWSDOWN'],
  [0x800, 'MAP_DENYWRITE'],
  [0x1000, 'MAP_EXECUTABLE'],
  [0x2000, 'MAP_LOCKED'],
]
const ACCESS: Names = [
  [4, 'R_OK'],
  [2, 'W_OK'],
  [1, 'X_OK'],
]
const LOCK: Names = [
  [1, 'LOCK_SH'],
  [2, 'LOCK_EX'],
  [4, 'LOCK_NB'],
  [8, 'LOCK_UN'],
]
const SPLICE: Names = [
  [1, 'SPLICE_F_MOVE'],
  [2, 'SPLICE_F_NONBLOCK'],
  [4, 'SPLICE_F_MORE'],
  [8, 'SPLICE_F_GIFT'],
]
const LOCK_ALL: Names = [
  [1, 'MCL_CURRENT'],
  [2, 'MCL_FUTURE'],
  [4, 'MCL_ONFAULT'],
]
const CLOSE_RANGE: Names = [
  [2, 'CLOSE_RANGE_UNSHARE'],
  [4, 'CLOSE_RANGE_CLOEXEC'],
]
const IPC: Names = [
  [0o2000, 'IPC_EXCL'],
  [0o1000, 'IPC_CREAT'],
]

/** Words by number; `-` where a number has no name. */
const listed = (words: string, first = 0): ReadonlyMap<number, string> =>
  new Map(words.split(' ').flatMap((word, i) => (word === '-' ? [] : [[first + i, word] as const])))

const FCNTL = new Map([
  ...listed('F_DUPFD F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_SETLK F_SETLKW F_SETOWN F_GETOWN F_SETSIG F_GETSIG'),
  ...listed('F_SETOWN_EX F_GETOWN_EX', 15),
  ...listed('F_OFD_GETLK F_OFD_SETLK F_OFD_SETLKW', 36),
  ...listed('F_SETLEASE F_GETLEASE F_NOTIFY - - F_CANCELLK F_DUPFD_CLOEXEC F_SETPIPE_SZ F_GETPIPE_SZ', 1024),
  ...listed('F_ADD_SEALS F_GET_SEALS', 1033),
])
const SEEK = listed('SEEK_SET SEEK_CUR SEEK_END SEEK_DATA SEEK_HOLE')
const SHUTDOWN = listed('SHUT_RD SHUT_WR SHUT_RDWR')
const LIMITS = listed(
  [
    'RLIMIT_CPU RLIMIT_FSIZE RLIMIT_DATA RLIMIT_STACK RLIMIT_CORE RLIMIT_RSS RLIMIT_NPROC RLIMIT_NOFILE RLIMIT_MEMLOCK',
    'RLIMIT_AS RLIMIT_LOCKS RLIMIT_SIGPENDING RLIMIT_MSGQUEUE RLIMIT_NICE RLIMIT_RTPRIO RLIMIT_RTTIME',
  ].join(' '),
)
const FUTEX = listed(
  [
    'FUTEX_WAIT FUTEX_WAKE FUTEX_FD FUTEX_REQUEUE FUTEX_CMP_REQUEUE FUTEX_WAKE_OP FUTEX_LOCK_PI FUTEX_UNLOCK_PI',
    'FUTEX_TRYLOCK_PI FUTEX_WAIT_BITSET FUTEX_WAKE_BITSET FUTEX_WAIT_REQUEUE_PI FUTEX_CMP_REQUEUE_PI',
  ].join(' '),
)
const FUTEX_FLAGS: Names = [
  [256, 'FUTEX_CLOCK_REALTIME'],
  [128, 'FUTEX_PRIVATE_FLAG'],
]
const LEVELS = new Map([
  [1, 'SOL_SOCKET'],
  [6, 'SOL_TCP'],
])
const SOCKET_OPTIONS = listed(
  [
    'SO_DEBUG SO_REUSEADDR SO_TYPE SO_ERROR SO_DONTROUTE SO_BROADCAST SO_SNDBUF SO_RCVBUF SO_KEEPALIVE SO_OOBINLINE',
    'SO_NO_CHECK SO_PRIORITY SO_LINGER SO_BSDCOMPAT SO_REUSEPORT SO_PASSCRED SO_PEERCRED SO_RCVLOWAT SO_SNDLOWAT',
    'SO_RCVTIMEO SO_SNDTIMEO SO_SECURITY_AUTHENTICATION SO_SECURITY_ENCRYPTION_TRANSPORT',
    'SO_SECURITY_ENCRYPTION_NETWORK SO_BINDTODEVICE SO_ATTACH_FILTER SO_DETACH_FILTER SO_PEERNAME SO_TIMESTAMP',
    'SO_ACCEPTCONN SO_PEERSEC SO_SNDBUFFORCE SO_RCVBUFFORCE SO_PASSSEC SO_TIMESTAMPNS SO_MARK SO_TIMESTAMPING',
    'SO_PROTOCOL SO_DOMAIN SO_RXQ_OVFL SO_WIFI_STATUS SO_PEEK_OFF SO_NOFCS SO_LOCK_FILTER SO_SELECT_ERR_QUEUE',
    'SO_BUSY_POLL SO_MAX_PACING_RATE SO_BPF_EXTENSIONS SO_INCOMING_CPU SO_ATTACH_BPF - - SO_ATTACH_REUSEPORT_CBPF',
  ].join(' '),
  1,
)
const SEMAPHORE_COMMANDS = new Map([
  ...listed('IPC_RMID IPC_SET IPC_STAT IPC_INFO'),
  ...listed('GETPID GETVAL GETALL GETNCNT GETZCNT SETVAL SETALL SEM_STAT SEM_INFO', 11),
])
const FSCONFIG = listed(
  [
    'FSCONFIG_SET_FLAG FSCONFIG_SET_STRING FSCONFIG_SET_BINARY FSCONFIG_SET_PATH FSCONFIG_SET_PATH_EMPTY FSCONFIG_SET_FD',
    'FSCONFIG_CMD_CREATE FSCONFIG_CMD_RECONFIGURE',
  ].join(' '),
)
const IO_URING = listed(
  [
    'IORING_REGISTER_BUFFERS IORING_UNREGISTER_BUFFERS IORING_REGISTER_FILES IORING_UNREGISTER_FILES',
    'IORING_REGISTER_EVENTFD IORING_UNREGISTER_EVENTFD IORING_REGISTER_FILES_UPDATE IORING_REGISTER_EVENTFD_ASYNC',
    'IORING_REGISTER_PROBE IORING_REGISTER_PERSONALITY IORING_UNREGISTER_PERSONALITY IORING_REGISTER_RESTRICTIONS',
    'IORING_REGISTER_ENABLE_RINGS IORING_REGISTER_FILES2 IORING_REGISTER_FILES_UPDATE2 IORING_REGISTER_BUFFERS2',
    'IORING_REGISTER_BUFFERS_UPDATE IORING_REGISTER_IOWQ_AFF IORING_UNREGISTER_IOWQ_AFF',
    'IORING_REGISTER_IOWQ_MAX_WORKERS IORING_REGISTER_RING_FDS IORING_UNREGISTER_RING_FDS',
  ].join(' '),
)

const flags =
  (names: Names, none: string) =>
  (value: number): string =>
    flagNames(names, value, none)
const named =
  (names: ReadonlyMap<number, string>) =>
  (value: number): string | undefined =>
    names.get(value)

function futexName(operation: number): string | undefined {
  const name = FUTEX.get(operation & 127)
  const marks = flagNames(FUTEX_FLAGS, operation, '')
  return name === undefined || marks === '' ? name : `${marks}|${name}`
}

/** How a number reads; undefined where it has no name. */
export const NUMBER_NAMES = {
  access: flags(ACCESS, 'F_OK'),
  at: atFlagNames,
  closeRange: flags(CLOSE_RANGE, '0'),
  epoll: flags([[0o2000000, 'EPOLL_CLOEXEC']], '0'),
  family: familyName,
  fcntl: named(FCNTL),
  fsconfig: named(FSCONFIG),
  futex: futexName,
  ioUring: named(IO_URING),
  ipc: flags(IPC, '0'),
  level: named(LEVELS),
  limit: named(LIMITS),
  lock: flags(LOCK, 'LOCK_NONE'),
  lockAll: flags(LOCK_ALL, '0'),
  lockTwo: flags([[1, 'MLOCK_ONFAULT']], '0'),
  map: flags(MAPPING, '0'),
  open: openFlagNames,
  option: named(SOCKET_OPTIONS),
  pidfd: flags([[0o4000, 'PIDFD_NONBLOCK']], '0'),
  protection: flags(PROTECTION, 'PROT_NONE'),
  seek: named(SEEK),
  semaphore: named(SEMAPHORE_COMMANDS),
  shutdown: named(SHUTDOWN),
  signal: signalName,
  splice: flags(SPLICE, '0'),
} as const satisfies Record<string, (value: number) => string | undefined>

export type NumberNames = keyof typeof NUMBER_NAMES
