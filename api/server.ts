/**
 * The REST API: reads the search store and the feed, and changes nothing. It answers only for hosts it knows, only to
 * its own origin, and with JSON; every mistake and every limit is a problem document.
 */
import assert from 'node:assert'
import type { AddressInfo, Socket } from 'node:net'
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { handleError, problemDocument, sendProblem } from '../core/http/problem.ts'
import type { Component } from '../core/model/component.ts'
import { AppError } from '../core/model/errors.ts'
import type { Feed } from '../core/model/feed.ts'
import type { SearchStore } from '../core/model/search-store.ts'
import { doneOrLate } from '../core/runtime/deadline.ts'
import type { CheckField, ParseKql } from './filter.ts'
import { describeApi, type RouteDescription } from './openapi.ts'
import { createOriginCheck } from './origin.ts'
import { addAlertRoute } from './routes/alert.ts'
import {
  addOperationRoutes,
  type OperationOptions,
  type ReadConditions,
  type ReadinessCheck,
} from './routes/operation.ts'
import { addSearchRoute } from './routes/search.ts'
import { addStatsRoute } from './routes/stats.ts'
import { addTailRoute } from './routes/tail.ts'

export type { CheckField, ParseKql, ReadinessCheck }

export interface ApiOptions {
  /** Default 127.0.0.1. */
  host?: string
  /** 0 takes a free one. */
  port: number
  /** Names, besides the address itself and localhost, that a Host header may carry. */
  allowedHosts?: readonly string[]
  store: SearchStore
  feed: Feed
  /** Refuses fields that no document has. */
  parseKql: ParseKql
  /** The same for fields that counts are asked by. Default: any may be. */
  checkField?: CheckField
  readiness?: readonly ReadinessCheck[]
  /** What is wrong with this Seamark now. Default: nothing is known to be. */
  readConditions?: ReadConditions
  /** A prom-client registry, or anything that prints like one. */
  metrics: OperationOptions['metrics']
  version: string
  logger?: FastifyBaseLogger
  /** Clients that may follow at the same time. Default 64. */
  maxTails?: number
  /** Default 15 s. */
  heartbeatMs?: number
  /** Open connections; further ones are closed at once. Default 512. */
  maxConnections?: number
}

export interface Api extends Component {
  /** `http://127.0.0.1:7327`, once started. */
  address(): string
  /** The OpenAPI description, as `/openapi.json` serves it; needs no start. */
  describe(): ReturnType<typeof describeApi>
  /** The server behind it, for tests that need no socket. */
  readonly app: FastifyInstance
}

/** All headers of a request together; a filter of the longest allowed length fits, percent-encoded. */
const MAX_HEADER_BYTES = 32 * 1024
const MAX_BODY_BYTES = 1024
const REQUEST_TIMEOUT_MS = 30_000

export function createApi(options: ApiOptions): Api {
  const { host = '127.0.0.1', store, feed, parseKql } = options
  const stopped = new AbortController()
  const routes: RouteDescription[] = []
  const app = fastify({
    ...(options.logger === undefined ? { logger: false } : { loggerInstance: options.logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    http: { maxHeaderSize: MAX_HEADER_BYTES },
    routerOptions: { maxParamLength: 1024 },
    // Unknown parameters are mistakes to be told about, not to be dropped.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true, allErrors: false } },
    frameworkErrors: handleError,
    clientErrorHandler: refuseBrokenRequest,
  })
  const checkOrigin = createOriginCheck({ host, allowedHosts: options.allowedHosts ?? [] })

  // Bodies are free-form; the schemas of answers describe them, and do not cut them.
  app.setSerializerCompiler(() => (value) => JSON.stringify(value))
  app.setErrorHandler(handleError)
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers({
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'x-content-type-options': 'nosniff',
    })
    checkOrigin(request)
  })
  app.addHook('onRoute', ({ method, url, schema }) => {
    if (method === 'GET') routes.push({ method, url, schema: (schema ?? {}) as RouteDescription['schema'] })
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!
    const known = routes.some(({ url }) =>
      new RegExp(`^${url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`).test(path),
    )
    if (!known) return sendProblem(reply, problemDocument(404, 'E_API_NOT_FOUND', 'There is nothing at this address.'))
    void reply.header('allow', 'GET, HEAD')
    return sendProblem(reply, problemDocument(405, 'E_API_METHOD', `${request.method} is not possible here.`))
  })

  addSearchRoute(app, { url: '/api/v1/events', kind: 'event', summary: 'Search events' }, { store, parseKql })
  addSearchRoute(app, { url: '/api/v1/alerts', kind: 'alert', summary: 'Search alerts' }, { store, parseKql })
  addAlertRoute(app, { store })
  addStatsRoute(app, { store, parseKql, checkField: options.checkField ?? (() => null) })
  const { maxTails = 64, heartbeatMs = 15_000, readiness = [], readConditions = async () => [] } = options
  const { metrics, version } = options
  addTailRoute(app, { feed, parseKql, maxTails, heartbeatMs, stopped: stopped.signal })
  addOperationRoutes(app, { readiness, readConditions, metrics, version, routes })

  return {
    app,

    describe: () => describeApi(version, routes),

    async start() {
      if (app.server.listening) return
      app.server.maxConnections = options.maxConnections ?? 512
      try {
        await app.listen({ host, port: options.port })
      } catch (cause) {
        const message = `the API cannot listen on ${host}:${options.port}: ${(cause as Error).message}`
        throw new AppError('E_API_UNAVAILABLE', message, { cause })
      }
    },

    async stop(deadlineMs) {
      stopped.abort()
      await doneOrLate(deadlineMs, app.close())
    },

    address() {
      const found = app.server.address() as AddressInfo | null
      assert(found !== null, 'the API is not started')
      const name = found.address === '0.0.0.0' || found.address === '::' ? '127.0.0.1' : found.address
      return `http://${name.includes(':') ? `[${name}]` : name}:${found.port}`
    },
  }
}

/** What Node could not read as a request never reaches a route. */
function refuseBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) {
    socket.destroy()
    return
  }
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW'
  const problem = tooLarge
    ? problemDocument(431, 'E_API_TOO_LARGE', `The headers of a request may have ${MAX_HEADER_BYTES} bytes.`)
    : problemDocument(400, 'E_API_REQUEST', 'This is not an HTTP request.')
  const body = JSON.stringify(problem)
  socket.end(
    `HTTP/1.1 ${problem.status} ${tooLarge ? 'Request Header Fields Too Large' : 'Bad Request'}\r\n` +
      `Content-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
