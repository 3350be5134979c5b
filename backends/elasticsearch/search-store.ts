/**
 * The search store of the distributed shape. Written by the bulk API with ids of our own, searched over all days, paged
 * by (time, id), expired by dropping indices. It may be away for as long as it likes: writes are refused as retryable
 * until it is back, and nothing else waits for it.
 */
import assert from 'node:assert'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import { createFields, type FieldTypes } from '../../core/language/kql/fields.ts'
import { compileMatcher } from '../../core/language/kql/matcher.ts'
import type { Component } from '../../core/model/component.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Bucket, Doc, DocKind, Hit, Query, Refused, SearchStore } from '../../core/model/search-store.ts'
import { checkCount, checkLimit, MAX_LIMIT, timeBounds } from '../../core/search/check-query.ts'
import { readCursor, writeCursor } from '../../core/search/cursor.ts'
import { type Prepared, prepareDoc } from '../../core/search/prepare-document.ts'
import { writeBulk } from './bulk.ts'
import {
  type Answer,
  connect,
  DEFAULT_PREFIX,
  type ElasticsearchConfig,
  type ErrorBody,
  isUnavailable,
  type Request,
  reasonOf,
  request,
} from './connection.ts'
import { countDocuments } from './count.ts'
import { dayIndices, expireIndices } from './expire.ts'
import { searchPattern } from './layout.ts'
import { compileQuery, type Dsl } from './query.ts'
import { type RawHit, type StoredHit, storedHit } from './stored-hit.ts'
import { installTemplate, KEY } from './template.ts'

export interface ElasticsearchStoreOptions extends ElasticsearchConfig {
  /** ECS name → type of every field that documents and queries use. */
  fields: FieldTypes
  /** Objects with keys of users' making. */
  openObjects?: readonly string[]
  /** Whether what was written can be found when the write resolves, for tests. Default false: within a second or so. */
  refresh?: boolean
  /** Longest time one query may take. Default 30 s. */
  queryTimeoutMs?: number
}

export interface StoreCounters {
  writtenDocs: number
  /** Already there, or alerts older than what is there. */
  repeatedDocs: number
  refusedDocs: number
  /** Sent again because the server could not take them (429, a block). */
  retriedDocs: number
  expiredIndices: number
}

export interface ElasticsearchStore extends SearchStore, Component {
  readonly counters: Readonly<StoreCounters>
  /** What the server offers; null until it was asked, at the first write or by `prepare`. */
  readonly offers: { wildcardType: boolean; logsdb: boolean } | null
  /** Puts the index template now. Throws AppError E_STORE_STORAGE. */
  prepare(): Promise<void>
}

/** Between 5 and 15 MB is what the server digests best. */
const BULK_BYTES = 8 * 1024 * 1024
const BULK_CONCURRENCY = 2
const SHARD_ATTEMPTS = 6
const SHARD_WAIT_MS = 500

interface SearchAnswer {
  timed_out: boolean
  hits: { hits: RawHit[] }
}

/** One selection of documents: kind, time and filter. */
export type Selection = Omit<Query, 'limit' | 'cursor' | 'order'>

export function createElasticsearchStore(options: ElasticsearchStoreOptions): ElasticsearchStore {
  const { prefix = DEFAULT_PREFIX, openObjects = [], queryTimeoutMs = 30_000 } = options
  const client = connect(options)
  const fields = createFields(options.fields)
  const counters: StoreCounters = { writtenDocs: 0, repeatedDocs: 0, refusedDocs: 0, retriedDocs: 0, expiredIndices: 0 }
  let offers: ElasticsearchStore['offers'] = null
  let preparing: Promise<void> | null = null

  /** Before anything is written: an index without our template would guess the types of fields. */
  function prepare(): Promise<void> {
    if (offers !== null) return Promise.resolve()
    preparing ??= installTemplate((asked) => request(client, asked), { prefix, fields: options.fields, openObjects })
      .then(
        (offered) => {
          offers = offered
        },
        (cause: unknown) => {
          if (cause instanceof AppError) throw cause
          throw new AppError('E_STORE_STORAGE', (cause as Error).message, { retryable: true, cause })
        },
      )
      .finally(() => {
        preparing = null
      })
    return preparing
  }

  /** The documents that a selection means, or may mean where `_ignored` leaves it open. */
  function selected({ kind, fromMs, toMs, filter }: Selection): { dsl: Dsl; runtime: Record<string, unknown> } {
    const bounds = timeBounds(fromMs, toMs)
    const { dsl, runtime } = compileQuery(filter ?? { kind: 'all' }, { fields: options.fields, openObjects })
    const time = { range: { [`${KEY}.time`]: { gte: bounds.fromMs, lt: bounds.toMs } } }
    const undecided = { exists: { field: '_ignored' } }
    const body = filter === undefined ? [] : [{ bool: { should: [dsl, undecided], minimum_should_match: 1 } }]
    return { dsl: { bool: { filter: [time, ...body] } }, runtime: kind === undefined ? {} : runtime }
  }

  /** An index that was made a moment ago has no shard to ask yet: that is over in seconds. */
  async function searchWithShards<T>(asked: Request): Promise<Answer<T & ErrorBody>> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await request<T>(client, asked)
      } catch (error) {
        if (attempt === SHARD_ATTEMPTS || !isUnavailable(error)) throw error
        await sleep(SHARD_WAIT_MS)
      }
    }
  }

  async function ask<T>(kind: DocKind, body: Record<string, unknown>): Promise<T> {
    const answer = await searchWithShards<T>({
      method: 'POST',
      path: `/${searchPattern(prefix, kind)}/_search`,
      query: { ignore_unavailable: true, allow_no_indices: true, allow_partial_search_results: false },
      body: { timeout: `${queryTimeoutMs}ms`, ...body },
    })
    if (answer.status >= 400) {
      throw new AppError('E_STORE_QUERY', `Elasticsearch refused the query: ${reasonOf(answer.body).slice(0, 500)}`)
    }
    if ((answer.body as { timed_out?: boolean }).timed_out === true) {
      throw new AppError('E_STORE_QUERY', `the query took longer than ${queryTimeoutMs} ms; narrow its time range`)
    }
    return answer.body
  }

  /** One page of what may match, undecided documents included. */
  async function page(
    selection: Selection,
    order: 'newest' | 'oldest',
    size: number,
    after: { timeMs: number; id: string } | undefined,
    onlyIgnored = false,
  ): Promise<StoredHit[]> {
    const { dsl, runtime } = selected(selection)
    const direction = order === 'newest' ? 'desc' : 'asc'
    const query = onlyIgnored ? { bool: { filter: [dsl, { exists: { field: '_ignored' } }] } } : dsl
    const answer = await ask<SearchAnswer>(selection.kind, {
      query,
      runtime_mappings: runtime,
      size,
      track_total_hits: false,
      sort: [
        { [`${KEY}.time`]: { order: direction, unmapped_type: 'date', format: 'epoch_millis', numeric_type: 'date' } },
        { [`${KEY}.id`]: { order: direction, unmapped_type: 'keyword' } },
      ],
      ...(after === undefined ? {} : { search_after: [after.timeMs, after.id] }),
    })
    return answer.hits.hits.map(storedHit)
  }

  async function matching(query: Query, after: { timeMs: number; id: string } | undefined): Promise<Hit[]> {
    const matches = compileMatcher(query.filter ?? { kind: 'all' }, fields)
    const found: Hit[] = []
    const size = query.limit + 1
    for (let position = after; ; ) {
      const hits = await page(query, query.order ?? 'newest', size, position)
      for (const { ignored, ...hit } of hits) if (!ignored || matches(hit.body)) found.push(hit)
      if (found.length >= size || hits.length < size) return found.slice(0, size)
      const last = hits.at(-1)!
      position = { timeMs: last.timeMs, id: last.id }
    }
  }

  async function getAll(kind: DocKind, ids: readonly string[]): Promise<(Hit | null)[]> {
    if (ids.length > MAX_LIMIT) throw new AppError('E_STORE_QUERY', `at most ${MAX_LIMIT} documents at once`)
    const query = { terms: { [`${KEY}.id`]: ids } }
    const answer = ids.length === 0 ? null : await ask<SearchAnswer>(kind, { query, size: ids.length })
    const found = new Map((answer?.hits.hits ?? []).map((one) => [one._id, storedHit(one)]))
    return ids.map((id) => {
      const { ignored: _, ...hit } = found.get(id) ?? { ignored: false }
      return 'id' in hit ? hit : null
    })
  }

  return {
    counters,
    get offers() {
      return offers
    },
    prepare,

    // Nothing to do: the server may be away, and the first write asks it what it offers.
    async start() {},

    async stop() {
      await client.close()
    },

    async write(docs) {
      const refused: Refused[] = []
      const result = await writeBulk(preparedOf(docs, refused), {
        client,
        prefix,
        prepare,
        refresh: options.refresh ?? false,
        maxBytes: BULK_BYTES,
        concurrency: BULK_CONCURRENCY,
        sleep: (ms) => sleep(ms),
        onRetry: (documents) => {
          counters.retriedDocs += documents
        },
      })
      refused.push(...result.refused)
      counters.writtenDocs += result.written
      counters.repeatedDocs += result.repeated
      counters.refusedDocs += refused.length
      return refused
    },

    async search(query) {
      checkLimit(query.limit)
      const found = await matching(query, readCursor(query))
      if (found.length <= query.limit) return { hits: found }
      const hits = found.slice(0, query.limit)
      return { hits, next: writeCursor(query, hits.at(-1)!) }
    },

    async get(kind, id) {
      return (await getAll(kind, [id]))[0] ?? null
    },

    getAll,

    async count(query, by, everyMs): Promise<Bucket[]> {
      checkCount(by, everyMs)
      const { dsl, runtime } = selected(query)
      const filter: KqlNode = query.filter ?? { kind: 'all' }
      return countDocuments({
        aggregate: (body) =>
          ask(query.kind, {
            query: { bool: { filter: [dsl], must_not: [{ exists: { field: '_ignored' } }] } },
            runtime_mappings: runtime,
            ...body,
          }),
        undecided: (after) => page(query, 'oldest', 1_000, after, true),
        matches: compileMatcher(filter, fields),
        fields,
        by,
        everyMs,
      })
    },

    async parts() {
      return (await dayIndices(client, prefix)).filter(({ name }) =>
        name.startsWith(searchPattern(prefix, 'event').slice(0, -1)),
      )
    },

    async expire(beforeDay, maxBytes) {
      assert(/^\d{4}-\d{2}-\d{2}$/.test(beforeDay), `no day: ${beforeDay}`)
      counters.expiredIndices += await expireIndices({ client, prefix, beforeDay, maxBytes })
    },
  }
}

/** One by one as they are asked for; those that cannot be stored end in `refused`. */
function* preparedOf(docs: Iterable<Doc>, refused: Refused[]): Generator<Prepared> {
  for (const doc of docs) {
    const one = prepareDoc(doc)
    if ('reason' in one) refused.push(one)
    else yield one
  }
}
