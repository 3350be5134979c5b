/**
 * System calls that are captured and judged only where an enabled rule, or `store.keep`, names them: there are too many of
 * them, or too few rules about them, for everybody to pay. Names are Falco's. A call's code is its family's first one plus
 * its place: add at the end of a family, never in between, because codes are part of stored data.
 */
import type { TableName } from '../batch/schema.ts'

export interface CallFamily {
  /** Code of the first name; a family may have a hundred. */
  readonly first: number
  /** The tables in which rows can be; a call on a descriptor is placed by what the descriptor is. */
  readonly tables: readonly TableName[]
  /** evt.category where it does not follow from the table. */
  readonly category?: 'memory' | 'ipc' | 'signal' | 'sleep' | 'system' | 'time' | 'user' | 'process' | 'net'
  readonly names: readonly string[]
}

const ON_DESCRIPTORS = ['file', 'network'] as const

export const CALL_FAMILIES = {
  reads: {
    first: 1000,
    tables: ON_DESCRIPTORS,
    names: ['read pread readv preadv preadv2'],
  },
  writes: {
    first: 1100,
    tables: ON_DESCRIPTORS,
    names: ['write pwrite writev pwritev pwritev2'],
  },
  descriptors: {
    first: 1200,
    tables: ON_DESCRIPTORS,
    names: [
      'close close_range fcntl ioctl fstat fstat64 oldfstat lseek llseek getdents getdents64 readdir ftruncate fsync',
      'fdatasync fallocate fadvise64 flock readahead sync_file_range syncfs fstatfs fstatfs64 fgetxattr',
      'fsetxattr flistxattr fremovexattr quotactl_fd inotify_rm_watch timerfd_settime timerfd_gettime fsconfig fsmount',
      'io_uring_register pidfd_getfd pidfd_send_signal cachestat mq_timedsend mq_timedreceive mq_notify mq_getsetattr',
      'landlock_add_rule landlock_restrict_self process_madvise process_mrelease sendfile splice tee vmsplice',
      'copy_file_range epoll_ctl epoll_ctl_old',
    ],
  },
  sockets: {
    first: 1300,
    tables: ['network', 'file'],
    names: ['shutdown getsockname getpeername getsockopt setsockopt sendmmsg recvmmsg socketpair'],
  },
  paths: {
    first: 1400,
    tables: ['file'],
    names: [
      'access faccessat faccessat2 stat stat64 oldstat lstat lstat64 oldlstat newfstatat fstatat64 statx statfs statfs64',
      'readlink readlinkat getcwd setxattr lsetxattr getxattr lgetxattr listxattr llistxattr removexattr lremovexattr',
      'setxattrat getxattrat listxattrat removexattrat file_getattr file_setattr utime utimes utimensat futimesat',
      'inotify_add_watch fanotify_mark name_to_handle_at move_mount open_tree open_tree_attr fspick mount_setattr swapon',
      'swapoff acct uselib quotactl',
    ],
  },
  makers: {
    first: 1500,
    tables: ['call'],
    names: [
      'eventfd eventfd2 epoll_create epoll_create1 signalfd signalfd4 timerfd_create inotify_init inotify_init1',
      'pidfd_open perf_event_open fanotify_init memfd_secret fsopen landlock_create_ruleset mq_open pipe pipe2',
    ],
  },
  memory: {
    first: 1600,
    tables: ['call'],
    category: 'memory',
    names: [
      'brk mmap mmap2 munmap mprotect pkey_mprotect pkey_alloc pkey_free mremap remap_file_pages madvise mincore mlock',
      'mlock2 mlockall munlock munlockall msync mbind get_mempolicy set_mempolicy set_mempolicy_home_node migrate_pages',
      'move_pages map_shadow_stack mseal process_vm_readv process_vm_writev membarrier',
    ],
  },
  waits: {
    first: 1700,
    tables: ['call'],
    category: 'sleep',
    names: [
      'poll ppoll select _newselect pselect6 epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 nanosleep clock_nanosleep',
      'pause wait4 waitid waitpid rt_sigsuspend sigsuspend rt_sigtimedwait io_getevents io_pgetevents',
    ],
  },
  signals: {
    first: 1800,
    tables: ['call'],
    category: 'signal',
    names: [
      'rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo rt_tgsigqueueinfo sigaction sigprocmask sigpending',
      'sigaltstack signal sgetmask ssetmask alarm',
    ],
  },
  ipc: {
    first: 1900,
    tables: ['call'],
    category: 'ipc',
    names: [
      'futex futex_wait futex_wake futex_waitv futex_requeue get_robust_list set_robust_list semget semop semtimedop',
      'semctl shmget shmat shmdt shmctl msgget msgsnd msgrcv msgctl mq_unlink ipc',
    ],
  },
  identities: {
    first: 2000,
    tables: ['call'],
    category: 'user',
    names: [
      'getuid geteuid getgid getegid getresuid getresgid getgroups setgroups capget getpid getppid gettid getpgid getpgrp',
      'getsid',
    ],
  },
  times: {
    first: 2100,
    tables: ['call'],
    category: 'time',
    names: [
      'time stime times gettimeofday settimeofday adjtimex clock_gettime clock_settime clock_getres clock_adjtime',
      'timer_create timer_delete timer_settime timer_gettime timer_getoverrun getitimer setitimer',
    ],
  },
  system: {
    first: 2200,
    tables: ['call'],
    category: 'system',
    names: [
      'kexec_load kexec_file_load reboot syslog uname olduname oldolduname sysinfo sysfs _sysctl ustat sync sethostname',
      'setdomainname ioperm iopl vhangup lookup_dcookie nfsservctl bdflush idle create_module query_module',
      'get_kernel_syms getpmsg add_key request_key statmount listmount listns',
    ],
  },
  processes: {
    first: 2300,
    tables: ['call'],
    category: 'process',
    names: [
      'arch_prctl personality seccomp getrlimit setrlimit prlimit getrusage getpriority setpriority nice umask',
      'sched_setscheduler sched_getscheduler sched_setparam sched_getparam sched_setattr sched_getattr',
      'sched_setaffinity sched_getaffinity sched_yield sched_get_priority_max sched_get_priority_min',
      'sched_rr_get_interval ioprio_get ioprio_set set_tid_address set_thread_area get_thread_area modify_ldt vm86 rseq',
      'rseq_slice_yield getcpu getrandom kcmp io_setup io_destroy io_submit io_cancel restart_syscall',
      'lsm_get_self_attr lsm_set_self_attr lsm_list_modules',
    ],
  },
} as const satisfies Record<string, CallFamily>

export type CallFamilyName = keyof typeof CALL_FAMILIES

type Words<Line extends string> = Line extends `${infer First} ${infer Rest}` ? First | Words<Rest> : Line
/** Every name in the families. */
export type NamedCall = Words<(typeof CALL_FAMILIES)[CallFamilyName]['names'][number]>

/** The names of a family, in the order of their codes. */
export function namesOf<Name extends CallFamilyName>(
  family: Name,
): Words<(typeof CALL_FAMILIES)[Name]['names'][number]>[] {
  return CALL_FAMILIES[family].names.flatMap((line) => line.split(' ')) as Words<
    (typeof CALL_FAMILIES)[Name]['names'][number]
  >[]
}

const FAMILY_BY_CALL: ReadonlyMap<string, CallFamilyName> = new Map(
  (Object.keys(CALL_FAMILIES) as CallFamilyName[]).flatMap((family) =>
    namesOf(family).map((name) => [name, family] as const),
  ),
)

/** The family of a call that is captured by name alone; undefined for every other event. */
export function familyOf(type: string | undefined): CallFamilyName | undefined {
  return type === undefined ? undefined : FAMILY_BY_CALL.get(type)
}

/** Whether a type of event is captured only where something names it. */
export function isByName(type: string): type is NamedCall {
  return FAMILY_BY_CALL.has(type)
}
