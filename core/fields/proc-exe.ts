/** `proc.is_exe_*` and `proc.exe_ino.*`: the file that a process runs. */
import { EXE_FLAGS } from '../batch/columns.ts'
import { type Field, field, fromProcess, processColumn, processFlag } from './field.ts'

export const PROC_EXE_FIELDS: readonly Field[] = [
  field(
    'proc.is_exe_writable',
    'boolean',
    'The executable can be written by the user who runs it.',
    processFlag('exeFlags', EXE_FLAGS.writable),
  ),
  field(
    'proc.is_exe_upper_layer',
    'boolean',
    "The executable is in the container's writable layer.",
    processFlag('exeFlags', EXE_FLAGS.upperLayer),
  ),
  field(
    'proc.is_exe_lower_layer',
    'boolean',
    "The executable is in the container's image, unchanged.",
    processFlag('exeFlags', EXE_FLAGS.lowerLayer),
  ),
  field(
    'proc.is_exe_from_memfd',
    'boolean',
    'The executable is in memory only, made with memfd_create.',
    processFlag('exeFlags', EXE_FLAGS.memfd),
  ),
  field('proc.exe_ino', 'number', 'Inode of the executable.', processColumn('exeInode')),
  field('proc.exe_ino.ctime', 'time', 'Last status change of the executable.', processColumn('exeCtime')),
  field('proc.exe_ino.mtime', 'time', 'Last modification of the executable.', processColumn('exeMtime')),
  field(
    'proc.exe_ino.ctime_duration_proc_start',
    'time',
    'Time between the last status change of the executable and the start of the process.',
    fromProcess((cursor) => {
      const start = cursor.processTime('startTime')
      const changed = cursor.processTime('exeCtime')
      return start === undefined || changed === undefined ? undefined : start - changed
    }),
  ),
]
