/** When an event happened, in the forms that rules and outputs ask for. */
import { always, everySource, type Field, field } from './field.ts'
import { dateTimeText, isoText, secondsText, timeText } from './time-text.ts'

const asText = (print: (ns: bigint) => string) => always((cursor) => print(cursor.timeNs))

export const EVT_TIME_FIELDS: readonly Field[] = [
  field('evt.time', 'string', 'Time of day with nanoseconds, UTC.', asText(timeText), everySource),
  field(
    'evt.time.s',
    'string',
    'Time of day in whole seconds, UTC.',
    asText((ns) => secondsText(ns)),
    everySource,
  ),
  field('evt.time.iso8601', 'string', 'Date and time in ISO 8601 with nanoseconds, UTC.', asText(isoText), everySource),
  field('evt.datetime', 'string', 'Date and time with nanoseconds, UTC.', asText(dateTimeText), everySource),
  field(
    'evt.datetime.s',
    'string',
    'Date and time in whole seconds, UTC.',
    asText((ns) => dateTimeText(ns).slice(0, 19)),
    everySource,
  ),
  field(
    'evt.rawtime',
    'time',
    'Event time in ns since the Unix epoch.',
    always((cursor) => cursor.timeNs),
    { ...everySource, ecs: '@timestamp' },
  ),
  field(
    'evt.rawtime.s',
    'time',
    'Seconds since the Unix epoch.',
    always((cursor) => cursor.timeNs / 1_000_000_000n),
    everySource,
  ),
  field(
    'evt.rawtime.ns',
    'time',
    'Nanoseconds within the second.',
    always((cursor) => cursor.timeNs % 1_000_000_000n),
    everySource,
  ),
]
