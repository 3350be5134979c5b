/** Takes batches from the agent of a host; answers 200 only when all of them are durable. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { splitFrames } from '../../core/batch/frames.ts'
import { inflatedBytes, readHeader } from '../../core/batch/seal.ts'
import type { Conditions } from '../../core/health/conditions.ts'
import { ApiProblem } from '../../core/http/problem.ts'
import { AppError } from '../../core/model/errors.ts'
import {
  BATCHES_TYPE,
  INGEST_PATHS,
  MAX_MESSAGE_BATCHES,
  MAX_MESSAGE_BYTES,
  MAX_MESSAGE_INFLATED_BYTES,
  RULESET_HEADER,
  SENT_HEADER,
} from '../../core/model/ingest-protocol.ts'
import type { Item } from '../../core/model/queue.ts'
import type { Metrics } from '../../core/runtime/metrics.ts'
import { safeText } from '../../core/runtime/safe-text.ts'
import type { AgentStatuses } from '../agent-statuses.ts'
import type { Agent } from '../agents.ts'
import type { Authentication } from '../authentication.ts'
import type { Coalescer } from '../coalescer.ts'
import type { Envelopes } from '../envelopes.ts'
import { type Admission, InFlight, type InFlightOptions } from '../in-flight.ts'

export interface BatchesOptions {
  statuses: AgentStatuses
  authentication: Authentication
  coalescer: Coalescer
  envelopes: Envelopes
  conditions: Conditions
  metrics: Metrics
  /** Bytes of requests that may be in memory at the same time. */
  maxInFlightBytes: number
  inFlight?: Pick<InFlightOptions, 'graceMs'>
  nowMs?: () => number
}

/** How long a host waits when told so, in s. */
const RETRY_AFTER_S = 2
/** What a request took on its way is part of what is seen; synchronised hosts are far below. */
const MAX_SKEW_MS = 30_000
/** So long a loss is told of after it came. */
const LOSS_TOLD_MS = 60_000
const MAX_TOLD_LOSSES = 8
/** Reasons that collectors and shippers give. */
const LOSSES: ReadonlySet<string> = new Set([
  'spool_full',
  'too_large',
  'ring_full_process',
  'ring_full_bulk',
  'budget',
  'sequence_gap',
  'unusable',
  'sink_failed',
])
/** So long what was seen of a host's clock counts; a host that watches sends every few seconds. */
const SKEW_GOOD_MS = 60_000

export function addBatchesRoute(app: FastifyInstance, options: BatchesOptions): void {
  const { authentication, coalescer, envelopes, conditions, metrics, nowMs = Date.now } = options
  const agentsOf = new WeakMap<FastifyRequest, Agent>()
  const inFlight = new InFlight({ metrics, maxBytes: options.maxInFlightBytes, ...options.inFlight })
  const admissions = new WeakMap<FastifyRequest, Admission>()

  app.addContentTypeParser(
    BATCHES_TYPE,
    { parseAs: 'buffer', bodyLimit: MAX_MESSAGE_BYTES },
    async (_: unknown, body: Buffer) => body,
  )

  app.post(INGEST_PATHS.batches, {
    // Who it is and how much it will be, before a byte of the body is read.
    onRequest: async (request, reply) => {
      const agent = await authentication.agentOf(request)
      agentsOf.set(request, agent)
      const length = Number(request.headers['content-length'] ?? Number.NaN)
      if (!Number.isInteger(length))
        throw new ApiProblem(411, 'E_API_REQUEST', 'the request must say its content-length')
      if (length > MAX_MESSAGE_BYTES)
        throw new ApiProblem(413, 'E_API_TOO_LARGE', `a message may have ${MAX_MESSAGE_BYTES} bytes`)
      // A client that left while its key was looked up has closed already, and will not close again.
      if (request.raw.destroyed || reply.raw.closed) throw new ApiProblem(400, 'E_API_REQUEST', 'the client has left')
      const admission = inFlight.admit(agent.id, length, () => request.raw.destroy())
      if (admission === null) {
        void reply.header('retry-after', String(RETRY_AFTER_S))
        throw new ApiProblem(503, 'E_API_BUSY', 'ingest holds as much as it can; try again shortly')
      }
      admissions.set(request, admission)
      reply.raw.once('close', () => admission.over())
    },
    handler: async (request, reply) => {
      const agent = agentsOf.get(request)!
      admissions.get(request)?.arrived()
      const receivedMs = nowMs()
      if (!Buffer.isBuffer(request.body))
        throw new ApiProblem(415, 'E_API_REQUEST', `the content type must be ${BATCHES_TYPE}`)
      const items = itemsOf(request.body, agent)
      const outcome = await coalescer.offer(items)
      if (outcome === 'full') {
        metrics.add('seamark_ingest_refused_requests_total', 1, { reason: 'full' })
        void reply.header('retry-after', String(RETRY_AFTER_S))
        throw new ApiProblem(429, 'E_QUEUE_FULL', 'the queue is full; keep the batches and try again shortly')
      }
      metrics.add('seamark_ingest_batches_total', items.length)
      metrics.add('seamark_ingest_bytes_total', request.body.length)
      noteLosses(agent, items)
      noteStatus(agent, Number(request.headers[SENT_HEADER]), receivedMs)
      if (envelopes.activeRules !== null) void reply.header(RULESET_HEADER, envelopes.activeRules)
      return { stored: items.length }
    },
  })

  function itemsOf(body: Buffer, agent: Agent): Item[] {
    let inflated = 0
    return framesOf(body).map((payload, i) => {
      const field = `batches[${i}]`
      try {
        const header = readHeader(payload)
        if (header.collector !== agent.collector) {
          const message = `it is of collector '${header.collector}', the key is of '${agent.collector}'`
          throw new ApiProblem(403, 'E_INGEST_COLLECTOR', `${field}: ${message}`, [
            { field: `${field}.collector`, message },
          ])
        }
        inflated += inflatedBytes(payload)
        if (inflated > MAX_MESSAGE_INFLATED_BYTES) {
          const message = `a message may inflate to ${MAX_MESSAGE_INFLATED_BYTES} bytes`
          throw new ApiProblem(413, 'E_API_TOO_LARGE', `${field}: ${message}`, [{ field, message }])
        }
        const id = `${header.collector}/${header.epoch}/${header.sequence}`
        return { id, class: header.class, header, envelope: envelopes.stamp(header), payload }
      } catch (error) {
        throw asProblem(error, field)
      }
    })
  }

  function framesOf(body: Buffer): Buffer[] {
    try {
      return splitFrames(body, MAX_MESSAGE_BATCHES)
    } catch (error) {
      throw asProblem(error, 'batches')
    }
  }

  function asProblem(error: unknown, field: string): unknown {
    if (!(error instanceof AppError) || error.code !== 'E_BATCH_CORRUPT') return error
    metrics.add('seamark_ingest_refused_requests_total', 1, { reason: 'corrupt' })
    return new ApiProblem(422, error.code, `${field}: ${error.message}`, [{ field, message: error.message }])
  }

  /** What a host says it lost before it could send it, so that nobody takes silence for quiet. */
  function noteLosses(agent: Agent, items: readonly Item[]): void {
    const losses = new Map<string, number>()
    for (const { header } of items) {
      for (const [reason, count] of Object.entries(header?.dropped ?? {}))
        losses.set(reason, (losses.get(reason) ?? 0) + count)
    }
    for (const [reason, count] of losses) {
      // Hosts choose the word; what is none of ours is counted under one name.
      metrics.add('seamark_ingest_lost_events_total', count, { reason: LOSSES.has(reason) ? reason : 'other' })
    }
    const told = [...losses].map(([reason, count]) => `${count} events (${safeText(reason)})`).slice(0, MAX_TOLD_LOSSES)
    if (told.length > 0) conditions.set('host.lost', `it lost ${told.join(', ')}`, agent.collector, LOSS_TOLD_MS)
  }

  function noteStatus(agent: Agent, sentMs: number, receivedMs: number): void {
    const skewMs = Number.isFinite(sentMs) ? Math.round(sentMs - receivedMs) : 0
    metrics.set('seamark_ingest_clock_skew_seconds', skewMs / 1_000, { collector: agent.collector })
    const isSkewed = Math.abs(skewMs) > MAX_SKEW_MS
    conditions.set('clock.skewed', isSkewed ? skewText(skewMs) : null, agent.collector, SKEW_GOOD_MS)
    options.statuses.note(agent.id, { lastSeenMs: receivedMs, skewMs })
  }
}

function skewText(skewMs: number): string {
  const seconds = Math.abs(skewMs) / 1_000
  const amount =
    seconds > 1e10
      ? 'many years'
      : seconds < 2 * 86_400
        ? `${Math.round(seconds)} s`
        : `${Math.round(seconds / 86_400)} days`
  return `it is ${amount} ${skewMs > 0 ? 'ahead' : 'behind'}`
}
