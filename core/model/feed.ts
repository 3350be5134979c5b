/** Live tail: lossy by contract, never blocks the publisher. */
import type { KqlNode } from '../language/kql/ast.ts'
import type { DocKind } from './search-store.ts'

export interface FeedItem {
  kind: DocKind
  id: string
  timeMs: number
  body: Record<string, unknown>
}

/** What a subscriber wants; nothing else waits for it, or is counted as missed by it. */
export interface FeedFilter {
  kinds: readonly DocKind[]
  /** Null lets every document of these kinds through. */
  kql: KqlNode | null
}

export interface Feed {
  publish(items: readonly FeedItem[]): void
  /** Whether anybody listens for this kind: what is dear to make need not be made for nobody. */
  hasSubscribers(kind: DocKind): boolean
  /** A slow subscriber is told how many of the items that it wanted it missed, once, before the next item. */
  subscribe(filter: FeedFilter, signal: AbortSignal): AsyncIterable<FeedItem | { missed: number }>
}
