/** `proc.*`: the process behind the event and its ancestors. */
import { type ColumnName, PROCESS_FLAGS } from '../batch/columns.ts'
import type { Value } from '../model/event.ts'
import type { Cursor } from './cursor.ts'
import {
  type Field,
  field,
  fromEvent,
  fromProcess,
  processColumn,
  processFlag,
  type Reads,
  type Source,
} from './field.ts'
import { argsOf, argumentList, commandLineOf, executableOf, exeLineOf, exeOf, leaderOf } from './process-facts.ts'
import { terminalName } from './terminal-name.ts'

type OfProcess = (cursor: Cursor, process: number) => string | number | undefined

const textOf =
  (column: ColumnName): OfProcess =>
  (cursor, process) =>
    cursor.processText(column, process)
const numberOf =
  (column: ColumnName): OfProcess =>
  (cursor, process) =>
    cursor.processNumber(column, process)

const own = (read: OfProcess, reads?: Reads) => fromProcess((cursor) => read(cursor, cursor.process), reads)
const parent = (read: OfProcess, reads?: Reads) => fromProcess((cursor) => read(cursor, cursor.ancestor(1)), reads)

/** With an index the ancestor that many generations up, without one all of them from the parent on. */
function ancestors(read: OfProcess, ...columns: ColumnName[]): Source {
  return {
    from: 'derived',
    scope: 'process',
    ...(columns.length === 0 ? {} : { reads: (argument) => ancestorReads(argument, columns) }),
    derive: (argument) => {
      if (argument !== null) {
        const generations = Number(argument)
        return (cursor) => read(cursor, cursor.ancestor(generations))
      }
      return (cursor) => {
        const found: (string | number)[] = []
        cursor.someAncestor((process) => {
          const value = read(cursor, process)
          if (value !== undefined) found.push(value)
          return false
        })
        return found.length === 0 ? undefined : found
      }
    },
  }
}

/** Generation 0 is the process itself. */
function ancestorReads(argument: string | null, columns: readonly ColumnName[]): Reads {
  return argument !== null && Number(argument) === 0 ? { own: columns } : { ancestors: columns }
}

/** What `executableOf` reads. */
const EXECUTABLE: readonly ColumnName[] = ['exePath', 'exeFlags']

const ancestor = { argument: 'index', several: 'any' } as const

function leader(column: 'sid' | 'pgid' | 'vpgid', read: OfProcess): Source {
  return fromProcess((cursor) => read(cursor, leaderOf(cursor, column)))
}

function isLeader(column: 'sid' | 'pgid' | 'vpgid'): Source {
  const id = column === 'vpgid' ? 'vpid' : 'pid'
  return fromProcess((cursor) => {
    const group = cursor.processNumber(column)
    return group === undefined ? undefined : group === cursor.processNumber(id)
  })
}

/** How long the process had been running when the event happened, ns. */
const ageOf = (process: (cursor: Cursor) => number) => (cursor: Cursor) => {
  const start = cursor.processTime('startTime', process(cursor))
  return start === undefined ? undefined : Math.max(0, Number(cursor.timeNs - start))
}

const environmentOf = (cursor: Cursor, process: number) => argumentList(cursor.processText('env', process))

/** The whole environment joined by blanks, or the value of one variable. */
function environment(process: (cursor: Cursor) => number): Source {
  return {
    from: 'derived',
    scope: 'process',
    derive: (argument) => (cursor) => {
      const entries = environmentOf(cursor, process(cursor))
      if (argument === null) return entries?.join(' ')
      return entries?.find((entry) => entry.startsWith(`${argument}=`))?.slice(argument.length + 1)
    },
  }
}

/** So that a rule's `startswith /dev/shm/` is true in that folder, too. */
function folderOf(cursor: Cursor): string | undefined {
  const path = cursor.processText('cwd')
  return path === undefined || path === '' || path.endsWith('/') ? path : `${path}/`
}

const LOGIN_SHELLS: ReadonlySet<Value | undefined> = new Set([
  'sh',
  'bash',
  'csh',
  'zsh',
  'ksh',
  'dash',
  'ash',
  'tcsh',
  'fish',
])

export const PROC_FIELDS: readonly Field[] = [
  field(
    'proc.name',
    'string',
    'Name of the process (at most 15 bytes): that of its program, or the one it was born under where its parent had renamed itself.',
    processColumn('comm'),
    {
      ecs: 'process.name',
    },
  ),
  field('proc.pname', 'string', 'Name of the parent.', parent(textOf('comm'), { ancestors: ['comm'] }), {
    ecs: 'process.parent.name',
  }),
  field(
    'proc.aname',
    'string',
    'Name of the ancestor n generations up, or of any.',
    ancestors(textOf('comm'), 'comm'),
    ancestor,
  ),
  field('proc.exe', 'string', 'First argument (argv[0]).', own(exeOf)),
  field('proc.pexe', 'string', 'First argument of the parent.', parent(exeOf)),
  field(
    'proc.aexe',
    'string',
    'First argument of the ancestor n generations up, or of any.',
    ancestors(exeOf),
    ancestor,
  ),
  field(
    'proc.exepath',
    'string',
    'Path of the executable, from the kernel; memfd:NAME where it is in memory only.',
    own(executableOf, { own: EXECUTABLE }),
    {
      ecs: 'process.executable',
    },
  ),
  field(
    'proc.pexepath',
    'string',
    "Path of the parent's executable.",
    parent(executableOf, { ancestors: EXECUTABLE }),
    {
      ecs: 'process.parent.executable',
    },
  ),
  field(
    'proc.aexepath',
    'string',
    'Path of the executable of the ancestor n generations up, or of any.',
    ancestors(executableOf, ...EXECUTABLE),
    ancestor,
  ),
  field(
    'proc.args',
    'string',
    'Arguments after the first, joined by blanks, or one of them: proc.args[0] is what follows argv[0].',
    {
      from: 'derived',
      scope: 'process',
      derive: (argument) => {
        if (argument === null) return (cursor) => argsOf(cursor, cursor.process)
        const position = Number(argument) + 1
        return (cursor) => argumentList(cursor.processText('argv'))?.[position]
      },
    },
    { argument: 'index' },
  ),
  field('proc.aargs', 'string', 'Arguments of the ancestor n generations up, or of any.', ancestors(argsOf), ancestor),
  field('proc.cmdline', 'string', 'Name and arguments.', own(commandLineOf), { ecs: 'process.command_line' }),
  field('proc.pcmdline', 'string', 'Name and arguments of the parent.', parent(commandLineOf), {
    ecs: 'process.parent.command_line',
  }),
  field(
    'proc.acmdline',
    'string',
    'Name and arguments of the ancestor n generations up, or of any.',
    ancestors(commandLineOf),
    ancestor,
  ),
  field('proc.exeline', 'string', 'The arguments as they were given, the first included.', own(exeLineOf)),
  field(
    'proc.cmdnargs',
    'number',
    'Number of arguments after the first.',
    fromProcess((cursor) => {
      const list = argumentList(cursor.processText('argv'))
      return list === undefined ? undefined : list.length - 1
    }),
  ),
  field(
    'proc.cmdlenargs',
    'number',
    'Bytes in the arguments after the first, separators left out.',
    fromProcess((cursor) => {
      const list = argumentList(cursor.processText('argv'))
      return list?.slice(1).reduce((sum, argument) => sum + argument.length, 0)
    }),
  ),
  field(
    'proc.env',
    'string',
    'Environment joined by blanks, or one variable. Never stored in documents.',
    environment((cursor) => cursor.process),
    { argument: 'key', rightSide: false },
  ),
  field(
    'proc.aenv',
    'string',
    "The parent's environment, or one of its variables. Never stored in documents.",
    environment((cursor) => cursor.ancestor(1)),
    { argument: 'key', rightSide: false },
  ),
  field('proc.cwd', 'string', 'Current directory, with a slash at its end.', fromProcess(folderOf, { own: ['cwd'] }), {
    ecs: 'process.working_directory',
  }),
  field(
    'proc.loginshellid',
    'number',
    'Pid of the oldest shell among the process and its ancestors.',
    fromProcess((cursor) => {
      let found: number | undefined
      if (LOGIN_SHELLS.has(cursor.processText('comm'))) found = cursor.processNumber('pid')
      cursor.someAncestor((process) => {
        if (LOGIN_SHELLS.has(cursor.processText('comm', process))) found = cursor.processNumber('pid', process)
        return false
      })
      return found
    }),
  ),
  field('proc.tty', 'number', 'Controlling terminal as a device number; 0 without one.', processColumn('tty')),
  field(
    'proc.tty.name',
    'string',
    'Controlling terminal by its name, such as pts/0; absent without one.',
    fromProcess((cursor) => {
      const device = cursor.processNumber('tty') ?? 0
      return device === 0 ? undefined : terminalName(device)
    }),
  ),
  field('proc.pid', 'number', 'Process id on the host.', processColumn('pid'), { ecs: 'process.pid' }),
  field('proc.ppid', 'number', "The parent's process id on the host.", processColumn('ppid'), {
    ecs: 'process.parent.pid',
  }),
  field(
    'proc.apid',
    'number',
    'Process id of the ancestor n generations up, or of any.',
    ancestors(numberOf('pid')),
    ancestor,
  ),
  field('proc.vpid', 'number', 'Process id inside its pid namespace.', processColumn('vpid'), { ecs: 'process.vpid' }),
  field('proc.pvpid', 'number', "The parent's process id inside its pid namespace.", parent(numberOf('vpid'))),
  field('proc.sid', 'number', 'Session id on the host.', processColumn('sid'), { ecs: 'process.session_leader.pid' }),
  field('proc.sname', 'string', 'Name of the session leader.', leader('sid', textOf('comm'))),
  field('proc.sid.exe', 'string', 'First argument of the session leader.', leader('sid', exeOf)),
  field('proc.sid.exepath', 'string', "Path of the session leader's executable.", leader('sid', executableOf)),
  field('proc.pgid', 'number', 'Process group id on the host.', processColumn('pgid')),
  field('proc.pgid.name', 'string', 'Name of the process group leader.', leader('pgid', textOf('comm'))),
  field('proc.pgid.exe', 'string', 'First argument of the process group leader.', leader('pgid', exeOf)),
  field('proc.pgid.exepath', 'string', "Path of the process group leader's executable.", leader('pgid', executableOf)),
  field('proc.vpgid', 'number', 'Process group id inside the pid namespace.', processColumn('vpgid')),
  field('proc.vpgid.name', 'string', 'Name of the process group leader.', leader('vpgid', textOf('comm'))),
  field('proc.vpgid.exe', 'string', 'First argument of the process group leader.', leader('vpgid', exeOf)),
  field(
    'proc.vpgid.exepath',
    'string',
    "Path of the process group leader's executable.",
    leader('vpgid', executableOf),
  ),
  field('proc.is_sid_leader', 'boolean', 'Leads its session.', isLeader('sid')),
  field('proc.is_pgid_leader', 'boolean', 'Leads its process group.', isLeader('pgid')),
  field('proc.is_vpgid_leader', 'boolean', 'Leads its process group inside the pid namespace.', isLeader('vpgid')),
  field(
    'proc.duration',
    'duration',
    'Time since the process started.',
    fromEvent(
      [],
      ageOf((cursor) => cursor.process),
    ),
  ),
  field(
    'proc.ppid.duration',
    'duration',
    'Time since the parent started.',
    fromEvent(
      [],
      ageOf((cursor) => cursor.ancestor(1)),
    ),
  ),
  field('proc.pid.ts', 'time', 'Start of the process.', processColumn('startTime'), { ecs: 'process.start' }),
  field(
    'proc.ppid.ts',
    'time',
    'Start of the parent.',
    fromProcess((cursor) => cursor.processTime('startTime', cursor.ancestor(1))),
  ),
  field(
    'proc.is_container_runtime',
    'boolean',
    "Belongs to the container runtime itself (Seamark's own field): set by the collector from kernel state, never from names.",
    processFlag('processFlags', PROCESS_FLAGS.runtime),
  ),
  field(
    'proc.is_kernel_thread',
    'boolean',
    "A thread of the kernel (Seamark's own field).",
    processFlag('processFlags', PROCESS_FLAGS.kernelThread),
  ),
]
