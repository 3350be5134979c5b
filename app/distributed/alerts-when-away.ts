/**
 * Reads alerts from the search store and, when it is away or slow, from where their state is kept; an answer of the
 * second kind says so. Everything else is the store's own.
 */
import type { CurrentAlerts } from '../../alerts/current-alerts.ts'
import { AppError } from '../../core/model/errors.ts'
import type { SearchStore } from '../../core/model/search-store.ts'

export interface AlertsWhenAwayOptions {
  store: SearchStore
  /** Opened when it is first needed; what it throws leaves the store's own answer. */
  current: () => Promise<CurrentAlerts>
  /** How long the store may take before the other is asked. Default 3 s. */
  patienceMs?: number
}

export const AWAY_NOTICE =
  'The search store does not answer. These are the alerts as they are now; the events behind them cannot be searched.'

export function alertsWhenAway({ store, current, patienceMs = 3_000 }: AlertsWhenAwayOptions): SearchStore {
  async function either<T>(asked: Promise<T>, instead: (alerts: CurrentAlerts) => Promise<T>): Promise<T> {
    try {
      return await within(patienceMs, asked)
    } catch (error) {
      if (!(error instanceof AppError) || !error.retryable) throw error
      // When neither answers, the store's own error counts, or its late answer.
      return current()
        .then(instead)
        .catch(() => asked)
    }
  }
  const { parts, replay } = store
  return {
    write: (docs) => store.write(docs),
    search: (query) =>
      query.kind !== 'alert'
        ? store.search(query)
        : either(store.search(query), async (alerts) => ({ ...(await alerts.search(query)), notice: AWAY_NOTICE })),
    get: (kind, id) =>
      kind !== 'alert' ? store.get(kind, id) : either(store.get(kind, id), (alerts) => alerts.get(id)),
    getAll: (kind, ids) => within(patienceMs, store.getAll(kind, ids)),
    count: (query, by, everyMs) => store.count(query, by, everyMs),
    expire: (beforeDay, maxBytes) => store.expire(beforeDay, maxBytes),
    ...(parts === undefined ? {} : { parts: () => parts.call(store) }),
    ...(replay === undefined ? {} : { replay: (query) => replay.call(store, query) }),
  }
}

/** Rejects with AppError E_DEADLINE (retryable) when it takes longer. */
async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const message = `the search store did not answer within ${limitMs} ms`
  const timer = setTimeout(() => reject(new AppError('E_DEADLINE', message, { retryable: true })), limitMs)
  // What comes after the deadline is nobody's to hear of.
  work.catch(() => {})
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
