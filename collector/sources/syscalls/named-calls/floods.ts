/**
 * The calls captured only by name that ordinary programs make thousands of times a second. They share a budget of their
 * own, so that none of the rare ones gets lost among them: where a rule names read and process_vm_readv, reads may be dropped.
 */
import type { NamedCall } from '../../../../core/fields/calls-by-name.ts'

const FLOODS = [
  ...['read', 'pread', 'readv', 'preadv', 'preadv2', 'write', 'pwrite', 'writev', 'pwritev', 'pwritev2'],
  ...['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range', 'sendmmsg', 'recvmmsg', 'mq_timedsend'],
  ...['mq_timedreceive', 'msgsnd', 'msgrcv'],
  // On descriptors.
  ...[
    'close',
    'fcntl',
    'ioctl',
    'fstat',
    'fstat64',
    'oldfstat',
    'lseek',
    'llseek',
    'getdents',
    'getdents64',
    'readdir',
  ],
  ...['ftruncate', 'fsync', 'fdatasync', 'fallocate', 'fadvise64', 'flock', 'readahead', 'sync_file_range', 'fstatfs'],
  ...['fstatfs64', 'fgetxattr', 'cachestat', 'epoll_ctl', 'epoll_ctl_old', 'timerfd_settime', 'timerfd_gettime'],
  ...['shutdown', 'getsockname', 'getpeername', 'getsockopt', 'setsockopt', 'pipe', 'pipe2', 'eventfd', 'eventfd2'],
  // On paths.
  ...['access', 'faccessat', 'faccessat2', 'stat', 'stat64', 'oldstat', 'lstat', 'lstat64', 'oldlstat', 'newfstatat'],
  ...['fstatat64', 'statx', 'statfs', 'statfs64', 'readlink', 'readlinkat', 'getcwd', 'getxattr', 'lgetxattr'],
  ...['listxattr', 'llistxattr', 'flistxattr', 'utimensat', 'inotify_add_watch', 'inotify_rm_watch'],
  // Of an allocator.
  ...['brk', 'mmap', 'mmap2', 'munmap', 'mprotect', 'mremap', 'madvise', 'mincore', 'msync', 'membarrier'],
  // Waiting and locking.
  ...[
    'poll',
    'ppoll',
    'select',
    '_newselect',
    'pselect6',
    'epoll_wait',
    'epoll_wait_old',
    'epoll_pwait',
    'epoll_pwait2',
  ],
  ...['nanosleep', 'clock_nanosleep', 'pause', 'wait4', 'waitid', 'waitpid', 'rt_sigsuspend', 'sigsuspend'],
  ...['rt_sigtimedwait', 'io_getevents', 'io_pgetevents', 'io_submit', 'futex', 'futex_wait', 'futex_wake'],
  ...['futex_waitv', 'futex_requeue', 'semop', 'semtimedop', 'ipc', 'sched_yield', 'restart_syscall'],
  // Of a runtime, and about itself.
  ...['rt_sigaction', 'rt_sigprocmask', 'sigaction', 'sigprocmask', 'sigaltstack', 'set_robust_list', 'rseq'],
  ...['getuid', 'geteuid', 'getgid', 'getegid', 'getpid', 'getppid', 'gettid', 'getcpu', 'getrandom', 'getrusage'],
  ...['times', 'time', 'gettimeofday', 'clock_gettime', 'clock_getres', 'timer_settime', 'timer_gettime'],
  ...['getitimer', 'setitimer', 'alarm'],
] as const satisfies readonly NamedCall[]

const NAMES: ReadonlySet<string> = new Set(FLOODS)

/** Whether ordinary programs make the call so often that it may not share a budget with rare ones. */
export function comesInFloods(call: string): boolean {
  return NAMES.has(call)
}
