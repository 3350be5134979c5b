/**
 * The fields of stored documents and their types: what KQL can name, and what the search store indexes. ECS names; what
 * ECS has no name for is under `seamark` and `docker`. A test builds documents of every event type and finds each of
 * their leaves here.
 */

export type DocumentFieldType = 'keyword' | 'long' | 'double' | 'ip' | 'date' | 'boolean'

const keywords = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'keyword' as const]))
const longs = (...names: string[]) => Object.fromEntries(names.map((name) => [name, 'long' as const]))

const PROCESS = (prefix: string) => ({
  ...longs(`${prefix}.pid`, `${prefix}.args_count`),
  ...keywords(
    `${prefix}.name`,
    `${prefix}.executable`,
    `${prefix}.command_line`,
    `${prefix}.args`,
    `${prefix}.working_directory`,
  ),
  [`${prefix}.start`]: 'date' as const,
})

export const DOCUMENT_FIELDS: Readonly<Record<string, DocumentFieldType>> = {
  '@timestamp': 'date',
  ...keywords('ecs.version', 'message', 'tags', 'host.name', 'log.level'),
  ...keywords(
    'event.id',
    'event.kind',
    'event.module',
    'event.dataset',
    'event.action',
    'event.category',
    'event.type',
    'event.outcome',
  ),
  ...longs('event.severity'),
  ...keywords('rule.name', 'rule.ruleset', 'rule.description'),
  ...PROCESS('process'),
  ...PROCESS('process.parent'),
  ...longs(
    'process.vpid',
    'process.thread.id',
    'process.session_leader.pid',
    'process.group_leader.pid',
    'process.exit_code',
    'process.tty.char_device.major',
    'process.tty.char_device.minor',
  ),
  'process.interactive': 'boolean',
  'process.is_exe_upper_layer': 'boolean',
  'process.is_exe_from_memfd': 'boolean',
  ...keywords('user.id', 'user.name', 'group.id', 'group.name'),
  ...keywords('file.path', 'file.directory', 'file.name', 'file.type', 'file.inode', 'file.mode', 'file.target_path'),
  'source.ip': 'ip',
  'destination.ip': 'ip',
  ...keywords('source.address', 'destination.address'),
  ...longs('source.port', 'destination.port', 'network.bytes'),
  ...keywords('network.transport', 'network.type', 'network.name'),
  ...keywords(
    'container.id',
    'container.name',
    'container.runtime',
    'container.image.name',
    'container.image.tag',
    'container.image.hash.all',
  ),
  'container.security_context.privileged': 'boolean',
  ...keywords(
    'orchestrator.type',
    'orchestrator.namespace',
    'orchestrator.resource.type',
    'orchestrator.resource.name',
  ),
  ...keywords('docker.type', 'docker.id'),
  ...keywords(
    'seamark.collector',
    'seamark.time_ns',
    'seamark.source',
    'seamark.args',
    'seamark.error',
    'seamark.evidence',
  ),
  ...longs('seamark.ret', 'seamark.ancestry.pid', 'seamark.health.count'),
  ...keywords(
    'seamark.ancestry.name',
    'seamark.ancestry.executable',
    'seamark.ancestry.command_line',
    'seamark.health.kind',
    'seamark.command.id',
    'seamark.command.kind',
    'seamark.command.outcome',
  ),
  ...keywords('seamark.alert.id', 'seamark.alert.status', 'seamark.alert.detections'),
  ...longs('seamark.alert.count'),
  'seamark.alert.first': 'date',
  'seamark.alert.last': 'date',
}

/** Objects with keys of users' making, below which any name may be asked for. */
export const OPEN_OBJECTS: readonly string[] = ['container.labels', 'docker.attributes']
