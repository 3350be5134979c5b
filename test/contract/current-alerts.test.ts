import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { alertDocument } from '../../alerts/alert-document.ts'
import { ALERTS, type StoredAlert } from '../../alerts/alert-state.ts'
import { CurrentAlerts } from '../../alerts/current-alerts.ts'
import { AWAY_NOTICE, alertsWhenAway, BEHIND_NOTICE } from '../../app/distributed/alerts-when-away.ts'
import { createSqliteDocuments } from '../../backends/sqlite/documents.ts'
import { createSqliteSearchStore } from '../../backends/sqlite/search-store.ts'
import { DOCUMENT_FIELDS } from '../../core/fields/document-fields.ts'
import { parseKql } from '../../core/language/kql/parser.ts'
import type { Alert } from '../../core/model/detection.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Hit, Query, SearchStore } from '../../core/model/search-store.ts'

const NOON = Date.parse('2026-11-22T12:00:00Z')
/** More than are read from Documents at once. */
const COUNT = 700

function alertOf(number: number): Alert {
  // Several of one time, so that the id decides too.
  const timeMs = NOON + Math.floor(number / 3) * 1_000
  const id = `alert-${(number * 7_919) % COUNT}`
  return {
    id,
    rule: number % 2 === 0 ? 'even' : 'odd',
    priority: 'Warning',
    key: [],
    latest: {
      id: `detection-${number}`,
      rule: number % 2 === 0 ? 'even' : 'odd',
      ruleset: 'v',
      source: 'syscall',
      priority: 'Warning',
      tags: [],
      hostname: 'h',
      timeNs: String(timeMs * 1_000_000),
      timeMs,
      key: [],
      evidence: [`event-${number}`],
      output: `number ${number}`,
      fields: {},
      event: { container: { id: `c${number % 5}` }, seamark: {} },
      day: '2026-11-22',
      part: 0,
    },
    detections: [`detection-${number}`],
    count: 1,
    firstMs: timeMs,
    lastMs: timeMs,
    day: '2026-11-22',
    part: 0,
    status: 'open',
    version: 1,
  }
}

const away = () => Promise.reject(new AppError('E_STORE_STORAGE', 'nobody answers', { retryable: true }))
const never = () => new Promise<never>(() => {})

function failing(how: () => Promise<never>): SearchStore {
  return { write: how, search: how, get: how, getAll: how, count: how, expire: how }
}

describe('alerts without their search store', () => {
  let store: SearchStore
  let current: CurrentAlerts
  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'seamark-alerts-'))
    const documents = createSqliteDocuments({ directory: join(directory, 'documents') })
    const searched = createSqliteSearchStore({ directory: join(directory, 'store'), fields: DOCUMENT_FIELDS })
    await documents.start()
    await searched.start()
    const alerts = Array.from({ length: COUNT }, (_, number) => alertOf(number))
    await searched.write(alerts.map(alertDocument))
    await documents.commit(
      alerts.map((alert) => {
        const value: StoredAlert = { alert, touchedMs: NOON }
        return { space: ALERTS, key: alert.id, value, ifVersion: 0 }
      }),
    )
    store = searched
    current = new CurrentAlerts(documents)
    return async () => {
      await documents.stop(1_000)
      await searched.stop(1_000)
      rmSync(directory, { recursive: true, force: true })
    }
  })

  async function allPages(from: Pick<SearchStore, 'search'>, query: Omit<Query, 'kind'>): Promise<Hit[]> {
    const hits: Hit[] = []
    for (let cursor: string | undefined; ; ) {
      const page = await from.search({ ...query, kind: 'alert', ...(cursor === undefined ? {} : { cursor }) })
      hits.push(...page.hits)
      if (page.next === undefined) return hits
      cursor = page.next
    }
  }

  const filterOf = (text: string) => {
    const parsed = parseKql(text)
    if (!parsed.ok) throw new Error(parsed.message)
    return parsed.node
  }

  test('page after page they are what the store would give, in its order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          filter: fc.constantFrom('*', 'rule.name: odd', 'container.id: c3 or rule.name: even', 'rule.name: none'),
          limit: fc.integer({ min: 40, max: 1_000 }),
          order: fc.constantFrom('newest' as const, 'oldest' as const),
          fromMs: fc.option(fc.integer({ min: NOON, max: NOON + 200_000 }), { nil: undefined }),
          toMs: fc.option(fc.integer({ min: NOON + 200_000, max: NOON + 400_000 }), { nil: undefined }),
        }),
        async ({ filter, limit, order, fromMs, toMs }) => {
          const query = {
            filter: filterOf(filter),
            limit,
            order,
            ...(fromMs === undefined ? {} : { fromMs }),
            ...(toMs === undefined ? {} : { toMs }),
          }
          expect(await allPages(current, query)).toEqual(await allPages(store, query))
        },
      ),
      { numRuns: 25 },
    )
  })

  test('a page goes on where the other kind of page ended', async () => {
    const first = await store.search({ kind: 'alert', limit: 10 })
    const next = { kind: 'alert', limit: 10, cursor: first.next! } as const
    expect((await current.search(next)).hits).toEqual((await store.search(next)).hits)
  })

  test.each([
    ['is away', away],
    ['is silent', never],
  ])('when the store %s, alerts are answered with a notice, and the rest fails', async (_, how) => {
    const searched = alertsWhenAway({ store: failing(how), current: async () => current, patienceMs: 50 })
    const page = await searched.search({ kind: 'alert', limit: 3 })
    expect(page).toEqual({ ...(await store.search({ kind: 'alert', limit: 3 })), notice: AWAY_NOTICE })
    expect(await searched.get('alert', page.hits[0]!.id)).toEqual(page.hits[0])
    expect(await searched.get('alert', 'unknown')).toBe(null)
    await expect(searched.getAll('event', ['event-1'])).rejects.toMatchObject({ retryable: true })
  })

  test('when the store is far behind, alerts are those of now with a notice; a little behind it is asked', async () => {
    const old = { ...store, search: async () => ({ hits: [] }), get: async () => null } as unknown as SearchStore
    const behind = (ms: number) =>
      alertsWhenAway({ store: old, current: async () => current, behindMs: async () => ms })
    const query = { kind: 'alert', limit: 3 } as const
    const page = await behind(60_000).search(query)
    expect(page).toEqual({ ...(await current.search(query)), notice: BEHIND_NOTICE })
    expect(await behind(60_000).get('alert', page.hits[0]!.id)).toEqual(page.hits[0])
    expect(await behind(1_000).search(query)).toEqual({ hits: [] })
    const unknown = alertsWhenAway({
      store: old,
      current: async () => current,
      behindMs: () => Promise.reject(new Error('no')),
    })
    expect(await unknown.search(query)).toEqual({ hits: [] })
  })

  test('when neither answers, the error is the store’s own', async () => {
    const current = () => Promise.reject(new Error('no documents either'))
    const searched = alertsWhenAway({ store: failing(away), current })
    await expect(searched.search({ kind: 'alert', limit: 3 })).rejects.toMatchObject({ code: 'E_STORE_STORAGE' })
  })

  test('while the store answers, nothing else is asked, and its refusals are its own', async () => {
    let asked = 0
    const count = async () => {
      asked += 1
      return current
    }
    onTestFinished(() => expect(asked).toBe(0))
    const searched = alertsWhenAway({ store, current: count })
    expect(await searched.search({ kind: 'alert', limit: 3 })).toEqual(await store.search({ kind: 'alert', limit: 3 }))
    await expect(searched.search({ kind: 'alert', limit: 0 })).rejects.toMatchObject({ code: 'E_STORE_QUERY' })
  })
})
