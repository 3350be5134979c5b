/** Brings the metrics of a thread up to what its own queue and store have counted. */
import type { Topic } from '../core/model/queue.ts'
import { withinTime } from '../core/runtime/deadline.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import type { MeasuredQueue, MeasuredStore } from './backends.ts'

export function measureQueue(metrics: Metrics, { counters }: Pick<MeasuredQueue, 'counters'>): void {
  metrics.countTo('seamark_queue_evicted_items_total', counters.evictedItems ?? 0)
  metrics.countTo('seamark_queue_evicted_bytes_total', counters.evictedBytes ?? 0)
  metrics.countTo('seamark_queue_refused_offers_total', counters.refusedOffers ?? 0)
  metrics.countTo('seamark_queue_dead_items_total', counters.buriedItems ?? 0)
  metrics.countTo('seamark_queue_storage_errors_total', counters.storageErrors ?? 0)
  metrics.countTo('seamark_queue_corrupt_files_total', counters.corruptFiles ?? 0)
  metrics.countTo('seamark_queue_stalled_items_total', counters.stalledItems ?? 0)
  metrics.countTo('seamark_queue_retried_items_total', counters.retriedItems ?? 0)
}

/** A queue that cannot be read leaves what was known of it: metrics are wanted most when something is away. */
export async function measureTopics(metrics: Metrics, queue: MeasuredQueue, topics: readonly Topic[]): Promise<void> {
  for (const topic of topics) {
    const depth = await withinTime(DEPTH_MS, queue.depth(topic)).catch(() => null)
    if (depth === null) return
    metrics.set('seamark_queue_items', depth.items, { topic })
    metrics.set('seamark_queue_bytes', depth.bytes, { topic })
    metrics.set('seamark_queue_oldest_seconds', depth.oldestMs / 1000, { topic })
  }
}

export function measureStore(metrics: Metrics, { counters }: Pick<MeasuredStore, 'counters'>): void {
  const expired = (counters.expiredFiles ?? 0) + (counters.expiredIndices ?? 0)
  metrics.countTo('seamark_store_expired_files_total', expired)
  metrics.countTo('seamark_store_repeated_documents_total', counters.repeatedDocs ?? 0)
  metrics.countTo('seamark_store_retried_documents_total', counters.retriedDocs ?? 0)
  metrics.countTo('seamark_store_corrupt_files_total', counters.corruptFiles ?? 0)
}

const DEPTH_MS = 500
