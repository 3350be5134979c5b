/**
 * Which columns are *steady*: the same for all the processes that one program starts in containers of one image. The
 * rest (ids, times, arguments) differ from process to process. What depends on steady columns alone need not be asked
 * again for a process that is new but like others.
 */
import type { ColumnName } from '../batch/columns.ts'
import { TABLES } from '../batch/schema.ts'
import type { Field } from '../fields/field.ts'

const VARYING: ReadonlySet<ColumnName> = new Set<ColumnName>([
  'pid',
  'startNs',
  'execCount',
  'processVersion',
  'cgroupId',
  'vpid',
  'ppid',
  'parentStartNs',
  'pidNs',
  'mntNs',
  'argv',
  'env',
  'sid',
  'pgid',
  'vsid',
  'vpgid',
  'startTime',
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
  'parent',
  'container',
  'containerId',
  'containerName',
  'labels',
  'podLabels',
  'podIp',
  'containerIp',
  'containerStartTime',
  'containerCreatedTime',
])

/** Steady columns of the process and of the container table. */
export const STEADY_COLUMNS: ReadonlySet<ColumnName> = new Set<ColumnName>(
  [...TABLES.process.columns, ...TABLES.container.columns].filter((name) => !VARYING.has(name)),
)

/** Steady columns that conditions about ancestors may read; others of ancestors count as varying. */
export const LINEAGE_COLUMNS: ReadonlySet<ColumnName> = new Set<ColumnName>(['comm', 'exePath'])

/**
 * What a condition depends on. The first three are told apart because they combine freely: a host has a few programs,
 * places in the tree and images, but many combinations of them.
 */
export const REACH = {
  /** Steady columns of the process itself. */
  program: 0,
  /** Steady columns of its ancestors. */
  lineage: 1,
  /** Steady columns of its container. */
  image: 2,
  /** More of the process than one of these. */
  process: 3,
  event: 4,
} as const

export type Reach = (typeof REACH)[keyof typeof REACH]

/** The reach of what depends on both. */
export function joinedReach(a: Reach, b: Reach): Reach {
  return a === b ? a : (Math.max(a, b, REACH.process) as Reach)
}

/** The reach of a field with the argument that stood in brackets. */
export function reachOf({ read }: Field, argument: string | null): Reach {
  if (read.scope === 'event') return REACH.event
  if (read.from === 'column') {
    if (!STEADY_COLUMNS.has(read.column)) return REACH.process
    return read.scope === 'container' ? REACH.image : REACH.program
  }
  const { own = [], ancestors = [], container = [] } = read.reads?.(argument) ?? {}
  const reaches: Reach[] = [
    ...own.map((column) => (STEADY_COLUMNS.has(column) ? REACH.program : REACH.process)),
    ...ancestors.map((column) => (LINEAGE_COLUMNS.has(column) ? REACH.lineage : REACH.process)),
    ...container.map((column) => (STEADY_COLUMNS.has(column) ? REACH.image : REACH.process)),
  ]
  return reaches.length === 0 ? REACH.process : reaches.reduce(joinedReach)
}
