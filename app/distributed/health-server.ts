/** Health and metrics of a process that has no API of its own. */
import fastify, { LogController } from 'fastify'
import type { Conditions } from '../../core/health/conditions.ts'
import { readinessOf } from '../../core/health/readiness.ts'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import { doneOrLate } from '../../core/runtime/deadline.ts'
import type { Logger } from '../../core/runtime/logging.ts'

export interface HealthServerOptions {
  host: string
  port: number
  logger: Logger
  /** In the Prometheus text format. */
  readMetrics: () => Promise<string>
  /** Throws when the process cannot do its work now. */
  check: () => Promise<void>
  /** What is wrong though it can; named in its answer. */
  conditions?: Pick<Conditions, 'current'>
}

const NONE = { current: () => [] }

const REQUEST_TIMEOUT_MS = 10_000

export function createHealthServer({
  host,
  port,
  logger,
  readMetrics,
  check,
  conditions = NONE,
}: HealthServerOptions): Component {
  const app = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 1024,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
  })
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async (_, reply) => {
    try {
      await check()
      return readinessOf(conditions)
    } catch (error) {
      return reply.code(503).send({ status: 'not ready', reason: (error as Error).message })
    }
  })
  app.get('/metrics', async (_, reply) => reply.type('text/plain; version=0.0.4').send(await readMetrics()))
  return {
    async start() {
      try {
        await app.listen({ host, port })
      } catch (cause) {
        const message = `health cannot listen on ${host}:${port} (health.port): ${(cause as Error).message}`
        throw new AppError('E_API_UNAVAILABLE', message, { cause })
      }
    },
    async stop(deadlineMs) {
      await doneOrLate(deadlineMs, app.close())
    },
  }
}
