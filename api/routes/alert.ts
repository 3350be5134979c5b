/** `/api/v1/alerts/{id}`: one alert with the events behind it and the processes above the one that acted. */
import type { FastifyInstance } from 'fastify'
import type { Static } from 'typebox'
import { ApiProblem } from '../../core/http/problem.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Hit, SearchStore } from '../../core/model/search-store.ts'
import { AlertDetailSchema } from '../schemas/alert.ts'
import { IdSchema } from '../schemas/search.ts'
import { shownHit } from './hit.ts'

/** Evidence that is shown; the ids of all of it stand in the alert itself. */
const MAX_EVIDENCE = 100

export function addAlertRoute(app: FastifyInstance, { store }: { store: SearchStore }): void {
  const schema = {
    summary: 'One alert, its evidence and its ancestry',
    params: IdSchema,
    response: { 200: AlertDetailSchema },
  }
  app.get<{ Params: Static<typeof IdSchema> }>('/api/v1/alerts/:id', { schema }, async ({ params }) => {
    const alert = await store.get('alert', params.id)
    if (alert === null) throw new ApiProblem(404, 'E_API_NOT_FOUND', 'There is no alert with this id.')
    const seamark = isObject(alert.body.seamark) ? alert.body.seamark : {}
    const wanted = strings(seamark.evidence).slice(0, MAX_EVIDENCE)
    const found: (Hit | null)[] = await store.getAll('event', wanted).catch((error: unknown) => {
      // The alert itself was found all the same: it is worth more than an error.
      if (error instanceof AppError && error.retryable) return wanted.map(() => null)
      throw error
    })
    return {
      ...shownHit(alert),
      evidence: found.filter((hit) => hit !== null).map(shownHit),
      missing: wanted.filter((_, i) => found[i] === null),
      ancestry: Array.isArray(seamark.ancestry) ? seamark.ancestry.filter(isObject) : [],
    }
  })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((element) => typeof element === 'string') : []
}
