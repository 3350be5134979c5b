/** `/api/v1/events` and `/api/v1/alerts`: pages of documents, newest first. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import type { DocKind, SearchStore } from '../../core/model/search-store.ts'
import { type ParseKql, readBounds, readFilter } from '../filter.ts'
import { PageSchema, SearchQuerySchema } from '../schemas/search.ts'
import { shownHit } from './hit.ts'

export interface SearchRoute {
  url: string
  kind: DocKind
  summary: string
}

export function addSearchRoute(
  app: FastifyInstance,
  { url, kind, summary }: SearchRoute,
  { store, parseKql }: { store: SearchStore; parseKql: ParseKql },
): void {
  const schema = { summary, querystring: SearchQuerySchema, response: { 200: PageSchema } }
  app.get<{ Querystring: Static<typeof SearchQuerySchema> }>(url, { schema }, async ({ query }) => {
    const filter = readFilter(query.filter, parseKql)
    const { hits, next, notice } = await store.search({
      kind,
      ...readBounds(query),
      ...(filter === undefined ? {} : { filter }),
      limit: query.limit,
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
      order: 'newest',
    })
    return {
      hits: hits.map(shownHit),
      ...(next === undefined ? {} : { next }),
      ...(notice === undefined ? {} : { notice }),
    }
  })
}
