/** `/api/v1/stats`: how many, by field and over time. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { SearchStore } from '../../core/model/search-store.ts'
import { type CheckField, type ParseKql, readBounds, readFields, readFilter } from '../filter.ts'
import { StatsQuerySchema, StatsSchema } from '../schemas/stats.ts'

const UNIT_MS = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

export function addStatsRoute(
  app: FastifyInstance,
  { store, parseKql, checkField }: { store: SearchStore; parseKql: ParseKql; checkField: CheckField },
): void {
  const schema = {
    summary: 'Counts by field and over time',
    querystring: StatsQuerySchema,
    response: { 200: StatsSchema },
  }
  app.get<{ Querystring: Static<typeof StatsQuerySchema> }>('/api/v1/stats', { schema }, async ({ query }) => {
    const { kind, interval, limit } = query
    const by = readFields(query.by, 'by', checkField)
    const filter = readFilter(query.filter, parseKql)
    const asked = { kind, ...readBounds(query), ...(filter === undefined ? {} : { filter }) }
    const everyMs = interval === undefined ? undefined : intervalMs(interval)
    const all = await store.count(asked, by, everyMs)
    const buckets = all.slice(0, limit).map(({ key, fromMs, count }) => ({
      key,
      ...(fromMs === undefined ? {} : { from: new Date(fromMs).toISOString() }),
      count,
    }))
    const total = all.reduce((sum, { count }) => sum + count, 0)
    return { by, ...(interval === undefined ? {} : { interval }), total, truncated: all.length > limit, buckets }
  })
}

function intervalMs(text: string): number {
  return Number(text.slice(0, -1)) * UNIT_MS[text.at(-1) as keyof typeof UNIT_MS]
}
