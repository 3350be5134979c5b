/** `/healthz`, `/readyz`, `/metrics` and `/openapi.json`: what runs the API asks about it. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { withinTime } from '../../core/runtime/deadline.ts'
import type { RouteDescription } from '../openapi.ts'
import { describeApi } from '../openapi.ts'
import { ConditionsSchema } from '../schemas/conditions.ts'

export type ReadConditions = () => Promise<Static<typeof ConditionsSchema>['conditions']>

/** A named condition for being ready; the reason when it does not hold. */
export interface ReadinessCheck {
  name: string
  check(): Promise<{ ok: boolean; reason?: string }>
}

export interface OperationOptions {
  readiness: readonly ReadinessCheck[]
  /** What is wrong with this Seamark now, whichever of its processes found it. */
  readConditions: ReadConditions
  /** Prometheus text and its content type. */
  metrics: { contentType: string; metrics(): Promise<string> }
  version: string
  routes: readonly RouteDescription[]
}

/** A check that hangs must not make the probe hang. */
const CHECK_TIMEOUT_MS = 2_000

export function addOperationRoutes(app: FastifyInstance, options: OperationOptions): void {
  app.get('/healthz', { schema: { summary: 'The process answers' } }, async () => ({ status: 'ok' }))

  app.get('/readyz', { schema: { summary: 'Everything that is needed works' } }, async (_request, reply) => {
    const checks = await Promise.all(
      options.readiness.map(async ({ name, check }) => ({ name, ...(await outcomeOf(check)) })),
    )
    const ok = checks.every((check) => check.ok)
    // Conditions are told and do not make it unready: asking another process, or starting this one again, mends none.
    const { conditions } = await conditionsWithin(options.readConditions)
    const status = ok ? (conditions.length === 0 ? 'ok' : 'degraded') : 'not ready'
    return reply.code(ok ? 200 : 503).send({ status, checks, conditions })
  })

  app.get(
    '/api/v1/conditions',
    { schema: { summary: 'What is wrong with Seamark itself', response: { 200: ConditionsSchema } } },
    async () => ({ conditions: await options.readConditions() }),
  )

  app.get(
    '/metrics',
    { schema: { summary: 'Prometheus metrics', produces: ['text/plain'] } },
    async (_request, reply) => reply.type(options.metrics.contentType).send(await options.metrics.metrics()),
  )

  app.get('/openapi.json', { schema: { summary: 'This description' } }, async () =>
    describeApi(options.version, options.routes),
  )
}

/** None where they cannot be read now: a check says so already. */
async function conditionsWithin(read: ReadConditions): Promise<{ conditions: Awaited<ReturnType<ReadConditions>> }> {
  return { conditions: await withinTime(CHECK_TIMEOUT_MS, read()).catch(() => []) }
}

async function outcomeOf(check: ReadinessCheck['check']): Promise<{ ok: boolean; reason?: string }> {
  try {
    return await withinTime(CHECK_TIMEOUT_MS, check())
  } catch (error) {
    return { ok: false, reason: (error as Error).message }
  }
}
