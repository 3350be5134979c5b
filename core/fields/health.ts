/** `health.*`: what Seamark reports about its own sight: drops, gaps, silent sources. */
import type { SourceName } from '../model/event.ts'
import { eventColumn, type Field, field } from './field.ts'
import { flatJson } from './flat-json.ts'

const HEALTH: readonly SourceName[] = ['health']

export const HEALTH_FIELDS: readonly Field[] = [
  field('health.kind', 'string', 'What the event is about (capture.drop, docker.gap, …).', eventColumn('kindName'), {
    sources: HEALTH,
    ecs: 'seamark.health.kind',
  }),
  field('health.message', 'string', 'One readable sentence.', eventColumn('message'), {
    sources: HEALTH,
    ecs: 'message',
  }),
  field('health.count', 'number', 'How many, where the event counts something.', eventColumn('count'), {
    sources: HEALTH,
    ecs: 'seamark.health.count',
  }),
  field(
    'health.attribute',
    'string',
    'One further attribute by its name.',
    {
      from: 'derived',
      scope: 'event',
      columns: ['attributes'],
      derive: (argument) => (cursor) => flatJson(cursor.text('attributes')).get(argument ?? ''),
    },
    { sources: HEALTH, argument: 'key', argumentRequired: true },
  ),
]
