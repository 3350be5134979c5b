/** Hands each host its own commands, and takes what came of them. Whose they are, the key decides and nothing else. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import type { CommandDesk } from '../../core/commands/command-desk.ts'
import { MAX_COMMANDS_AT_ONCE, MAX_RESULT_CHARS, OUTCOMES } from '../../core/model/command.ts'
import { INGEST_PATHS, MAX_COMMAND_WAIT_MS } from '../../core/model/ingest-protocol.ts'
import type { Agent } from '../agents.ts'
import type { Authentication } from '../authentication.ts'

const Query = Type.Object(
  { wait_ms: Type.Optional(Type.String({ pattern: '^[0-9]{1,6}$' })) },
  { additionalProperties: false },
)
const Results = Type.Object(
  {
    results: Type.Array(
      Type.Object(
        {
          id: Type.String({ minLength: 1, maxLength: 64 }),
          outcome: Type.Enum([...OUTCOMES]),
          message: Type.String({ maxLength: MAX_RESULT_CHARS }),
        },
        { additionalProperties: false },
      ),
      { maxItems: MAX_COMMANDS_AT_ONCE },
    ),
  },
  { additionalProperties: false },
)

const MAX_RESULTS_BYTES = 1024 * 1024

export function addCommandsRoutes(
  app: FastifyInstance,
  { desk, authentication }: { desk: CommandDesk; authentication: Authentication },
): void {
  const agentsOf = new WeakMap<FastifyRequest, Agent>()
  /** By agent: ends the question that it asked before. A host asks one at a time. */
  const asking = new Map<string, AbortController>()
  const onRequest = async (request: FastifyRequest) => {
    agentsOf.set(request, await authentication.agentOf(request))
  }

  app.get(INGEST_PATHS.commands, { onRequest, schema: { querystring: Query } }, async (request, reply) => {
    const agent = agentsOf.get(request)!
    const { wait_ms: waitMs = '0' } = request.query as Static<typeof Query>
    const gone = new AbortController()
    asking.get(agent.id)?.abort()
    asking.set(agent.id, gone)
    reply.raw.once('close', () => gone.abort())
    if (reply.raw.closed || request.raw.destroyed) gone.abort()
    try {
      const limitMs = Math.min(Number(waitMs), MAX_COMMAND_WAIT_MS)
      const commands = await desk.channel(agent.collector, agent.createdMs).next(limitMs, gone.signal)
      // It may have been revoked while it waited.
      if (commands.length > 0) await authentication.agentOf(request)
      return { commands }
    } finally {
      if (asking.get(agent.id) === gone) asking.delete(agent.id)
    }
  })

  app.post(
    INGEST_PATHS.commandResults,
    { onRequest, bodyLimit: MAX_RESULTS_BYTES, schema: { body: Results } },
    async (request) => {
      const { results } = request.body as Static<typeof Results>
      await desk.channel(agentsOf.get(request)!.collector).settle(results)
      return { settled: results.length }
    },
  )
}
