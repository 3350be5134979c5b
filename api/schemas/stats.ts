/** Counts of documents over fields and time. */
import Type from 'typebox'
import { FilterParameters } from './search.ts'

export const STATS_KINDS = ['event', 'detection', 'alert'] as const

export const StatsQuerySchema = Type.Object(
  {
    ...FilterParameters,
    kind: Type.Enum([...STATS_KINDS], { default: 'detection', description: 'What is counted.' }),
    by: Type.Optional(
      Type.String({
        maxLength: 300,
        pattern: '^[A-Za-z0-9@_.-]+(,[A-Za-z0-9@_.-]+){0,2}$',
        description: 'Up to three fields, such as `rule.name,log.level`.',
      }),
    ),
    interval: Type.Optional(
      Type.String({
        pattern: '^[1-9][0-9]{0,5}[smhd]$',
        description: 'Width of the buckets: `30s`, `5m`, `1h`, `1d`.',
      }),
    ),
    limit: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 1_000,
      description: 'Most buckets, largest first without interval.',
    }),
  },
  { additionalProperties: false },
)

export const StatsSchema = Type.Object({
  by: Type.Array(Type.String()),
  interval: Type.Optional(Type.String()),
  total: Type.Integer({ description: 'Sum of all counts, also of buckets beyond the limit.' }),
  truncated: Type.Boolean(),
  buckets: Type.Array(
    Type.Object({
      key: Type.Array(Type.Union([Type.String(), Type.Number(), Type.Null()]), {
        description: 'Values in the order of `by`; null where a document has none.',
      }),
      from: Type.Optional(Type.String({ format: 'date-time', description: 'Start of the interval.' })),
      count: Type.Integer(),
    }),
  ),
})
