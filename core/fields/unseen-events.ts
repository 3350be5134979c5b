/**
 * Names a rule may give to evt.type besides the types that Seamark captures: what else Falco knows, with the reason why it
 * is never seen here. A condition on one of them is valid and never true; any other name is a mistake.
 */
import { EVENT_TYPES } from './event-types.ts'

export interface UnseenEvent {
  /** As the end of "Seamark does not capture X: ". */
  readonly why: string
  /** What to write in its place. */
  readonly instead?: string
}

const OTHER_MACHINES = 'only other processors than x86-64 and arm64 have this call'
const NOT_A_CALL = 'it is no system call but an event of Falco itself'
const NO_KERNEL = 'no kernel has this call'

const unseen = (names: string, why: string, instead?: string): [string, UnseenEvent][] =>
  names.split(' ').map((name) => [name, instead === undefined ? { why } : { why, instead }])
/** The same call under the name of its 64-bit form. */
const spelled = (name: string, instead: string) => unseen(name, `the call goes by the name ${instead}`, instead)

/** By name. */
export const UNSEEN_EVENTS: ReadonlyMap<string, UnseenEvent> = new Map([
  ...unseen('exit exit_group', 'the call never returns, and events are seen when a call returns', 'procexit'),
  ...unseen('rt_sigreturn sigreturn', 'the call never returns, and events are seen when a call returns'),
  ...unseen('uprobe uretprobe', "only the kernel's own code calls it, and it does not return"),
  ...unseen(
    'socketcall',
    'it stands for other calls, which are seen under their own names',
    'connect, accept4 and so on',
  ),
  ...unseen('send', 'the call is the same as sendto', 'sendto'),
  ...unseen('recv', 'the call is the same as recvfrom', 'recvfrom'),
  ...unseen('timerfd', NO_KERNEL, 'timerfd_create'),
  ...unseen('afs_syscall putpmsg security tuxcall vserver', NO_KERNEL),
  ...spelled('_llseek', 'llseek'),
  ...spelled('fcntl64', 'fcntl'),
  ...spelled('ftruncate64', 'ftruncate'),
  ...spelled('pread64', 'pread'),
  ...spelled('prlimit64', 'prlimit'),
  ...spelled('pwrite64', 'pwrite'),
  ...spelled('sendfile64', 'sendfile'),
  ...spelled('truncate64', 'truncate'),
  ...spelled('ugetrlimit', 'getrlimit'),
  ...unseen('multiplexer pciconfig_iobase pciconfig_read pciconfig_write rtas spu_create spu_run', OTHER_MACHINES),
  ...unseen('subpage_prot swapcontext switch_endian sync_file_range2 sys_debug_setcontext', OTHER_MACHINES),
  ...unseen('riscv_flush_icache riscv_hwprobe s390_guarded_storage s390_pci_mmio_read', OTHER_MACHINES),
  ...unseen('s390_pci_mmio_write s390_runtime_instr s390_sthyi', OTHER_MACHINES),
  ...unseen('sched_process_exec', NOT_A_CALL, 'execve'),
  ...unseen('switch page_fault signaldeliver cpu_hotplug drop procinfo scapevent tracer', NOT_A_CALL),
  ...unseen('asyncevent pluginevent notification infra container', NOT_A_CALL),
  ...unseen('user_added user_deleted group_added group_deleted', NOT_A_CALL),
  ...unseen('useradded userdeleted groupadded groupdeleted', NOT_A_CALL),
])

/** Every name that a rule may give. */
export const KNOWN_EVENT_NAMES: ReadonlySet<string> = new Set([...Object.keys(EVENT_TYPES), ...UNSEEN_EVENTS.keys()])
