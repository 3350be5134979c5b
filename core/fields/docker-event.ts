/** `event.action` and `docker.*`: what the Docker engine reported. */
import type { SourceName } from '../model/event.ts'
import { always, eventColumn, everySource, type Field, field, fromEvent } from './field.ts'
import { flatJson } from './flat-json.ts'

const DOCKER: readonly SourceName[] = ['docker']

export const DOCKER_FIELDS: readonly Field[] = [
  field(
    'event.action',
    'string',
    'What happened: the action of a Docker event, the kind of a health event or a command, else the event type.',
    always((cursor) => cursor.text('action') ?? cursor.text('kindName') ?? cursor.type),
    { ...everySource, ecs: 'event.action' },
  ),
  field(
    'docker.type',
    'string',
    'What the event is about: container, image, network, volume, …',
    eventColumn('objectType'),
    { sources: DOCKER, ecs: 'docker.type' },
  ),
  field('docker.id', 'string', 'Id of what the event is about.', eventColumn('objectId'), {
    sources: DOCKER,
    ecs: 'docker.id',
  }),
  field(
    'docker.attribute',
    'string',
    'One attribute of the event by its name.',
    {
      from: 'derived',
      scope: 'event',
      columns: ['attributes'],
      derive: (argument) => (cursor) => flatJson(cursor.text('attributes')).get(argument ?? ''),
    },
    { sources: DOCKER, argument: 'key', argumentRequired: true },
  ),
  field(
    'docker.attributes',
    'string',
    'All attributes as key=value, joined by blanks.',
    fromEvent(['attributes'], (cursor) => {
      const entries = flatJson(cursor.text('attributes'))
      return entries.size === 0 ? undefined : [...entries].map(([key, value]) => `${key}=${value}`).join(' ')
    }),
    { sources: DOCKER },
  ),
]
