/**
 * The one definition of the tables: which a batch can have and which columns each of them has. The addon's C++ header
 * (native/src/generated/batch_schema.h) is generated from it by `npm run generate`, and a test says when they differ. Ids
 * are part of stored data: never renumber, never reuse.
 */
import type { ColumnName } from './columns.ts'

const EVENT = ['ordinal', 'time', 'type'] as const satisfies readonly ColumnName[]
const CALL = [...EVENT, 'process', 'tid', 'vtid', 'ret', 'cpu', 'abi'] as const satisfies readonly ColumnName[]
const FACTS = [
  'comm',
  'exePath',
  'argv',
  'env',
  'cwd',
  'tty',
  'sid',
  'pgid',
  'vsid',
  'vpgid',
  'loginUid',
  'capPermitted',
  'capEffective',
  'capInheritable',
  'exeInode',
  'exeCtime',
  'exeMtime',
  'exeFlags',
] as const satisfies readonly ColumnName[]

export interface TableSpec {
  id: number
  /** Dictionaries are referred to by event rows; only event tables hold events. */
  role: 'dictionary' | 'event' | 'annotation'
  columns: readonly ColumnName[]
  /** The addon never makes it, so that neither it nor columns of its own are in the addon's header. */
  isForeignToAddon?: true
}

export const TABLES = {
  process: {
    id: 1,
    role: 'dictionary',
    columns: [
      'pid',
      'startNs',
      'execCount',
      'processVersion',
      'cgroupId',
      'uid',
      'gid',
      'vpid',
      'ppid',
      'parentStartNs',
      'pidNs',
      'mntNs',
      ...FACTS,
      'parent',
      'container',
      'processFlags',
      'userName',
      'groupName',
      'loginName',
      'startTime',
      'userHome',
      'userShell',
      'pidNsStartTime',
      'vmSizeKb',
      'vmRssKb',
      'vmSwapKb',
      'majorFaults',
      'minorFaults',
      'threadCount',
      'cpuTimeNs',
      'descriptorCount',
      'descriptorLimit',
      'descriptors',
      'cgroupPaths',
    ],
  },
  container: {
    id: 2,
    role: 'dictionary',
    columns: [
      'containerId',
      'containerName',
      'imageName',
      'imageRepository',
      'imageTag',
      'imageId',
      'imageDigest',
      'containerRuntime',
      'privileged',
      'mounts',
      'labels',
      'containerIp',
      'containerStartTime',
      'containerCreatedTime',
      'containerFlags',
      'capAdd',
      'healthcheck',
      'livenessProbe',
      'readinessProbe',
      'podLabels',
      'podIp',
    ],
  },
  /** What the kernel said of cgroups, for the host's identity of containers; never leaves the collector. */
  cgroups: { id: 4, role: 'annotation', columns: ['time', 'cgroupId', 'cgroupPath', 'cgroupChange', 'pid'] },
  matches: { id: 3, role: 'annotation', columns: ['matchTable', 'matchOrdinal', 'matchRule'] },
  /** execve, execveat. Facts describe the image after a success; `process` refers to it then, else to the caller. */
  exec: { id: 10, role: 'event', columns: [...CALL, 'rawPath', 'dirFd', 'flags', ...FACTS] },
  /** clone, fork, vfork, clone3 (seen in the parent) and procexit. */
  lifecycle: {
    id: 11,
    role: 'event',
    columns: [...CALL, 'flags', 'childPid', 'childStartNs', 'childVpid', 'exitCode', 'exitSignal', 'comm'],
  },
  /** Calls on paths and on descriptors that are files. */
  file: {
    id: 12,
    role: 'event',
    columns: [
      ...CALL,
      'fd',
      'fdType',
      'path',
      'rawPath',
      'dirFd',
      'dirPath',
      'rawPath2',
      'dirFd2',
      'dirPath2',
      'flags',
      'mode',
      'inode',
      'device',
      'argUid',
      'argGid',
      'fileMode',
      'fdLayer',
      'arg0',
      'arg1',
      'arg2',
      'arg3',
      'arg4',
      'arg5',
      'text0',
      'text1',
      'size',
      'data',
    ],
  },
  /** Calls on sockets. */
  network: {
    id: 13,
    role: 'event',
    columns: [
      ...CALL,
      'fd',
      'fdType',
      'family',
      'protocol',
      'socketType',
      'localIp',
      'localPort',
      'remoteIp',
      'remotePort',
      'socketPath',
      'role',
      'flags',
      'size',
      'data',
      'arg0',
      'arg1',
      'arg2',
      'localNames',
      'remoteNames',
      'arg3',
      'arg4',
      'arg5',
      'text1',
    ],
  },
  /** Every other call: raw arguments, up to two strings, and what a descriptor argument is. */
  call: {
    id: 14,
    role: 'event',
    columns: [
      ...CALL,
      'arg0',
      'arg1',
      'arg2',
      'arg3',
      'arg4',
      'arg5',
      'text0',
      'text1',
      'fd',
      'fdType',
      'path',
      'flags',
      'argUid',
      'argGid',
      'inode',
      'device',
      'fileMode',
      'fdLayer',
    ],
  },
  docker: {
    id: 20,
    role: 'event',
    columns: [...EVENT, 'container', 'position', 'action', 'objectType', 'objectId', 'attributes'],
  },
  health: {
    id: 21,
    role: 'event',
    columns: [...EVENT, 'container', 'kindName', 'message', 'count', 'attributes'],
  },
  command: {
    id: 22,
    role: 'event',
    columns: [...EVENT, 'position', 'kindName', 'outcome', 'message'],
    isForeignToAddon: true,
  },
} as const satisfies Record<string, TableSpec>

export type TableName = keyof typeof TABLES
