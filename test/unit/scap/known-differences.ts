/** Where Seamark reads a capture otherwise than Falco, and why. docs/falco-compatibility.md lists them. */
import type { RecordedEvent } from './recorded-events.ts'

export interface Difference {
  fields: readonly string[]
  /** Values as text; undefined is absent. */
  holds: (ours: string | undefined, falco: string | undefined, event: RecordedEvent) => boolean
  reason: string
}

const NO_ID = '4294967295'
const isUndescribed = (event: RecordedEvent) => event['proc.pid'] === -1
const dotted = (text: string) => text.replaceAll(/[^\x21-\x2d\x2f-\x7e ]+/gu, '.').replaceAll(/\.+/g, '.')

export const KNOWN_DIFFERENCES: readonly Difference[] = [
  {
    fields: ['user.uid', 'group.gid'],
    holds: (ours, falco) => ours === undefined && falco === NO_ID,
    reason: 'An id that the capture does not hold is absent; Falco prints 4294967295.',
  },
  {
    fields: ['proc.tty', 'proc.is_exe_from_memfd', 'proc.is_exe_upper_layer', 'proc.cwd'],
    holds: (ours, falco, event) => ours === undefined && isUndescribed(event) && ['0', 'false', './'].includes(falco!),
    reason:
      'Of a process that the capture does not describe nothing is known; Falco prints 0, false and ./ as if it were.',
  },
  {
    fields: ['proc.cwd'],
    holds: (ours, falco, event) =>
      ours?.startsWith('/') === true && falco === undefined && event['proc.name'] === 'cat',
    reason:
      'The directory in the event of an execve counts; Falco knows none for a process whose start it did not see.',
  },
  {
    fields: ['proc.is_vpgid_leader'],
    holds: (ours, falco, event) => ours === undefined && falco !== undefined && event['proc.vpgid'] === -1,
    reason: 'Whether a process leads a group that is not known is absent; Falco compares with -1.',
  },
  {
    fields: ['proc.exe_ino.ctime_duration_proc_start'],
    holds: (ours, falco) => ours === undefined && Number(falco) > 1e14,
    reason: 'Where the capture holds no times the duration is absent; Falco prints memory that it never set.',
  },
  {
    fields: ['proc.sname'],
    holds: (ours, falco, event) =>
      ours === event['proc.name'] && (falco === undefined || event['thread.ismain'] === false),
    reason:
      "A thread of the session's leader that has a name of its own names the session; Falco looks at the main thread. A session whose leader is gone is named by its eldest known process, one in a container by its leader; Falco names neither.",
  },
  {
    fields: ['evt.args'],
    holds: (ours) => ours !== undefined,
    reason:
      "Memory figures, cgroups, environment and buffers are left out, numbers of flags are the kernel's own, and process ids come without names.",
  },
  {
    fields: ['evt.arg.fd'],
    holds: (ours, falco) => ours?.replace('<4t>', '') === falco?.replace(/<4u?>/, ''),
    reason: 'An internet socket is always marked 4t; Falco says 4u for UDP and 4 before the transport is known.',
  },
  {
    fields: ['evt.arg.flags'],
    holds: (ours, falco, event) => ours === undefined && falco === 'O_NONE' && event['evt.type'] === 'socket',
    reason: 'Flags of socket, which the capture does not hold, are absent; Falco prints O_NONE.',
  },
  {
    fields: ['evt.arg.domain'],
    holds: (ours, falco) => ours === 'AF_UNIX' && falco === 'AF_LOCAL|AF_UNIX',
    reason: 'The family of unix sockets has one name here.',
  },
  {
    fields: ['fd.l4proto'],
    holds: (ours, falco, event) => ours === 'tcp' && falco === '<NA>' && event['evt.type'] === 'socket',
    reason: "A socket's transport is known once it is made; Falco tells it only of a connected one.",
  },
  {
    fields: ['fd.name_changed'],
    holds: (ours, falco, event) => ours === 'false' && falco === 'true' && event['evt.type'] === 'sendmsg',
    reason: 'The first message over a socket older than the capture gives it a name in Falco; here it had one.',
  },
  {
    fields: [
      'proc.is_exe_lower_layer',
      'proc.fdlimit',
      'proc.vmsize',
      'proc.vmrss',
      'proc.vmswap',
      'thread.vmsize',
      'thread.vmrss',
      'thread.pfmajor',
      'thread.pfminor',
    ],
    holds: (ours, falco, event) => ours === undefined && isUndescribed(event) && ['0', 'false'].includes(falco!),
    reason: 'The same of its memory, its page faults and its descriptors.',
  },
  {
    fields: ['proc.vmsize', 'proc.vmrss', 'thread.vmsize', 'thread.vmrss'],
    holds: (ours, falco, event) => Number(ours) > 0 && Number(falco) > 0 && !isUndescribed(event),
    reason:
      'Memory is that of the list of processes or the last clone or execve; Falco follows brk, mmap and munmap, too.',
  },
  {
    fields: ['user.homedir'],
    holds: (ours, falco, event) => ours === '<NA>' && falco === '/root' && event['container.id'] !== 'host',
    reason: 'What users have inside a container is not in the capture; Falco takes /root for the home of root.',
  },
  {
    fields: ['evt.buffer'],
    // As text, one character of ours can stand for several bytes.
    holds: (ours, falco, event) =>
      ours === undefined ? event['evt.rawres'] === 0 : dotted(ours) === dotted(falco ?? ''),
    reason:
      'Bytes stay what they are; Falco prints a dot for each that is no printable character, and of a read of nothing what was left in memory.',
  },
  {
    fields: ['evt.arg.fd', 'fd.num', 'fd.uid'],
    holds: (_, falco, event) => event['evt.type'] === 'mmap' && falco?.endsWith('4294967295') === true,
    reason: 'A mapping of no file has the descriptor -1; Falco prints 4294967295.',
  },
  {
    fields: ['fd.directory', 'fd.typechar'],
    holds: (ours, falco, event) => ours === undefined && event['fd.name'] === undefined && ['/', 'o'].includes(falco!),
    reason: 'Of a descriptor that is not known there is no more than its number; Falco prints a type and a directory.',
  },
  {
    fields: ['fd.nameraw'],
    holds: (ours, _, event) => ours === undefined && event['evt.type'] === 'mmap',
    reason: 'Of a mapping only the absolute path is kept.',
  },
  {
    fields: ['evt.count.error.file'],
    holds: (ours, falco, event) => ours !== undefined && falco === undefined && event['fd.name'] === undefined,
    reason: 'Calls on paths, and on descriptors that are not known, count as calls on files; in Falco as others.',
  },
  {
    fields: ['container.privileged'],
    holds: (ours, falco) => ours === undefined && falco === 'false',
    reason: 'Absent until an engine has said so; Falco takes a container for unprivileged until then.',
  },
  {
    fields: ['proc.env'],
    holds: (ours, falco) => ours?.replaceAll(/[\x00-\x1f\x7f]/g, '\ufffd') === falco,
    reason: 'Control characters stay what they are; Falco puts U+FFFD in their place.',
  },
]
