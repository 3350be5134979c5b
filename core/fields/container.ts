/** `container.*`: the container the event happened in. On the host the id, name and type are `host`. */
import type { ColumnName } from '../batch/columns.ts'
import type { SourceName } from '../model/event.ts'
import type { Cursor } from './cursor.ts'
import { containerColumn, type Field, field, fromContainer, fromEvent, type Reader, type Source } from './field.ts'
import { matchesGlob } from './glob.ts'
import { argumentList } from './process-facts.ts'

const SOURCES: readonly SourceName[] = ['syscall', 'docker', 'health']
const everywhere = { sources: SOURCES } as const
const SHORT_ID_CHARS = 12
const HOST = 'host'
const FLAGS = { inspected: 1, hostNetwork: 2, hostPid: 4, hostIpc: 8 } as const

/** `host` where there is no container. */
const orHost = (read: Reader): Source => fromContainer((cursor) => (cursor.container < 0 ? HOST : read(cursor)))

function flag(bit: number): Source {
  return fromContainer((cursor) => {
    if (cursor.container < 0) return false
    const flags = cursor.containerNumber('containerFlags')
    return flags === undefined || (flags & FLAGS.inspected) === 0 ? undefined : (flags & bit) !== 0
  })
}

/** The parts of a mount, in the order of the column. */
const MOUNT_PARTS = ['source', 'dest', 'mode', 'rdwr', 'propagation'] as const

/** The parts of each mount; undefined until inspected. */
function mountsOf(cursor: Cursor): string[][] | undefined {
  const text = cursor.containerText('mounts')
  if (text === undefined) return undefined
  const parts = text === '' ? [] : text.split('\0')
  const mounts: string[][] = []
  for (let at = 0; at < parts.length; at += MOUNT_PARTS.length) mounts.push(parts.slice(at, at + MOUNT_PARTS.length))
  return mounts
}

/** One part of the mount chosen by number, or by a glob over its source (for the source itself: over its destination). */
function mount(part: (typeof MOUNT_PARTS)[number] | null): Source {
  const keyPart = part === 'source' ? 1 : 0
  return {
    from: 'derived',
    scope: 'container',
    reads: () => ({ container: ['mounts'] }),
    derive: (argument) => {
      const position = argument !== null && /^\d{1,4}$/.test(argument) ? Number(argument) : -1
      return (cursor) => {
        const mounts = mountsOf(cursor)
        const found =
          position >= 0
            ? mounts?.[position]
            : mounts?.find((parts) => matchesGlob(argument ?? '', parts[keyPart] ?? ''))
        if (found === undefined) return undefined
        return part === null ? found.join(':') : found[MOUNT_PARTS.indexOf(part)]
      }
    },
  }
}

/** One label by its key; of the container, or of its pod. */
export function labelReader(key: string, column: 'labels' | 'podLabels' = 'labels'): Reader {
  const start = `${key}=`
  return (cursor) =>
    argumentList(cursor.containerText(column))
      ?.find((entry) => entry.startsWith(start))
      ?.slice(start.length)
}

/** All labels as key:value, joined by commas. */
export const labelsReader =
  (column: 'labels' | 'podLabels'): Reader =>
  (cursor) =>
    argumentList(cursor.containerText(column))
      ?.map((entry) => entry.replace('=', ':'))
      .join(',')

const keyed = { ...everywhere, argument: 'key', argumentRequired: true } as const

function time(column: ColumnName, name: string, doc: string): Field {
  return field(name, 'time', doc, containerColumn(column), {
    ...everywhere,
  })
}

/** A command joined by blanks, without the word that says how Docker runs it. */
function checkText(cursor: Cursor, column: 'healthcheck' | 'livenessProbe' | 'readinessProbe'): string | undefined {
  const words = argumentList(cursor.containerText(column))
  const flags = cursor.containerNumber('containerFlags') ?? 0
  if (words === undefined) return cursor.container >= 0 && (flags & FLAGS.inspected) !== 0 ? 'NONE' : undefined
  return (column === 'healthcheck' ? words.slice(1) : words).join(' ')
}

export const CONTAINER_FIELDS: readonly Field[] = [
  field(
    'container.id',
    'string',
    'First 12 characters of the container id; "host" outside of containers.',
    orHost((cursor) => cursor.containerText('containerId')?.slice(0, SHORT_ID_CHARS)),
    everywhere,
  ),
  field(
    'container.full_id',
    'string',
    'The whole container id; "host" outside of containers.',
    orHost((cursor) => cursor.containerText('containerId')),
    { ...everywhere, ecs: 'container.id' },
  ),
  field(
    'container.name',
    'string',
    'Name of the container; "host" outside of containers.',
    orHost((cursor) => cursor.containerText('containerName')),
    { ...everywhere, ecs: 'container.name' },
  ),
  field(
    'container.type',
    'string',
    'Runtime of the container (docker, containerd, …); "host" outside of containers.',
    orHost((cursor) => cursor.containerText('containerRuntime')),
    { ...everywhere, ecs: 'container.runtime' },
  ),
  field('container.image', 'string', 'Image reference as the user gave it.', containerColumn('imageName'), {
    ...everywhere,
    ecs: 'container.image.name',
  }),
  field('container.image.id', 'string', 'Image id.', containerColumn('imageId'), everywhere),
  field(
    'container.image.repository',
    'string',
    'Repository of the image.',
    containerColumn('imageRepository'),
    everywhere,
  ),
  field('container.image.tag', 'string', 'Tag of the image.', containerColumn('imageTag'), {
    ...everywhere,
    ecs: 'container.image.tag',
  }),
  field('container.image.digest', 'string', 'Digest of the image.', containerColumn('imageDigest'), {
    ...everywhere,
    ecs: 'container.image.hash.all',
  }),
  field(
    'container.privileged',
    'boolean',
    'Runs privileged; absent until the container was inspected.',
    fromContainer(
      (cursor) => {
        if (cursor.container < 0) return false
        const value = cursor.containerNumber('privileged')
        return value === undefined ? undefined : value === 1
      },
      { container: ['privileged'] },
    ),
    { ...everywhere, ecs: 'container.security_context.privileged' },
  ),
  field(
    'container.mounts',
    'string',
    'All mounts as source:dest:mode:rdrw:propagation, joined by blanks.',
    fromContainer((cursor) =>
      mountsOf(cursor)
        ?.map((parts) => parts.join(':'))
        .join(' '),
    ),
    everywhere,
  ),
  field('container.mount', 'string', 'One mount by number or by a glob over its source.', mount(null), keyed),
  field(
    'container.mount.source',
    'string',
    'Source of the mount chosen by number or by a glob over its destination.',
    mount('source'),
    keyed,
  ),
  field(
    'container.mount.dest',
    'string',
    'Destination of the mount chosen by number or by a glob over its source.',
    mount('dest'),
    keyed,
  ),
  field(
    'container.mount.mode',
    'string',
    'Mode of the mount chosen by number or by a glob over its source.',
    mount('mode'),
    keyed,
  ),
  field(
    'container.mount.rdwr',
    'string',
    'Whether the mount is writable ("true", "false"), chosen by number or by a glob over its source.',
    mount('rdwr'),
    keyed,
  ),
  field(
    'container.mount.propagation',
    'string',
    'Propagation of the mount chosen by number or by a glob over its source.',
    mount('propagation'),
    keyed,
  ),
  field(
    'container.label',
    'string',
    'One label by its key.',
    { from: 'derived', scope: 'container', derive: (argument) => labelReader(argument ?? '') },
    keyed,
  ),
  field(
    'container.labels',
    'string',
    'All labels as key:value, joined by commas.',
    fromContainer(labelsReader('labels')),
    everywhere,
  ),
  field('container.ip', 'string', 'First address of the container.', containerColumn('containerIp'), everywhere),
  field(
    'container.host_network',
    'boolean',
    "Shares the host's network; absent until inspected.",
    flag(FLAGS.hostNetwork),
    everywhere,
  ),
  field(
    'container.host_pid',
    'boolean',
    "Shares the host's pid namespace; absent until inspected.",
    flag(FLAGS.hostPid),
    everywhere,
  ),
  field(
    'container.host_ipc',
    'boolean',
    "Shares the host's ipc namespace; absent until inspected.",
    flag(FLAGS.hostIpc),
    everywhere,
  ),
  field(
    'container.cap_add',
    'string',
    "Capabilities added to the runtime's default, joined by blanks (Seamark's own field).",
    fromContainer((cursor) => argumentList(cursor.containerText('capAdd'))?.join(' ')),
    everywhere,
  ),
  field(
    'container.healthcheck',
    'string',
    "Command of the container's health check; NONE without one, absent until inspected.",
    fromContainer((cursor) => checkText(cursor, 'healthcheck')),
    everywhere,
  ),
  field(
    'container.liveness_probe',
    'string',
    "Command of the container's liveness probe, as the last applied configuration of its pod has it; NONE without one.",
    fromContainer((cursor) => checkText(cursor, 'livenessProbe')),
    everywhere,
  ),
  field(
    'container.readiness_probe',
    'string',
    "Command of the container's readiness probe, as the last applied configuration of its pod has it; NONE without one.",
    fromContainer((cursor) => checkText(cursor, 'readinessProbe')),
    everywhere,
  ),
  time('containerStartTime', 'container.start_ts', 'Start of the container.'),
  time('containerCreatedTime', 'container.created_ts', "Creation of the container (Seamark's own field)."),
  field(
    'container.duration',
    'duration',
    'Time since the container started.',
    fromEvent([], (cursor) => {
      const start = cursor.containerTime('containerStartTime')
      return start === undefined ? undefined : Math.max(0, Number(cursor.timeNs - start))
    }),
    everywhere,
  ),
]
