/**
 * `/api/v1/tail`: what happens, as it happens, as server-sent events (HTML standard, "Server-sent events"). A client that
 * reads too slowly is told how many it missed; comments keep the connection alive.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import Type, { type Static } from 'typebox'
import { ApiProblem } from '../../core/http/problem.ts'
import type { Feed, FeedItem } from '../../core/model/feed.ts'
import { type ParseKql, readFilter } from '../filter.ts'
import { MAX_FILTER_CHARS } from '../schemas/search.ts'

export interface TailOptions {
  feed: Feed
  parseKql: ParseKql
  maxTails: number
  heartbeatMs: number
  /** Aborted when the API stops. */
  stopped: AbortSignal
}

const KINDS = ['event', 'detection', 'alert'] as const

const TailQuerySchema = Type.Object(
  {
    filter: Type.Optional(Type.String({ maxLength: MAX_FILTER_CHARS, description: 'KQL over ECS fields.' })),
    kinds: Type.String({
      default: 'alert',
      maxLength: 40,
      pattern: `^(${KINDS.join('|')})(,(${KINDS.join('|')})){0,2}$`,
      description: 'Which documents, separated by commas.',
    }),
  },
  { additionalProperties: false },
)

export function addTailRoute(app: FastifyInstance, options: TailOptions): void {
  const { feed, parseKql, maxTails, heartbeatMs, stopped } = options
  const schema = {
    summary: 'Live documents as server-sent events',
    querystring: TailQuerySchema,
    produces: ['text/event-stream'],
  }
  let tails = 0
  app.get<{ Querystring: Static<typeof TailQuerySchema> }>(
    '/api/v1/tail',
    { schema, exposeHeadRoute: false },
    async ({ query, raw }, reply) => {
      const filter = readFilter(query.filter, parseKql) ?? null
      const kinds = new Set<string>(query.kinds.split(','))
      if (tails >= maxTails) throw new ApiProblem(503, 'E_API_BUSY', `${maxTails} clients follow already.`)
      tails += 1
      const closed = new AbortController()
      raw.socket.once('close', () => closed.abort())
      const signal = AbortSignal.any([closed.signal, stopped])
      // Subscribed before the headers go out: a client that has them misses nothing.
      const items = feed.subscribe(filter, signal)
      reply.hijack()
      const response = reply.raw
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) response.setHeader(name, value)
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
      response.write(': connected\n\n')
      const heartbeat = setInterval(() => {
        // A comment behind an unread backlog would only make that longer.
        if (!response.writableNeedDrain) response.write(': alive\n\n')
      }, heartbeatMs)
      try {
        for await (const item of items) {
          const text = message(item, kinds)
          if (text !== undefined && !response.write(text)) await drained(response, signal)
        }
      } catch (error) {
        if (!signal.aborted) app.log.error({ err: error }, 'A tail failed')
      } finally {
        clearInterval(heartbeat)
        tails -= 1
        response.end()
      }
    },
  )
}

function message(item: FeedItem | { missed: number }, kinds: ReadonlySet<string>): string | undefined {
  if ('missed' in item) return `event: missed\ndata: ${JSON.stringify(item)}\n\n`
  const { kind, id, timeMs, body } = item
  if (!kinds.has(kind)) return undefined
  // JSON holds no line break, which would end the field; an id could.
  const data = JSON.stringify({ kind, id, time: new Date(timeMs).toISOString(), body })
  return `event: ${kind}\ndata: ${data}\n\n`
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (response.destroyed) return
  await once(response, 'drain', { signal })
}
