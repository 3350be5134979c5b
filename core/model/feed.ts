/** Live tail: lossy by contract, never blocks the publisher. */
import type { KqlNode } from '../language/kql/ast.ts'
import type { DocKind } from './search-store.ts'

export interface FeedItem {
  kind: DocKind
  id: string
  timeMs: number
  body: Record<string, unknown>
}

export interface Feed {
  publish(items: readonly FeedItem[]): void
  /** Whether anybody listens: what is dear to make need not be made for nobody. */
  hasSubscribers(): boolean
  /** A slow subscriber is told how many it missed, once, before the next item. */
  subscribe(filter: KqlNode | null, signal: AbortSignal): AsyncIterable<FeedItem | { missed: number }>
}
