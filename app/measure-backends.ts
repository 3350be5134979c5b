/** Brings the metrics of a thread up to what its own queue and store have counted. */
import type { QueueCounters } from '../backends/sqlite/queue.ts'
import type { StoreCounters } from '../backends/sqlite/search-store.ts'
import type { Metrics } from '../core/runtime/metrics.ts'

export function measureQueue(metrics: Metrics, counters: Readonly<QueueCounters>): void {
  metrics.countTo('seamark_queue_evicted_items_total', counters.evictedItems)
  metrics.countTo('seamark_queue_evicted_bytes_total', counters.evictedBytes)
  metrics.countTo('seamark_queue_refused_offers_total', counters.refusedOffers)
  metrics.countTo('seamark_queue_dead_items_total', counters.buriedItems)
  metrics.countTo('seamark_queue_storage_errors_total', counters.storageErrors)
  metrics.countTo('seamark_queue_corrupt_files_total', counters.corruptFiles)
}

export function measureStore(metrics: Metrics, counters: Readonly<StoreCounters>): void {
  metrics.countTo('seamark_store_expired_files_total', counters.expiredFiles)
  metrics.countTo('seamark_store_repeated_documents_total', counters.repeatedDocs)
  metrics.countTo('seamark_store_corrupt_files_total', counters.corruptFiles)
}
