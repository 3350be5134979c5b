/**
 * Counts by fields and time: Elasticsearch's composite aggregation for what its index knows in full, and the documents
 * themselves for the few that it does not.
 */
import type { Fields } from '../../core/language/kql/fields.ts'
import type { Matcher } from '../../core/language/kql/matcher.ts'
import type { Bucket } from '../../core/model/search-store.ts'
import { type CountKey, createCounts, keysOf } from '../../core/search/counts.ts'
import type { StoredHit } from './stored-hit.ts'
import { KEY } from './template.ts'

export interface CountOptions {
  /** Asks for aggregations over the documents that the index knows in full. */
  aggregate(body: Record<string, unknown>): Promise<unknown>
  /** A page of the others, oldest first, after a position. */
  undecided(after: { timeMs: number; id: string } | undefined): Promise<StoredHit[]>
  matches: Matcher
  fields: Fields
  by: readonly string[]
  everyMs: number | undefined
}

const PAGE_BUCKETS = 1_000

interface CompositeAnswer {
  hits: { total: { value: number } }
  aggregations?: {
    by: { after_key?: Record<string, unknown>; buckets: { key: Record<string, unknown>; doc_count: number }[] }
  }
}

/** Throws E_STORE_QUERY beyond the most buckets of an answer. */
export async function countDocuments(options: CountOptions): Promise<Bucket[]> {
  const { by, everyMs, fields } = options
  const counts = createCounts()
  if (by.length === 0 && everyMs === undefined) {
    const { hits } = (await options.aggregate({ size: 0, track_total_hits: true })) as CompositeAnswer
    if (hits.total.value > 0) counts.add(undefined, [], hits.total.value)
  } else {
    const sources = [
      ...(everyMs === undefined
        ? []
        : [{ from: { date_histogram: { field: `${KEY}.time`, fixed_interval: `${everyMs}ms` } } }]),
      ...by.map((field, i) => ({ [`by${i}`]: { terms: { field, missing_bucket: true } } })),
    ]
    for (let after: Record<string, unknown> | undefined; ; ) {
      const composite = { size: PAGE_BUCKETS, sources, ...(after === undefined ? {} : { after }) }
      const body = { size: 0, track_total_hits: false, aggs: { by: { composite } } }
      const { aggregations } = (await options.aggregate(body)) as CompositeAnswer
      for (const { key, doc_count } of aggregations?.by.buckets ?? []) {
        const values = by.map((field, i) => keyValue(key[`by${i}`], fields.find(field)?.type))
        counts.add(everyMs === undefined ? undefined : (key.from as number), values, doc_count)
      }
      after = aggregations?.by.after_key
      if (after === undefined) break
    }
  }
  for (let after: { timeMs: number; id: string } | undefined; ; ) {
    const hits = await options.undecided(after)
    for (const { timeMs, body } of hits.filter((hit) => options.matches(hit.body))) {
      const fromMs = everyMs === undefined ? undefined : timeMs - (timeMs % everyMs)
      for (const key of keysOf(body, by, fields)) counts.add(fromMs, key, 1)
    }
    const last = hits.at(-1)
    if (last === undefined) break
    after = { timeMs: last.timeMs, id: last.id }
  }
  return counts.buckets().map(({ fromMs, key, count }) => ({ key, count, ...(fromMs === undefined ? {} : { fromMs }) }))
}

function keyValue(value: unknown, type: string | undefined): CountKey[number] {
  if (value === null || value === undefined) return null
  return type === 'long' || type === 'double' ? (value as number) : String(value)
}
