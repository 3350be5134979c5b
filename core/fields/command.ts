/** `command.*`: what came of a command that a host was given. */
import type { SourceName } from '../model/event.ts'
import { eventColumn, type Field, field } from './field.ts'

const COMMAND: readonly SourceName[] = ['command']

export const COMMAND_FIELDS: readonly Field[] = [
  field('command.id', 'string', 'Id of the command.', eventColumn('position'), {
    sources: COMMAND,
    ecs: 'seamark.command.id',
  }),
  field('command.kind', 'string', 'What was to be done, such as ping.', eventColumn('kindName'), {
    sources: COMMAND,
    ecs: 'seamark.command.kind',
  }),
  field('command.outcome', 'string', 'done, failed, expired, interrupted or refused.', eventColumn('outcome'), {
    sources: COMMAND,
    ecs: 'seamark.command.outcome',
  }),
  field('command.message', 'string', 'What came of it, or why nothing did.', eventColumn('message'), {
    sources: COMMAND,
    ecs: 'message',
  }),
]
