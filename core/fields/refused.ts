/**
 * Fields that Falco knows and Seamark does not fill, each with the reason and with what to use instead. Rules that name
 * them load, with a warning, and behave as with any absent value; a field that nobody knows is an error.
 */
import { type Field, type FieldType, field, fromEvent } from './field.ts'

type Extra = Partial<Pick<Field, 'argument' | 'argumentRequired' | 'decimals' | 'sources'>>

function refused(name: string, type: FieldType, why: string, instead: string, extra: Extra = {}): Field {
  const nothing = fromEvent([], () => undefined)
  return field(name, type, 'Known to Falco, never filled by Seamark.', nothing, { ...extra, refused: { why, instead } })
}

const KEYED = { argument: 'key', argumentRequired: true } as const
const NO_COMMON_START =
  'events of many hosts and restarts are judged together, and have no beginning of a capture in common'
const NO_NEIGHBOUR = 'the event before it may be on another host, or was let go because no rule wanted it'
const NO_SUMMING = "only the kernel's scheduler events tell how long a thread ran, and those are not captured"
const polled = (what: string) => `the list of descriptors that a poll is given is not read, so there is none of ${what}`

/** What only the API of Kubernetes tells; Falco calls these fields deprecated and leaves them empty, too. */
function ofObject(kind: string, name: string, suffixes: readonly ('name' | 'id' | 'label' | 'labels')[]): Field[] {
  const whys = {
    name: `nothing on a host names the ${kind} of a pod`,
    id: `the id of a ${kind} is known to the API of Kubernetes alone, which hosts do not ask`,
    label: `labels of a ${kind} are known to the API of Kubernetes alone, which hosts do not ask`,
    labels: `the labels of a ${kind} are known to the API of Kubernetes alone, which hosts do not ask`,
  }
  const insteads = {
    name: 'a label of the pod that its template sets, such as k8s.pod.label[app]',
    id: kind === 'namespace' ? 'k8s.ns.name' : 'k8s.pod.uid',
    label: `k8s.pod.label with a label that the pods of the ${kind} carry`,
    labels: 'k8s.pod.labels',
  }
  return suffixes.map((suffix) =>
    refused(`k8s.${name}.${suffix}`, 'string', whys[suffix], insteads[suffix], suffix === 'label' ? KEYED : {}),
  )
}

export const REFUSED_FIELDS: readonly Field[] = [
  refused('evt.reltime', 'duration', NO_COMMON_START, 'evt.rawtime'),
  refused('evt.reltime.s', 'duration', NO_COMMON_START, 'evt.rawtime.s'),
  refused('evt.reltime.ns', 'duration', NO_COMMON_START, 'evt.rawtime.ns'),
  refused('evt.deltatime', 'duration', NO_NEIGHBOUR, 'evt.rawtime, or proc.duration for the age of the process'),
  refused('evt.deltatime.s', 'duration', NO_NEIGHBOUR, 'evt.rawtime.s, or proc.duration for the age of the process'),
  refused('evt.deltatime.ns', 'duration', NO_NEIGHBOUR, 'evt.rawtime.ns, or proc.duration for the age of the process'),
  refused('evt.asynctype', 'string', 'no event here is asynchronous in the sense of Falco', 'evt.source and evt.type'),
  refused('evt.latency', 'duration', 'only the return of a call is captured, not its beginning', 'evt.rawtime'),
  refused('evt.latency.s', 'duration', 'only the return of a call is captured, not its beginning', 'evt.rawtime.s'),
  refused('evt.latency.ns', 'duration', 'only the return of a call is captured, not its beginning', 'evt.rawtime.ns'),
  refused('evt.wait_latency', 'duration', 'only the return of a call is captured, not its beginning', 'evt.rawtime'),
  refused(
    'thread.exectime',
    'duration',
    NO_SUMMING,
    'thread.totexectime, the CPU time of the process with all its threads so far',
  ),
  refused(
    'thread.cpu',
    'number',
    NO_SUMMING,
    'thread.totexectime, the CPU time of the process with all its threads so far',
    { decimals: true },
  ),
  refused('thread.cpu.user', 'number', NO_SUMMING, 'thread.totexectime, which includes it', { decimals: true }),
  refused('thread.cpu.system', 'number', NO_SUMMING, 'thread.totexectime, which includes it', { decimals: true }),
  refused('fdlist.nums', 'string', polled('numbers'), 'fd.num of the call that acts on the descriptor'),
  refused('fdlist.names', 'string', polled('names'), 'fd.name of the call that acts on the descriptor'),
  refused('fdlist.cips', 'string', polled('clients'), 'fd.cip of accept, connect or recvfrom'),
  refused('fdlist.sips', 'string', polled('servers'), 'fd.sip of accept, connect or recvfrom'),
  refused('fdlist.cports', 'string', polled("clients' ports"), 'fd.cport of accept, connect or recvfrom'),
  refused('fdlist.sports', 'string', polled("servers' ports"), 'fd.sport of accept, connect or recvfrom'),
  refused('container.cni.json', 'string', "Docker's engine keeps no result of a network plugin", 'container.ip'),
  refused('k8s.pod.cni.json', 'string', "Docker's engine keeps no result of a pod's network plugin", 'k8s.pod.ip'),
  ...ofObject('namespace', 'ns', ['id', 'label', 'labels']),
  ...ofObject('replication controller', 'rc', ['name', 'id', 'label', 'labels']),
  ...ofObject('service', 'svc', ['name', 'id', 'label', 'labels']),
  ...ofObject('replica set', 'rs', ['id', 'label', 'labels']),
  ...ofObject('deployment', 'deployment', ['id', 'label', 'labels']),
]
