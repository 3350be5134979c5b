/**
 * Fields that Falco knows and Seamark cannot fill. Rules that name them load, with a warning, and behave as with any
 * absent value; a field that nobody knows is an error.
 */
import type { SourceName } from '../model/event.ts'
import { type Field, type FieldType, field, fromEvent } from './field.ts'

const SOURCES: readonly SourceName[] = ['syscall']
const EXTRA = { available: false, sources: SOURCES } as const

function absent(type: FieldType, names: string, extra: Partial<Field> = {}): Field[] {
  return names
    .trim()
    .split(/\s+/)
    .map((name) =>
      field(
        name,
        type,
        'Known to Falco, never filled by Seamark.',
        fromEvent([], () => undefined),
        { ...EXTRA, ...extra },
      ),
    )
}

const KEYED = { argument: 'key' } as const

export const UNAVAILABLE_FIELDS: readonly Field[] = [
  ...absent('string', 'evt.pluginname evt.plugininfo evt.asynctype evt.abspath evt.io_dir'),
  ...absent('string', 'evt.rawarg', { argument: 'key', argumentRequired: true, rightSide: false }),
  ...absent('number', 'evt.type.is', { argument: 'key' }),
  ...absent('duration', 'evt.reltime evt.reltime.s evt.reltime.ns evt.deltatime evt.deltatime.s evt.deltatime.ns'),
  ...absent('duration', 'evt.latency evt.latency.s evt.latency.ns evt.wait_latency'),
  ...absent('bytes', 'evt.buffer'),
  ...absent('boolean', 'evt.is_wait evt.is_syslog'),
  ...absent('number', 'evt.count.error evt.count.error.file evt.count.error.net evt.count.error.memory'),
  ...absent('number', 'evt.count.error.other evt.count.exit evt.around', KEYED),
  ...absent(
    'string',
    'proc.stdin.type proc.stdout.type proc.stderr.type proc.stdin.name proc.stdout.name proc.stderr.name',
  ),
  ...absent('boolean', 'proc.is_exe_lower_layer fd.is_upper_layer fd.is_lower_layer'),
  ...absent(
    'boolean',
    'proc.is_container_healthcheck proc.is_container_liveness_probe proc.is_container_readiness_probe',
  ),
  ...absent(
    'number',
    'proc.fdopencount proc.fdlimit proc.fdusage proc.vmsize proc.vmrss proc.vmswap proc.nthreads proc.nchilds',
  ),
  ...absent('number', 'proc.pidns_init_start_ts thread.pfmajor thread.pfminor thread.vmsize thread.vmrss'),
  ...absent('number', 'thread.cpu thread.cpu.user thread.cpu.system'),
  ...absent('time', 'proc.exe_ino.ctime_duration_pidns_start'),
  ...absent('duration', 'thread.exectime thread.totexectime'),
  ...absent('string', 'thread.cgroups'),
  ...absent('string', 'thread.cgroup', KEYED),
  ...absent('string', 'user.homedir user.shell fd.uid fd.proto'),
  ...absent('string', 'fd.types', { argument: 'key', several: 'list' }),
  // Rules would resolve names when they load and again over time: an answer that depends on who asks.
  ...absent('string', 'fd.cip.name fd.sip.name fd.lip.name fd.rip.name'),
  ...absent('string', 'fdlist.nums fdlist.names fdlist.cips fdlist.sips fdlist.cports fdlist.sports', {
    several: 'list',
  }),
  ...absent(
    'string',
    'container.healthcheck container.liveness_probe container.readiness_probe container.cni.json container.info',
  ),
  ...absent(
    'string',
    'k8s.pod.ip k8s.pod.cni.json k8s.pod.labels k8s.rc.name k8s.rc.id k8s.rc.labels k8s.svc.name k8s.svc.id',
  ),
  ...absent('string', 'k8s.svc.labels k8s.ns.id k8s.ns.labels k8s.rs.name k8s.rs.id k8s.rs.labels'),
  ...absent('string', 'k8s.deployment.name k8s.deployment.id k8s.deployment.labels'),
  ...absent('string', 'k8s.pod.label k8s.rc.label k8s.svc.label k8s.ns.label k8s.rs.label k8s.deployment.label', KEYED),
]
