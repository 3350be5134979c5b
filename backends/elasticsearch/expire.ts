/** Retention: whole indices go, days first, then the oldest until few enough bytes remain; of alerts the oldest go. */
import type { Client } from '@elastic/elasticsearch'
import { AppError } from '../../core/model/errors.ts'
import { reasonOf, request } from './connection.ts'
import { alertsIndex, type DayIndex, parseDayIndex } from './layout.ts'
import { KEY } from './template.ts'

export interface ExpireOptions {
  client: Client
  prefix: string
  /** Days before this one go: `2026-11-22`. */
  beforeDay: string
  maxBytes: number
}

interface StatsAnswer {
  indices?: Record<string, { primaries: { store?: { size_in_bytes: number } } }>
}

interface AlertsAnswer {
  hits: { hits: { _id: string }[] }
}

const ALERTS_AT_ONCE = 1_000

/** What each index of events or detections holds; oldest first. */
export async function dayIndices(client: Client, prefix: string): Promise<(DayIndex & { bytes: number })[]> {
  const stats = await request<StatsAnswer>(client, {
    method: 'GET',
    path: `/${prefix}-events-*,${prefix}-detections-*/_stats/store`,
    query: { filter_path: 'indices.*.primaries.store.size_in_bytes', allow_no_indices: true },
  })
  const days: (DayIndex & { bytes: number })[] = []
  for (const [name, { primaries }] of Object.entries(stats.body.indices ?? {})) {
    const found = parseDayIndex(prefix, name)
    if (found !== null) days.push({ ...found, bytes: primaries.store?.size_in_bytes ?? 0 })
  }
  days.sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : a.part - b.part))
  return days
}

/** Returns how many indices went. */
export async function expireIndices({ client, prefix, beforeDay, maxBytes }: ExpireOptions): Promise<number> {
  const days = await dayIndices(client, prefix)
  let held = days.reduce((sum, { bytes }) => sum + bytes, 0)
  let gone = 0
  for (const { name, day, bytes } of days) {
    if (day >= beforeDay && held <= maxBytes) continue
    const answer = await request(client, { method: 'DELETE', path: `/${name}` })
    if (answer.status >= 300 && answer.status !== 404)
      throw new AppError('E_STORE_STORAGE', `Elasticsearch keeps ${name}: ${reasonOf(answer.body)}`, {
        retryable: true,
      })
    held -= bytes
    gone += 1
  }
  await expireAlerts(client, prefix, Date.parse(`${beforeDay}T00:00:00Z`))
  return gone
}

/** Without delete-by-query, which not every distribution has. */
async function expireAlerts(client: Client, prefix: string, beforeMs: number): Promise<void> {
  for (;;) {
    const { body, status } = await request<AlertsAnswer>(client, {
      method: 'POST',
      path: `/${alertsIndex(prefix)}/_search`,
      query: { ignore_unavailable: true, allow_no_indices: true },
      body: { query: { range: { [`${KEY}.time`]: { lt: beforeMs } } }, size: ALERTS_AT_ONCE, _source: false },
    })
    const ids = status >= 400 ? [] : body.hits.hits.map(({ _id }) => _id)
    if (ids.length === 0) return
    const lines = ids.map((_id) => `${JSON.stringify({ delete: { _index: alertsIndex(prefix), _id } })}\n`).join('')
    await request(client, { method: 'POST', path: '/_bulk', query: { refresh: true }, lines })
    if (ids.length < ALERTS_AT_ONCE) return
  }
}
