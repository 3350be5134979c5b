/** The arguments of an event's call, and the fields of `evt.*` that ask about one given in brackets. */
import { ARGUMENT_NAMES, argumentsText, argumentText } from './event-arguments.ts'
import { firstPath, secondPath } from './event-path.ts'
import { always, everySource, type Field, field, type Keys } from './field.ts'
import { KNOWN_EVENT_NAMES } from './unseen-events.ts'

const ARGUMENTS: Keys = {
  has: (text) => ARGUMENT_NAMES.has(text) || /^\d{1,3}$/.test(text),
  are: 'the name or the position of an argument',
}
const EVENT_NAMES: Keys = {
  has: (text) => KNOWN_EVENT_NAMES.has(text),
  are: 'the name of a system call or event',
}
const TWO_ENDS: Keys = { has: (text) => text === 'src' || text === 'dst', are: 'src or dst' }
const TIMES: Keys = { has: (text) => /^\d{1,19}$/.test(text), are: 'a time in ns since the Unix epoch' }

export const EVT_ARGUMENT_FIELDS: readonly Field[] = [
  field('evt.args', 'string', 'All arguments as name=value.', always(argumentsText)),
  field('evt.info', 'string', 'The same as evt.args.', always(argumentsText)),
  field(
    'evt.arg',
    'string',
    'One argument by name (evt.arg.name, evt.arg[name]) or position (evt.arg[0]), in readable form.',
    {
      from: 'derived',
      scope: 'event',
      derive: (argument) => {
        const read = argumentText(argument)
        return (cursor) => {
          const value = read(cursor)
          return value?.shown ?? value?.raw
        }
      },
    },
    { argument: 'key', argumentRequired: true, keys: ARGUMENTS },
  ),
  field(
    'evt.rawarg',
    'string',
    'One argument by name (evt.rawarg.flags, evt.rawarg[flags]) or position, as the call had it: numbers stay numbers.',
    {
      from: 'derived',
      scope: 'event',
      derive: (argument) => {
        const read = argumentText(argument)
        return (cursor) => read(cursor)?.raw
      },
    },
    { argument: 'key', argumentRequired: true, keys: ARGUMENTS, rightSide: false },
  ),
  field(
    'evt.type.is',
    'number',
    '1 for events of the type named (evt.type.is.openat, evt.type.is[openat]), 0 for others.',
    { from: 'derived', scope: 'event', derive: (argument) => (cursor) => (cursor.type === argument ? 1 : 0) },
    { argument: 'key', argumentRequired: true, keys: EVENT_NAMES, ...everySource },
  ),
  field(
    'evt.abspath',
    'string',
    'Absolute path of a call on paths; evt.abspath.src and evt.abspath.dst are the old and the new one of calls with two.',
    {
      from: 'derived',
      scope: 'event',
      columns: ['rawPath'],
      derive: (argument) => (argument === 'dst' ? secondPath : firstPath),
    },
    { argument: 'key', keys: TWO_ENDS },
  ),
  field(
    'evt.around',
    'number',
    'Time between the event and the one given in brackets (ns since the Unix epoch), in ms; = asks for at most as much.',
    {
      from: 'derived',
      scope: 'event',
      derive: (argument) => {
        const center = BigInt(argument ?? 0)
        return (cursor) => Math.abs(Number(cursor.timeNs - center)) / 1e6
      },
    },
    { argument: 'key', argumentRequired: true, keys: TIMES, rightSide: false, printable: false, ...everySource },
  ),
]
