/** How values of ECS fields are compared, where their name decides it; all other fields are keywords. */

export type EcsType = 'keyword' | 'number' | 'boolean' | 'date' | 'ip'

const DATES = ['@timestamp', 'process.start', 'process.parent.start', 'event.created', 'event.ingested']
const ADDRESSES = ['source.ip', 'destination.ip', 'host.ip', 'client.ip', 'server.ip']
const BOOLEANS = [
  'process.interactive',
  'process.is_exe_upper_layer',
  'process.is_exe_from_memfd',
  'container.security_context.privileged',
]
const NUMBERS = [
  'process.pid',
  'process.vpid',
  'process.exit_code',
  'process.args_count',
  'process.thread.id',
  'process.session_leader.pid',
  'process.group_leader.pid',
  'process.parent.pid',
  'process.parent.args_count',
  'process.tty.char_device.major',
  'process.tty.char_device.minor',
  'source.port',
  'destination.port',
  'network.bytes',
  'seamark.ret',
  'seamark.health.count',
  'seamark.ancestry.pid',
  'seamark.count',
]

const TYPES = new Map<string, EcsType>([
  ...DATES.map((name) => [name, 'date'] as const),
  ...ADDRESSES.map((name) => [name, 'ip'] as const),
  ...BOOLEANS.map((name) => [name, 'boolean'] as const),
  ...NUMBERS.map((name) => [name, 'number'] as const),
])

export function ecsType(path: string): EcsType {
  return TYPES.get(path) ?? 'keyword'
}

/** Every field that is not a keyword, for index mappings. */
export function typedEcsFields(): ReadonlyMap<string, EcsType> {
  return TYPES
}
