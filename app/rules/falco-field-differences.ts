/** Fields that mean something a little different here: told by `rules import`, listed in docs/falco-compatibility.md. */

export interface FieldDifference {
  /** Names; one that ends in `.*` stands for all that begin so. */
  fields: readonly string[]
  /** Where it differs, if not everywhere. */
  only?: 'in outputs' | 'without a number'
  here: string
}

export const FIELD_DIFFERENCES: readonly FieldDifference[] = [
  {
    fields: [
      ...['proc.vmsize', 'proc.vmrss', 'proc.vmswap', 'proc.nthreads', 'proc.nchilds', 'proc.fdopencount'],
      ...['proc.fdlimit', 'proc.fdusage', 'proc.stdin.*', 'proc.stdout.*', 'proc.stderr.*', 'fd.types'],
      ...['thread.vmsize', 'thread.vmrss', 'thread.cgroups', 'thread.cgroup'],
    ],
    here: 'Live, they are read from `/proc` a few milliseconds after the event, and only while some rule or output names them. A process that has ended by then has none. Of at most 256 descriptors the types are told.',
  },
  {
    fields: ['thread.pfmajor', 'thread.pfminor', 'thread.totexectime'],
    here: 'Those of the process with all its threads.',
  },
  {
    fields: ['evt.buffer'],
    here: 'The beginning, at most 1 KiB, of what is read, written, sent or received; it never leaves the kernel while no rule or output names it.',
  },
  {
    fields: ['fd.sip.name', 'fd.cip.name', 'fd.lip.name', 'fd.rip.name'],
    here: 'The host that captures looks up the names that enabled rules compare them with, one after the other and again every minute, and writes those that lead to an address into the event: whoever judges it later sees the same. An address keeps its name for ten minutes after the last answer.',
  },
  { fields: ['proc.apid'], only: 'without a number', here: "Those of all ancestors; in Falco the process's own id." },
  {
    fields: ['fd.cnet', 'fd.snet', 'fd.lnet', 'fd.rnet'],
    only: 'in outputs',
    here: 'The address; Falco prints `<IPNET>`.',
  },
  { fields: ['evt.rawarg'], here: 'The value as text, so that `=` and `in` compare it.' },
  {
    fields: ['evt.pluginname', 'evt.plugininfo'],
    here: 'The source of an event that is no system call (docker, health, command), and one line about it.',
  },
  {
    fields: ['fd.is_server'],
    here: 'Whoever accepted or listens is the server, as the kernel knows it; Falco goes by addresses, and takes a client that connects to its own machine for one.',
  },
  { fields: ['syscall.type'], here: 'That of a process that ended is procexit; Falco gives it none.' },
  {
    fields: ['k8s.pod.*', 'k8s.rs.name', 'k8s.deployment.name'],
    here: 'From the labels of a container and of the sandbox of its pod, where Docker runs them.',
  },
]

/** As the page shows it. */
export function rowOf({ fields, only, here }: FieldDifference): string {
  const names = fields.map((field) => `\`${field}\``).join(', ')
  return `| ${names}${only === undefined ? '' : ` ${only}`} | ${here} |`
}

/** Whether a difference is about a field as it is used. */
export function concerns(
  { fields, only }: FieldDifference,
  used: { name: string; argument: string | null; isPrinted: boolean },
): boolean {
  if (only === 'in outputs' && !used.isPrinted) return false
  if (only === 'without a number' && used.argument !== null) return false
  return fields.some((field) => (field.endsWith('.*') ? used.name.startsWith(field.slice(0, -1)) : field === used.name))
}
