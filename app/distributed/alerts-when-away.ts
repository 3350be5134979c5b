/**
 * Reads alerts from the search store and, when it is away, slow or behind, from where their state is kept; an answer of
 * the second kind says so. Everything else is the store's own.
 */
import type { CurrentAlerts } from '../../alerts/current-alerts.ts'
import { AppError } from '../../core/model/errors.ts'
import type { SearchStore } from '../../core/model/search-store.ts'
import { withinTime } from '../../core/runtime/deadline.ts'

export interface AlertsWhenAwayOptions {
  store: SearchStore
  /** Opened when it is first needed; what it throws leaves the store's own answer. */
  current: () => Promise<CurrentAlerts>
  /** How long the store may take before the other is asked. Default 3 s. */
  patienceMs?: number
  /** How long the oldest of what is to be stored has waited, in ms. Where it cannot be told the store is asked. */
  behindMs?: () => Promise<number>
  /** Further behind, the store is not asked for alerts. Default 10 s. */
  maxBehindMs?: number
}

export const BEHIND_NOTICE =
  'The search store is behind. These are the alerts as they are now; not all of the events behind them can be searched yet.'

export const AWAY_NOTICE =
  'The search store does not answer. These are the alerts as they are now; the events behind them cannot be searched.'

export function alertsWhenAway(options: AlertsWhenAwayOptions): SearchStore {
  const { store, current, patienceMs = 3_000, maxBehindMs = 10_000, behindMs = async () => 0 } = options
  const isBehind = async () => (await behindMs().catch(() => 0)) > maxBehindMs
  /** Null where the store is to be asked. */
  const whenBehind = async <T>(read: (alerts: CurrentAlerts) => Promise<T>): Promise<{ answer: T } | null> => {
    if (!(await isBehind())) return null
    return current()
      .then(async (alerts) => ({ answer: await read(alerts) }))
      .catch(() => null)
  }
  const inTime = <T>(asked: Promise<T>) =>
    withinTime(patienceMs, asked, `the search store did not answer within ${patienceMs} ms`)
  async function either<T>(asked: Promise<T>, instead: (alerts: CurrentAlerts) => Promise<T>): Promise<T> {
    try {
      return await inTime(asked)
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
    search: async (query) => {
      if (query.kind !== 'alert') return store.search(query)
      const behind = await whenBehind((alerts) => alerts.search(query))
      if (behind !== null) return { ...behind.answer, notice: BEHIND_NOTICE }
      return either(store.search(query), async (alerts) => ({ ...(await alerts.search(query)), notice: AWAY_NOTICE }))
    },
    get: async (kind, id) => {
      if (kind !== 'alert') return store.get(kind, id)
      const behind = await whenBehind((alerts) => alerts.get(id))
      return behind?.answer ?? either(store.get(kind, id), (alerts) => alerts.get(id))
    },
    getAll: (kind, ids) => inTime(store.getAll(kind, ids)),
    count: (query, by, everyMs) => store.count(query, by, everyMs),
    expire: (beforeDay, maxBytes) => store.expire(beforeDay, maxBytes),
    ...(parts === undefined ? {} : { parts: () => parts.call(store) }),
    ...(replay === undefined ? {} : { replay: (query) => replay.call(store, query) }),
  }
}
