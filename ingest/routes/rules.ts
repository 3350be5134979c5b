/** Hands the deployment's rules to the hosts, which filter and capture by them. */
import type { FastifyInstance } from 'fastify'
import { ApiProblem } from '../../core/http/problem.ts'
import type { Documents } from '../../core/model/documents.ts'
import { INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import { ACTIVE_RULES, type ActiveRules, type PublishedRules, RULES_SPACE } from '../../core/model/published-rules.ts'
import type { Authentication } from '../authentication.ts'

export function addRulesRoute(
  app: FastifyInstance,
  { documents, authentication }: { documents: Documents; authentication: Authentication },
): void {
  app.get(INGEST_PATHS.rules, {
    onRequest: async (request) => {
      await authentication.agentOf(request)
    },
    handler: async (request, reply) => {
      const active = (await documents.get(RULES_SPACE, ACTIVE_RULES))?.value as ActiveRules | undefined
      if (active === undefined) throw new ApiProblem(404, 'E_API_NOT_FOUND', 'no rules were published yet')
      const etag = `"${active.version}"`
      if (request.headers['if-none-match'] === etag) return reply.code(304).send()
      const found = (await documents.get(RULES_SPACE, active.version))?.value as PublishedRules | undefined
      if (found === undefined) throw new ApiProblem(404, 'E_API_NOT_FOUND', `the rules ${active.version} are gone`)
      return reply.header('etag', etag).send(found)
    },
  })
}
