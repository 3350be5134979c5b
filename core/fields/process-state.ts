/**
 * What a process holds at the moment: memory, threads, descriptors, cgroups, its pid namespace. It is filled only where a
 * rule or an output asks, and absent where the process had ended by then.
 * None of these values belongs to the process's context for good, so all are read per event.
 */
import type { ColumnName } from '../batch/columns.ts'
import type { CaptureWant } from '../model/source.ts'
import type { Cursor } from './cursor.ts'
import { type Field, type FieldType, field, fromEvent, type Reader } from './field.ts'
import { argumentList } from './process-facts.ts'
import { NO_NAME } from './user-group.ts'

interface Descriptor {
  number: string
  type: string
  name: string
}

const DESCRIPTOR_PARTS = 3

function descriptorsOf(cursor: Cursor): Descriptor[] {
  const parts = (cursor.processText('descriptors') ?? '').split('\0')
  const found: Descriptor[] = []
  for (let at = 0; at + DESCRIPTOR_PARTS <= parts.length; at += DESCRIPTOR_PARTS) {
    found.push({ number: parts[at]!, type: parts[at + 1]!, name: parts[at + 2]! })
  }
  return found
}

const of = (wants: CaptureWant, name: string, type: FieldType, doc: string, read: Reader, extra: Partial<Field> = {}) =>
  field(name, type, doc, fromEvent([], read), { wants, ...extra })

const resource = (name: string, doc: string, column: ColumnName) =>
  of('resources', name, 'number', doc, (cursor) => cursor.processNumber(column))

/** What Falco gives for the main thread, and 0 for the others, which share its memory. */
const ofMainThread = (name: string, doc: string, column: ColumnName) =>
  of('resources', name, 'number', doc, (cursor) => {
    const value = cursor.processNumber(column)
    return value === undefined || cursor.number('tid') === cursor.processNumber('pid') ? value : 0
  })

function standard(number: '0' | '1' | '2', name: string): Field[] {
  const one = (cursor: Cursor) => descriptorsOf(cursor).find((descriptor) => descriptor.number === number)
  return [
    of('descriptors', `proc.${name}.type`, 'string', `Type of descriptor ${number}, as fd.type names it.`, (cursor) => {
      return one(cursor)?.type
    }),
    of('descriptors', `proc.${name}.name`, 'string', `Name of descriptor ${number}, as fd.name gives it.`, (cursor) => {
      return one(cursor)?.name
    }),
  ]
}

const cgroups = (cursor: Cursor) => argumentList(cursor.processText('cgroupPaths'))

export const PROCESS_STATE_FIELDS: readonly Field[] = [
  resource('proc.vmsize', 'Virtual memory, KiB.', 'vmSizeKb'),
  resource('proc.vmrss', 'Resident memory, KiB.', 'vmRssKb'),
  resource('proc.vmswap', 'Swapped memory, KiB.', 'vmSwapKb'),
  resource('proc.nthreads', 'Threads that live, the main one included.', 'threadCount'),
  of('resources', 'proc.nchilds', 'number', 'Threads that live besides the main one.', (cursor) => {
    const threads = cursor.processNumber('threadCount')
    return threads === undefined ? undefined : Math.max(0, threads - 1)
  }),
  resource('thread.pfmajor', 'Page faults of the process that read from a disk, so far.', 'majorFaults'),
  resource('thread.pfminor', 'Page faults of the process that did not, so far.', 'minorFaults'),
  ofMainThread(
    'thread.vmsize',
    'Virtual memory of the process, KiB; 0 for threads other than the main one.',
    'vmSizeKb',
  ),
  ofMainThread(
    'thread.vmrss',
    'Resident memory of the process, KiB; 0 for threads other than the main one.',
    'vmRssKb',
  ),
  of('resources', 'thread.totexectime', 'duration', 'CPU time of all threads of the process so far.', (cursor) =>
    cursor.processNumber('cpuTimeNs'),
  ),
  of('descriptors', 'proc.fdopencount', 'number', 'Open descriptors.', (cursor) =>
    cursor.processNumber('descriptorCount'),
  ),
  of('descriptors', 'proc.fdlimit', 'number', 'How many descriptors may be open; absent when unlimited.', (cursor) =>
    cursor.processNumber('descriptorLimit'),
  ),
  of(
    'descriptors',
    'proc.fdusage',
    'number',
    'Open descriptors in percent of the limit.',
    (cursor) => {
      const count = cursor.processNumber('descriptorCount')
      const limit = cursor.processNumber('descriptorLimit')
      return count === undefined || !limit ? undefined : (count * 100) / limit
    },
    { decimals: true },
  ),
  ...standard('0', 'stdin'),
  ...standard('1', 'stdout'),
  ...standard('2', 'stderr'),
  field(
    'fd.types',
    'string',
    'Types of all open descriptors of the process, or of the one in brackets.',
    {
      from: 'derived',
      scope: 'event',
      derive: (argument) => (cursor) => {
        const wanted = descriptorsOf(cursor).filter(({ number }) => argument === null || number === argument)
        return wanted.length === 0 ? undefined : [...new Set(wanted.map(({ type }) => type))]
      },
    },
    { argument: 'key', several: 'list', wants: 'descriptors' },
  ),
  of(
    'cgroups',
    'thread.cgroups',
    'string',
    'All cgroups of the process as controller=path, joined by blanks.',
    (cursor) => cgroups(cursor)?.join(' '),
  ),
  field(
    'thread.cgroup',
    'string',
    "Path of the process's cgroup of one controller (thread.cgroup.memory); unified names that of the second version.",
    {
      from: 'derived',
      scope: 'event',
      derive: (argument) => (cursor) =>
        cgroups(cursor)
          ?.find((entry) => entry.startsWith(`${argument}=`))
          ?.slice(`${argument}=`.length),
    },
    { argument: 'key', argumentRequired: true, wants: 'cgroups' },
  ),
  of('pidns', 'proc.pidns_init_start_ts', 'time', 'Start of the first process of the pid namespace.', (cursor) =>
    cursor.processTime('pidNsStartTime'),
  ),
  of(
    'pidns',
    'proc.exe_ino.ctime_duration_pidns_start',
    'time',
    'Time from the start of the pid namespace to the last status change of the executable; absent where that came first.',
    (cursor) => {
      const start = cursor.processTime('pidNsStartTime')
      const changed = cursor.processTime('exeCtime')
      return start === undefined || changed === undefined || changed < start ? undefined : changed - start
    },
  ),
  of(
    'accounts',
    'user.homedir',
    'string',
    'Home directory of the user as the container or the host knows it.',
    (cursor) => (cursor.process < 0 ? undefined : (cursor.processText('userHome') ?? NO_NAME)),
  ),
  of('accounts', 'user.shell', 'string', 'Shell of the user as the container or the host knows it.', (cursor) =>
    cursor.process < 0 ? undefined : (cursor.processText('userShell') ?? NO_NAME),
  ),
]
