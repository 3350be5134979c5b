/** What waits for one subscriber: a bounded list and the number of items that did not fit. */
import type { FeedItem } from '../../core/model/feed.ts'

export interface Backlog {
  push(item: FeedItem): void
  /** Items that were lost before they came here. */
  miss(count: number): void
  /** Until the signal is aborted or the consumer leaves; `onEnd` then runs once. */
  iterate(onEnd: () => void): AsyncGenerator<FeedItem | { missed: number }>
}

export function createBacklog(maxItems: number, signal: AbortSignal): Backlog {
  let waiting: FeedItem[] = []
  let missed = 0
  let wake = () => {}

  return {
    push(item) {
      if (waiting.length >= maxItems) missed += 1
      else waiting.push(item)
      wake()
    },

    miss(count) {
      missed += count
      wake()
    },

    async *iterate(onEnd) {
      const onAbort = () => wake()
      signal.addEventListener('abort', onAbort)
      try {
        while (!signal.aborted) {
          // Items that fit came before those that did not, so they go first; the next item comes after the number.
          const items = waiting
          const lost = missed
          waiting = []
          missed = 0
          for (const item of items) {
            if (signal.aborted) return
            yield item
          }
          if (lost > 0) yield { missed: lost }
          if (waiting.length > 0 || missed > 0 || signal.aborted) continue
          await new Promise<void>((resolve) => {
            wake = resolve
          })
        }
      } finally {
        signal.removeEventListener('abort', onAbort)
        onEnd()
      }
    },
  }
}
