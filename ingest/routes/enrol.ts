/** Enrols the key that a host made for itself, for a token that works once. */
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { ApiProblem } from '../../core/http/problem.ts'
import { AppError } from '../../core/model/errors.ts'
import { INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import type { Agents } from '../agents.ts'

const Body = Type.Object(
  {
    token: Type.String({ maxLength: 200 }),
    collector: Type.String({ minLength: 1, maxLength: 128 }),
    agent: Type.String({ maxLength: 16 }),
    digest: Type.String({ maxLength: 64 }),
  },
  { additionalProperties: false },
)

export const MAX_ENROL_BYTES = 4 * 1024

export function addEnrolRoute(app: FastifyInstance, agents: Agents): void {
  app.post(INGEST_PATHS.enrol, { bodyLimit: MAX_ENROL_BYTES, schema: { body: Body } }, async (request, reply) => {
    const { token, collector, agent: id, digest } = request.body as Static<typeof Body>
    try {
      const agent = await agents.enrol(token, collector, { id, digest })
      return await reply.code(201).send({ agent: agent.id, collector: agent.collector })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      const { code, message } = error
      if (code === 'E_INGEST_TOKEN') throw new ApiProblem(401, code, message, [{ field: 'token', message }])
      if (code === 'E_INGEST_NAME_TAKEN') throw new ApiProblem(409, code, message, [{ field: 'collector', message }])
      if (code === 'E_API_REQUEST') throw new ApiProblem(400, code, message, [{ field: 'collector', message }])
      throw error
    }
  })
}
