/**
 * `/api/v1/tail`: what happens, as it happens, as server-sent events (HTML standard, "Server-sent events"). A client that
 * reads too slowly is told how many it missed; comments keep the connection alive.
 */
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FastifyInstance, FastifyReply } from 'fastify'
import Type, { type Static } from 'typebox'
import { ApiProblem } from '../../core/http/problem.ts'
import type { Feed, FeedItem } from '../../core/model/feed.ts'
import type { DocKind } from '../../core/model/search-store.ts'
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
      description:
        'Which documents, separated by commas: every event that is judged, every detection, every new version of an alert.',
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
      const kql = readFilter(query.filter, parseKql) ?? null
      // The pattern of the parameter lets nothing else through.
      const kinds = query.kinds.split(',') as DocKind[]
      if (tails >= maxTails) throw new ApiProblem(503, 'E_API_BUSY', `${maxTails} clients follow already.`)
      tails += 1
      const closed = new AbortController()
      try {
        raw.socket.once('close', () => closed.abort())
        const signal = AbortSignal.any([closed.signal, stopped])
        // Subscribed before the headers go out: a client that has them misses nothing.
        const items = feed.subscribe({ kinds, kql }, signal)
        await follow(items, reply, heartbeatMs, signal)
      } catch (error) {
        // Until the reply is hijacked there is a client to tell; afterwards only a log.
        if (!reply.sent) throw error
        if (!closed.signal.aborted && !stopped.aborted) app.log.error({ err: error }, 'A tail failed')
      } finally {
        closed.abort()
        tails -= 1
      }
    },
  )
}

/** Writes items until the signal is aborted. */
async function follow(
  items: AsyncIterable<FeedItem | { missed: number }>,
  reply: FastifyReply,
  heartbeatMs: number,
  signal: AbortSignal,
): Promise<void> {
  reply.hijack()
  const response = reply.raw
  const heartbeat = setInterval(() => {
    // A comment behind an unread backlog would only make that longer.
    if (!response.writableNeedDrain) response.write(': alive\n\n')
  }, heartbeatMs)
  try {
    for (const [name, value] of Object.entries(reply.getHeaders()))
      if (value !== undefined) response.setHeader(name, value)
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' })
    response.write(': connected\n\n')
    for await (const item of items) {
      if (!response.write(message(item))) await drained(response, signal)
    }
  } finally {
    clearInterval(heartbeat)
    response.end()
  }
}

function message(item: FeedItem | { missed: number }): string {
  if ('missed' in item) return `event: missed\ndata: ${JSON.stringify(item)}\n\n`
  const { kind, id, timeMs, body } = item
  // JSON holds no line break, which would end the field; an id could.
  const data = JSON.stringify({ kind, id, time: new Date(timeMs).toISOString(), body })
  return `event: ${kind}\ndata: ${data}\n\n`
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (response.destroyed) return
  await once(response, 'drain', { signal })
}
