/**
 * Where the hosts' agents send what they saw. Everything costly comes after who it is and how much it is; what is
 * answered with 200 is on disk behind the queue.
 */
import assert from 'node:assert'
import type { AddressInfo } from 'node:net'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { CommandDesk } from '../core/commands/command-desk.ts'
import type { Conditions } from '../core/health/conditions.ts'
import { readinessOf } from '../core/health/readiness.ts'
import { handleError, problemDocument, sendProblem } from '../core/http/problem.ts'
import type { Component } from '../core/model/component.ts'
import type { Documents } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import type { Queue } from '../core/model/queue.ts'
import { doneOrLate } from '../core/runtime/deadline.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { AgentStatuses } from './agent-statuses.ts'
import { Agents } from './agents.ts'
import { createAuthentication } from './authentication.ts'
import { Coalescer } from './coalescer.ts'
import { Envelopes } from './envelopes.ts'
import { addBatchesRoute, type BatchesOptions } from './routes/batches.ts'
import { addCommandsRoutes } from './routes/commands.ts'
import { addEnrolRoute } from './routes/enrol.ts'
import { addRulesRoute } from './routes/rules.ts'

export interface IngestOptions {
  host: string
  /** 0 takes a free one. */
  port: number
  /** PEM of certificate and key; without them plain HTTP, for networks that are trusted. */
  tls?: { certificate: string; key: string }
  queue: Queue
  documents: Documents
  conditions: Conditions
  metrics: Metrics
  /** In the Prometheus text format, brought up to date. */
  readMetrics: () => Promise<string>
  logger: FastifyBaseLogger
  /** Default 256 MiB. */
  maxInFlightBytes?: number
  /** Default 5 ms. */
  lingerMs?: number
  inFlight?: BatchesOptions['inFlight']
  nowMs?: () => number
}

export interface Ingest extends Component {
  /** `http://127.0.0.1:7328`, once started. */
  address(): string
  readonly app: FastifyInstance
}

const MAX_HEADER_BYTES = 16 * 1024
const REQUEST_TIMEOUT_MS = 60_000
const MAX_CONNECTIONS = 8_192
const GROUP_ITEMS = 256
const GROUP_BYTES = 4 * 1024 * 1024

export function createIngest(options: IngestOptions): Ingest {
  const { queue, documents, conditions, metrics, logger, nowMs = Date.now } = options
  const onError = (error: unknown) => logger.error({ err: error }, 'Ingest cannot read or write its documents')
  const agents = new Agents({ documents, nowMs })
  const statuses = new AgentStatuses({ agents, onError })
  const authentication = createAuthentication(agents, nowMs)
  const envelopes = new Envelopes({ documents, nowMs, onError })
  const coalescer = new Coalescer({
    queue,
    lingerMs: options.lingerMs ?? 5,
    maxItems: GROUP_ITEMS,
    maxBytes: GROUP_BYTES,
    onOffer: () => metrics.add('seamark_ingest_offers_total'),
  })
  const desk = new CommandDesk({ documents, nowMs, onError })
  const app: FastifyInstance = fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, allErrors: false } },
    frameworkErrors: handleError,
    ...(options.tls === undefined ? {} : { https: { cert: options.tls.certificate, key: options.tls.key } }),
  })
  app.setErrorHandler(handleError)
  app.setNotFoundHandler((_, reply) =>
    sendProblem(reply, problemDocument(404, 'E_API_NOT_FOUND', 'There is nothing at this address.')),
  )
  app.get('/healthz', async () => ({ status: 'ok' }))
  app.get('/readyz', async () => {
    await queue.depth('batches')
    await documents.get('agents', '')
    return readinessOf(conditions)
  })
  app.get('/metrics', async (_, reply) => reply.type(metrics.registry.contentType).send(await options.readMetrics()))
  const maxInFlightBytes = options.maxInFlightBytes ?? 256 * 1024 * 1024
  addBatchesRoute(app, {
    statuses,
    authentication,
    coalescer,
    envelopes,
    conditions,
    metrics,
    maxInFlightBytes,
    ...(options.inFlight === undefined ? {} : { inFlight: options.inFlight }),
    nowMs,
  })
  addEnrolRoute(app, agents)
  addRulesRoute(app, { documents, authentication })
  addCommandsRoutes(app, { desk, authentication })

  return {
    app,

    async start() {
      await envelopes.start()
      await desk.start()
      await statuses.start()
      app.server.maxConnections = MAX_CONNECTIONS
      try {
        await app.listen({ host: options.host, port: options.port })
      } catch (cause) {
        const message = `ingest cannot listen on ${options.host}:${options.port}: ${(cause as Error).message}`
        throw new AppError('E_INGEST_UNAVAILABLE', message, { cause })
      }
    },

    async stop(deadlineMs) {
      // Those who wait for commands are answered, so that their connections can end.
      await desk.stop()
      await doneOrLate(deadlineMs, app.close())
      await envelopes.stop()
      await statuses.stop()
    },

    address() {
      const found = app.server.address() as AddressInfo | null
      assert(found !== null, 'ingest is not started')
      const name = found.address === '0.0.0.0' || found.address === '::' ? '127.0.0.1' : found.address
      const scheme = options.tls === undefined ? 'http' : 'https'
      return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${found.port}`
    },
  }
}
