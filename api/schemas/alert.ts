/** One alert with what is behind it. */
import Type from 'typebox'
import { HitSchema } from './search.ts'

export const AlertDetailSchema = Type.Object({
  ...HitSchema.properties,
  evidence: Type.Array(HitSchema, { description: 'The events that fired the rule, as far as they are still kept.' }),
  missing: Type.Array(Type.String(), {
    description:
      'Ids of evidence that has expired, is not yet stored, or cannot be read while the search store is away.',
  }),
  ancestry: Type.Array(Type.Record(Type.String(), Type.Unknown()), {
    description: 'The processes above the one that acted, nearest first.',
  }),
})
