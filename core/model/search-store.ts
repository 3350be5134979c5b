/**
 * Where events, detections and alerts are kept to be searched. Documents carry ECS names.
 * A contract suite in test/contract/search-store.suite.ts holds every backend to the promises below.
 */
import type { KqlNode } from '../language/kql/ast.ts'
import type { EventBatch } from './batch.ts'

export type DocKind = 'event' | 'detection' | 'alert'

export interface Doc {
  kind: DocKind
  /** Deterministic; a second write of an event or detection with the same id changes nothing. */
  id: string
  /** Event time, ms since the Unix epoch. */
  timeMs: number
  /** Storage day (UTC, `2026-11-22`) and part, stamped in the envelope. */
  day: string
  part: number
  /** Alerts only: the highest version wins. */
  version?: number
  /** Nested ECS document, as it is returned: `{ '@timestamp': …, process: { name: … } }`. */
  readonly body: Record<string, unknown>
  /** The same as JSON, where it was made as text: what takes this needs no `body`. */
  readonly json?: string
}

/** A document the store will never take, with its reason; the rest of the write went through. */
export interface Refused {
  id: string
  reason: string
}

export interface Query {
  kind: DocKind
  /** Inclusive / exclusive bounds of event time, ms since the Unix epoch. */
  fromMs?: number
  toMs?: number
  filter?: KqlNode
  /** 1-1000. */
  limit: number
  /** From `Page.next`; belongs to one query (same kind, bounds, filter, order). */
  cursor?: string
  order?: 'newest' | 'oldest'
}

export interface Hit {
  id: string
  timeMs: number
  body: Record<string, unknown>
}

export interface Page {
  hits: Hit[]
  /** Absent on the last page. */
  next?: string
  /** For people: why this is not the whole answer. Absent when it is. */
  notice?: string
}

export interface Bucket {
  /** Values in the order of `by`; null where the document has none. */
  key: (string | number | null)[]
  /** Start of the interval, when `everyMs` was given. */
  fromMs?: number
  count: number
}

export interface SearchStore {
  /**
   * Events and detections: create only. Alerts: the highest version wins. Durable when it resolves. A store that takes
   * many at a time asks for no more documents than it sends; what they throw is thrown.
   */
  write(docs: Iterable<Doc>): Promise<Refused[]>
  /** Order (time, id); the cursor is stable while documents arrive. */
  search(query: Query): Promise<Page>
  get(kind: DocKind, id: string): Promise<Hit | null>
  /** One query, however many ids (up to 1,000): in their order, null where there is no such document. */
  getAll(kind: DocKind, ids: readonly string[]): Promise<(Hit | null)[]>
  /** Counts by up to three fields (`rule.name`, `log.level`, `container.id`, …), over time when `everyMs` is given. */
  count(query: Omit<Query, 'limit' | 'cursor' | 'order'>, by: readonly string[], everyMs?: number): Promise<Bucket[]>
  /** Drops whole days before `beforeDay`, then the oldest parts until at most `maxBytes` remain. */
  expire(beforeDay: string, maxBytes: number): Promise<void>
  /** What each part of each day holds, where whoever stamps batches has to know; a store without it decides by itself. */
  parts?(): Promise<{ day: string; part: number; bytes: number }[]>
  /** What was stored, as batches that can be judged again. */
  replay?(query: Query): AsyncIterable<EventBatch>
}
