/**
 * The columns that tables of a batch (`schema.ts`) are made of. Ids are part of stored data: add at the end of a group,
 * never renumber, never reuse.
 *
 * A column has one kind everywhere. Absent values are a sentinel of the kind: 0 for `str` (string 0 does not exist),
 * NaN for f64, the largest value for unsigned kinds and `ref`, the smallest for i32 and i64.
 */

export type ColumnKind = 'u8' | 'u16' | 'u32' | 'i32' | 'f64' | 'i64' | 'str' | 'ref'

export const KIND_IDS: Record<ColumnKind, number> = { u8: 1, u16: 2, u32: 3, i32: 4, f64: 5, i64: 6, str: 7, ref: 8 }

export interface ColumnSpec {
  id: number
  kind: ColumnKind
  doc: string
  /** The addon never fills it; it is not in the addon's header. */
  isForeignToAddon?: true
}

/** Columns that the collector's host part fills where a rule asks for what they hold. */
const asked = <K extends ColumnKind>(id: number, kind: K, doc: string) =>
  ({ id, kind, doc, isForeignToAddon: true }) as const

/** Names are unique over all tables; a field reads a column by name from whatever table the row is in. */
export const COLUMNS = {
  // Every event table.
  ordinal: { id: 1, kind: 'u32', doc: 'Position of the row in the batch as first sealed; kept by every slice.' },
  time: { id: 2, kind: 'f64', doc: 'Event time in ns since the batch base time.' },
  type: { id: 3, kind: 'u16', doc: 'Event type code (core/fields/event-types.ts).' },
  process: { id: 4, kind: 'ref', doc: 'Row of the process table.' },
  container: { id: 5, kind: 'ref', doc: 'Row of the container table.' },
  position: { id: 6, kind: 'str', doc: "A checkpointed source's own position, part of the event id." },

  // System calls.
  tid: { id: 10, kind: 'u32', doc: 'Thread id in the host pid namespace.' },
  vtid: { id: 11, kind: 'u32', doc: "Thread id in the process's own pid namespace." },
  ret: { id: 12, kind: 'f64', doc: 'Return value of the call; negative errno on failure.' },
  cpu: { id: 13, kind: 'u16', doc: 'CPU the event was seen on.' },
  abi: {
    id: 14,
    kind: 'u8',
    doc: '0 native, 1 ia32 (int 0x80), 2 io_uring; of these, one whose completion is hidden has result 0 and descriptor 0.',
  },
  arg0: { id: 15, kind: 'f64', doc: 'Raw first argument.' },
  arg1: { id: 16, kind: 'f64', doc: 'Raw second argument.' },
  arg2: { id: 17, kind: 'f64', doc: 'Raw third argument.' },
  arg3: { id: 18, kind: 'f64', doc: 'Raw fourth argument.' },
  arg4: { id: 19, kind: 'f64', doc: 'Raw fifth argument.' },
  arg5: { id: 20, kind: 'f64', doc: 'Raw sixth argument.' },
  text0: { id: 21, kind: 'str', doc: 'First string argument as user space passed it.' },
  text1: { id: 22, kind: 'str', doc: 'Second string argument as user space passed it.' },

  // Files and descriptors.
  fd: { id: 30, kind: 'i32', doc: 'Descriptor the call made or acted on; -1 when it made none.' },
  fdType: {
    id: 31,
    kind: 'u8',
    doc: 'Character code of Falco fd.typechar: f file, d directory, 4/6 inet, u unix, p pipe …',
  },
  path: {
    id: 32,
    kind: 'str',
    doc: 'Absolute path, resolved by the kernel where the call returned or took a descriptor.',
  },
  rawPath: { id: 33, kind: 'str', doc: 'Path as user space passed it.' },
  dirFd: { id: 34, kind: 'i32', doc: 'Directory descriptor of an *at call; -100 is AT_FDCWD.' },
  dirPath: { id: 35, kind: 'str', doc: 'Kernel path of dirFd.' },
  rawPath2: { id: 36, kind: 'str', doc: 'Second path as user space passed it (new name, link target, mount point).' },
  dirFd2: { id: 37, kind: 'i32', doc: 'Directory descriptor of the second path.' },
  dirPath2: { id: 38, kind: 'str', doc: 'Kernel path of dirFd2.' },
  flags: { id: 39, kind: 'u32', doc: 'Flags argument as the kernel defines it (O_…, AT_…, MS_…, CLONE_…).' },
  mode: { id: 40, kind: 'u32', doc: 'Mode bits argument.' },
  inode: { id: 41, kind: 'f64', doc: 'Inode number behind the descriptor.' },
  device: { id: 42, kind: 'u32', doc: 'Device number behind the descriptor (major << 20 | minor).' },
  argUid: { id: 43, kind: 'u32', doc: 'User id argument (chown, setuid).' },
  argGid: { id: 44, kind: 'u32', doc: 'Group id argument (chown, setgid).' },
  fileMode: { id: 45, kind: 'u32', doc: 'Mode of the inode behind the descriptor, file type bits included.' },
  fdLayer: { id: 46, kind: 'u8', doc: 'Of a file on an overlay: 1 on the upper layer, 2 on a lower one only.' },

  // Network.
  family: { id: 60, kind: 'u8', doc: 'Address family (AF_UNIX 1, AF_INET 2, AF_INET6 10).' },
  protocol: { id: 61, kind: 'u8', doc: 'IP protocol of the socket (6 tcp, 17 udp, 1 icmp).' },
  socketType: { id: 62, kind: 'u8', doc: 'SOCK_STREAM 1, SOCK_DGRAM 2, SOCK_RAW 3.' },
  localIp: { id: 63, kind: 'str', doc: "The socket's own address in text, from the kernel." },
  localPort: { id: 64, kind: 'u16', doc: "The socket's own port." },
  remoteIp: {
    id: 65,
    kind: 'str',
    doc: 'The peer address in text: the kernel socket, or the call for unconnected sockets.',
  },
  remotePort: { id: 66, kind: 'u16', doc: 'The peer port.' },
  socketPath: { id: 67, kind: 'str', doc: 'Path of a unix socket.' },
  role: { id: 68, kind: 'u8', doc: '1 client (connected), 2 server (accepted or listening).' },
  data: { id: 70, kind: 'str', doc: 'Beginning of what was sent or received; only when the plan asks for it.' },
  localNames: asked(71, 'str', 'Host names that rules name and that lead to localIp, separated by NUL.'),
  remoteNames: asked(72, 'str', 'The same of remoteIp.'),
  size: { id: 69, kind: 'f64', doc: 'Bytes asked for or sent.' },

  // Facts of a process image: in exec rows as captured, in the process table as known.
  comm: { id: 80, kind: 'str', doc: 'Task name (at most 15 bytes).' },
  exePath: { id: 81, kind: 'str', doc: 'Kernel path of the executable.' },
  argv: { id: 82, kind: 'str', doc: 'Arguments, argv[0] included, separated by NUL.' },
  env: { id: 83, kind: 'str', doc: 'Environment entries separated by NUL; only when the plan asks for it.' },
  cwd: { id: 84, kind: 'str', doc: 'Current directory.' },
  tty: { id: 85, kind: 'u32', doc: 'Controlling terminal as a device number; 0 none.' },
  sid: { id: 86, kind: 'u32', doc: 'Session id in the host pid namespace.' },
  pgid: { id: 87, kind: 'u32', doc: 'Process group id in the host pid namespace.' },
  vsid: { id: 88, kind: 'u32', doc: "Session id in the process's pid namespace." },
  vpgid: { id: 89, kind: 'u32', doc: "Process group id in the process's pid namespace." },
  loginUid: { id: 90, kind: 'u32', doc: 'Audit login uid; absent when never set.' },
  capPermitted: { id: 91, kind: 'f64', doc: 'Permitted capabilities, one bit each.' },
  capEffective: { id: 92, kind: 'f64', doc: 'Effective capabilities, one bit each.' },
  capInheritable: { id: 93, kind: 'f64', doc: 'Inheritable capabilities, one bit each.' },
  exeInode: { id: 94, kind: 'f64', doc: 'Inode of the executable.' },
  exeCtime: { id: 95, kind: 'i64', doc: 'Change time of the executable, ns since the Unix epoch.' },
  exeMtime: { id: 96, kind: 'i64', doc: 'Modification time of the executable, ns since the Unix epoch.' },
  exeFlags: {
    id: 97,
    kind: 'u8',
    doc: 'Bits: 1 on the overlay upper layer, 2 in memory only (memfd), 4 writable by the user, 8 interpreter, 16 on a lower layer of an overlay only.',
  },

  // Identity of a process (process table; the addon fills these).
  pid: { id: 110, kind: 'u32', doc: 'Process id (thread group) in the host pid namespace.' },
  startNs: { id: 111, kind: 'f64', doc: 'Start of the process, ns since boot.' },
  execCount: { id: 112, kind: 'u32', doc: "The kernel's self_exec_id: counts execs of this process." },
  processVersion: {
    id: 113,
    kind: 'u32',
    doc: 'Counts changes within one image that matter to context: chdir, setsid, credentials.',
  },
  cgroupId: { id: 114, kind: 'f64', doc: 'Id of the cgroup the task is in now.' },
  uid: { id: 115, kind: 'u32', doc: 'Effective user id in the initial user namespace.' },
  gid: { id: 116, kind: 'u32', doc: 'Effective group id in the initial user namespace.' },
  vpid: { id: 117, kind: 'u32', doc: 'Process id in its own pid namespace.' },
  ppid: { id: 118, kind: 'u32', doc: 'Real parent in the host pid namespace.' },
  pidNs: { id: 119, kind: 'u32', doc: 'Inode of the pid namespace.' },
  mntNs: { id: 120, kind: 'u32', doc: 'Inode of the mount namespace.' },
  parentStartNs: { id: 121, kind: 'f64', doc: "The parent's start, ns since boot." },

  // Joined by the collector's host part.
  parent: { id: 130, kind: 'ref', doc: 'Row of the parent in the process table.' },
  processFlags: {
    id: 131,
    kind: 'u16',
    doc: 'Bits: 1 container runtime, 2 kernel thread, 4 container by ancestry, 8 facts from /proc, 16 facts missing, 32 Seamark itself.',
  },
  userName: { id: 132, kind: 'str', doc: 'Name of uid as seen inside the container.' },
  groupName: { id: 133, kind: 'str', doc: 'Name of gid as seen inside the container.' },
  loginName: { id: 134, kind: 'str', doc: 'Name of loginUid on the host.' },
  startTime: { id: 135, kind: 'i64', doc: 'Start of the process, ns since the Unix epoch.' },

  // Read where a rule or an output asks, when the batch is joined: the process may have changed since the event.
  userHome: asked(136, 'str', 'Home directory of uid as seen inside the container.'),
  userShell: asked(137, 'str', 'Shell of uid as seen inside the container.'),
  pidNsStartTime: asked(138, 'i64', 'Start of the first process of the pid namespace, ns since the Unix epoch.'),
  vmSizeKb: asked(139, 'f64', 'Virtual memory, KiB.'),
  vmRssKb: asked(140, 'f64', 'Resident memory, KiB.'),
  vmSwapKb: asked(141, 'f64', 'Swapped memory, KiB.'),
  majorFaults: asked(142, 'f64', 'Page faults that read from a disk, so far.'),
  minorFaults: asked(143, 'f64', 'Page faults that did not, so far.'),
  threadCount: asked(144, 'u32', 'Threads that live, the main one included.'),
  cpuTimeNs: asked(145, 'f64', 'CPU time of all its threads so far, ns.'),
  descriptorCount: asked(146, 'u32', 'Open descriptors.'),
  descriptorLimit: asked(147, 'f64', 'How many descriptors may be open; absent when unlimited.'),
  descriptors: asked(
    148,
    'str',
    'Open descriptors as number, type and name, all separated by NUL; the lowest 256, names of 0 to 2 only.',
  ),
  cgroupPaths: asked(149, 'str', 'Entries `controller=path` separated by NUL, one for each controller.'),

  // Birth and death.
  childPid: { id: 150, kind: 'u32', doc: 'Host pid of the new process.' },
  childStartNs: { id: 151, kind: 'f64', doc: 'Start of the new process, ns since boot.' },
  childVpid: { id: 152, kind: 'u32', doc: 'Pid of the new process in its own namespace.' },
  exitCode: { id: 153, kind: 'i32', doc: 'Exit status of the process (0-255).' },
  exitSignal: { id: 154, kind: 'u8', doc: 'Signal that ended the process; 0 none.' },

  // Containers.
  containerId: { id: 170, kind: 'str', doc: 'Full id (64 hex digits for most runtimes).' },
  containerName: { id: 171, kind: 'str', doc: 'Name without the leading slash.' },
  imageName: { id: 172, kind: 'str', doc: 'Image reference as the user gave it.' },
  imageRepository: { id: 173, kind: 'str', doc: 'Repository part of the reference.' },
  imageTag: { id: 174, kind: 'str', doc: 'Tag part of the reference.' },
  imageId: { id: 175, kind: 'str', doc: 'Image id without the algorithm prefix.' },
  imageDigest: { id: 176, kind: 'str', doc: 'Repository digest.' },
  containerRuntime: { id: 177, kind: 'str', doc: 'docker, containerd, cri-o, podman, lxc.' },
  privileged: { id: 178, kind: 'u8', doc: '1 privileged, 0 not; absent until inspected.' },
  labels: { id: 180, kind: 'str', doc: 'Entries `key=value` separated by NUL.' },
  containerIp: { id: 181, kind: 'str', doc: 'First address of the container.' },
  containerStartTime: { id: 182, kind: 'i64', doc: 'Start of the container, ns since the Unix epoch.' },
  containerCreatedTime: { id: 183, kind: 'i64', doc: 'Creation of the container, ns since the Unix epoch.' },
  containerFlags: {
    id: 184,
    kind: 'u8',
    doc: 'Bits: 1 inspected, 2 host network, 4 host pid namespace, 8 host ipc namespace.',
  },
  capAdd: { id: 185, kind: 'str', doc: 'Added capabilities separated by NUL; absent until inspected.' },
  // 179 held mounts with parts joined by colons, which a path may hold itself.
  mounts: {
    id: 186,
    kind: 'str',
    doc: 'Source, destination, mode, writable (true or false) and propagation of each mount, all separated by NUL; empty without mounts, absent until inspected.',
  },
  healthcheck: {
    id: 187,
    kind: 'str',
    doc: "The container's health check: kind (CMD, CMD-SHELL) and words, separated by NUL; absent without one.",
    isForeignToAddon: true,
  },
  livenessProbe: { id: 188, kind: 'str', doc: 'Words of the liveness probe, by NUL.', isForeignToAddon: true },
  readinessProbe: { id: 189, kind: 'str', doc: 'Words of the readiness probe, by NUL.', isForeignToAddon: true },
  podLabels: { id: 190, kind: 'str', doc: "Labels of the container's pod, as `labels`.", isForeignToAddon: true },
  podIp: { id: 191, kind: 'str', doc: "Address of the container's pod.", isForeignToAddon: true },

  // Docker events.
  action: { id: 200, kind: 'str', doc: "The event's action (create, start, exec_create: sh, …)." },
  objectType: { id: 201, kind: 'str', doc: 'container, image, network, volume, …' },
  objectId: { id: 202, kind: 'str', doc: "The actor's id." },
  attributes: { id: 203, kind: 'str', doc: 'A flat JSON object of further attributes.' },

  // Health and free-form events.
  kindName: { id: 220, kind: 'str', doc: 'What a health event is about (capture.drop, docker.gap, …).' },
  message: { id: 221, kind: 'str', doc: 'One readable sentence.' },
  count: { id: 222, kind: 'f64', doc: 'How many, where the event counts something.' },

  // Commands.
  outcome: { id: 250, kind: 'str', doc: 'What came of a command: done, failed, expired, interrupted, refused.' },

  // Cgroup changes.
  cgroupPath: { id: 230, kind: 'str', doc: 'Path of the cgroup below its hierarchy.' },
  cgroupChange: { id: 231, kind: 'u8', doc: '1 made, 2 a task moved in, 3 removed.' },

  // What the edge filter matched.
  matchTable: { id: 240, kind: 'u8', doc: 'Table of the matched row.' },
  matchOrdinal: { id: 241, kind: 'u32', doc: 'Ordinal of the matched row.' },
  matchRule: { id: 242, kind: 'str', doc: 'Name of the rule.' },
} as const satisfies Record<string, ColumnSpec>

export type ColumnName = keyof typeof COLUMNS

/** Bits of `processFlags`. */
export const PROCESS_FLAGS = {
  runtime: 1,
  kernelThread: 2,
  containerByAncestry: 4,
  fromProc: 8,
  factsMissing: 16,
} as const

/** Bits of `exeFlags`. */
export const EXE_FLAGS = { upperLayer: 1, memfd: 2, writable: 4, interpreter: 8, lowerLayer: 16 } as const
