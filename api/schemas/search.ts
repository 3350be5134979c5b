/** Parameters and answers of the addresses that search. */
import Type from 'typebox'

export const MAX_FILTER_CHARS = 8_000

const filter = Type.Optional(
  Type.String({
    maxLength: MAX_FILTER_CHARS,
    description: 'KQL over ECS fields, as in Kibana; none matches everything.',
  }),
)
const from = Type.Optional(Type.String({ maxLength: 40, description: 'Oldest event time, inclusive; ISO 8601.' }))
const to = Type.Optional(Type.String({ maxLength: 40, description: 'Newest event time, exclusive; ISO 8601.' }))

export const FilterParameters = { filter, from, to }

export const SearchQuerySchema = Type.Object(
  {
    ...FilterParameters,
    limit: Type.Integer({ minimum: 1, maximum: 1000, default: 50, description: 'Most documents of one page.' }),
    cursor: Type.Optional(
      Type.String({ maxLength: 4096, description: '`next` of the page before; everything else must stay the same.' }),
    ),
  },
  { additionalProperties: false },
)

export const HitSchema = Type.Object({
  id: Type.String(),
  time: Type.String({ format: 'date-time', description: 'Event time, ms precision.' }),
  body: Type.Record(Type.String(), Type.Unknown(), { description: 'The document, nested under ECS names.' }),
})

export const PageSchema = Type.Object({
  hits: Type.Array(HitSchema, { description: 'Newest first.' }),
  next: Type.Optional(Type.String({ description: 'Cursor of the next page; absent on the last.' })),
  notice: Type.Optional(
    Type.String({ description: 'Why this is not the whole answer, such as a search store that is away.' }),
  ),
})

export const IdSchema = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 512 }) },
  { additionalProperties: false },
)
