/**
 * Alerts as they are now, read where their state is kept rather than where it is searched: what people need first must
 * not wait for a search store that is away. The same documents in the same order as the store would give, for alerts
 * that changed within the retention; found by looking at each, so for when nothing better answers.
 */
import { evaluate } from '../core/language/kql/evaluate.ts'
import type { Alert } from '../core/model/detection.ts'
import type { Documents } from '../core/model/documents.ts'
import { eachDocument } from '../core/model/each-document.ts'
import type { Hit, Page, Query } from '../core/model/search-store.ts'
import { checkLimit, timeBounds } from '../core/search/check-query.ts'
import { type Position, readCursor, writeCursor } from '../core/search/cursor.ts'
import { alertDocument } from './alert-document.ts'
import { ALERTS, type StoredAlert } from './alert-state.ts'

const SCANNED_AT_ONCE = 500

export class CurrentAlerts {
  private readonly documents: Pick<Documents, 'get' | 'scan'>

  constructor(documents: Pick<Documents, 'get' | 'scan'>) {
    this.documents = documents
  }

  /** Throws AppError E_STORE_QUERY, E_STORE_CURSOR, and what Documents throw. Cursors are those of a search store. */
  async search(query: Omit<Query, 'kind'>): Promise<Page> {
    const asked: Query = { ...query, kind: 'alert' }
    checkLimit(query.limit)
    const { fromMs, toMs } = timeBounds(query.fromMs, query.toMs)
    const after = readCursor(asked)
    const order = query.order === 'oldest' ? byTime : (a: Position, b: Position) => byTime(b, a)
    // One more than asked for says whether there is a next page.
    const wanted = query.limit + 1
    const found: Hit[] = []
    for await (const alert of this.all()) {
      if (alert.firstMs < fromMs || alert.firstMs >= toMs) continue
      if (after !== undefined && order(after, { timeMs: alert.firstMs, id: alert.id }) >= 0) continue
      const hit = hitOf(alert)
      if (query.filter !== undefined && !evaluate(query.filter, hit.body)) continue
      found.push(hit)
      if (found.length >= 2 * wanted) found.sort(order).splice(wanted)
    }
    found.sort(order)
    const hits = found.slice(0, query.limit)
    return found.length < wanted ? { hits } : { hits, next: writeCursor(asked, hits.at(-1)!) }
  }

  async get(id: string): Promise<Hit | null> {
    const stored = (await this.documents.get(ALERTS, id))?.value as Partial<StoredAlert> | undefined
    return stored?.alert === undefined ? null : hitOf(stored.alert)
  }

  private async *all(): AsyncGenerator<Alert> {
    for await (const { value } of eachDocument(this.documents, ALERTS, { pageSize: SCANNED_AT_ONCE })) {
      const { alert } = value as Partial<StoredAlert>
      if (alert !== undefined) yield alert
    }
  }
}

function hitOf(alert: Alert): Hit {
  const { id, timeMs, body } = alertDocument(alert)
  return { id, timeMs, body }
}

function byTime(a: Position, b: Position): number {
  return a.timeMs - b.timeMs || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
}
