/** What is wrong with Seamark itself. */
import Type from 'typebox'

export const ConditionsSchema = Type.Object({
  conditions: Type.Array(
    Type.Object({
      condition: Type.String({ description: 'Its name; docs/reference/conditions.md lists all.' }),
      subject: Type.String({
        description: "What it is about where there are several, such as a host's name; else empty.",
      }),
      part: Type.String({ description: 'The process or thread that found it.' }),
      means: Type.String(),
      why: Type.String(),
      fix: Type.String(),
      since: Type.String({ format: 'date-time' }),
    }),
    { description: 'Those that hold now, the oldest first.' },
  ),
})
