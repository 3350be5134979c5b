/** RFC 9457, with our code and the parameters at fault. */
import Type from 'typebox'

export const ProblemSchema = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  code: Type.String({ description: 'Stable; docs/reference/errors.md lists all.' }),
  detail: Type.String(),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String(),
        message: Type.String(),
        position: Type.Optional(Type.Integer({ description: 'Where in the text, from 0.' })),
        hint: Type.Optional(Type.String()),
      }),
    ),
  ),
})
