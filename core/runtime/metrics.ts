/**
 * Seamark's own metrics. Every one is declared in this list, which docs/reference/metrics.md is generated from; stages
 * count per batch, never per event. Labels come from closed lists.
 */
import { Counter, Gauge, Registry } from 'prom-client'

export interface MetricSpec {
  kind: 'counter' | 'gauge'
  help: string
  labels: readonly string[]
}

const counter = (help: string, ...labels: string[]): MetricSpec => ({ kind: 'counter', help, labels })
const gauge = (help: string, ...labels: string[]): MetricSpec => ({ kind: 'gauge', help, labels })

export const METRICS = {
  seamark_collector_received_events_total: counter('Events a source gave to the collector.', 'source'),
  seamark_collector_kept_events_total: counter('Events that passed the edge filter.', 'source'),
  seamark_collector_filtered_events_total: counter(
    'Events judged and let go: no rule, window or keep policy wants them.',
    'source',
  ),
  seamark_collector_dropped_events_total: counter('Events lost before the queue.', 'source', 'reason'),
  seamark_collector_batches_total: counter('Batches made durable in the queue.'),
  seamark_collector_batch_bytes_total: counter('Sealed bytes made durable in the queue.'),
  seamark_collector_refused_batches_total: counter('Batches the queue did not take.', 'reason'),
  seamark_collector_processes: gauge('Processes in the process tree.'),
  seamark_collector_evicted_processes_total: counter('Processes evicted from the full process tree.'),
  seamark_collector_unresolved_contexts_total: counter('Process contexts without known facts.', 'reason'),
  seamark_collector_name_read_failures_total: counter(
    'Readings of a passwd or group file that failed in a way nobody foresaw; their users stay without a name.',
  ),
  seamark_collector_state_left_out_total: counter(
    'Processes in batches whose descriptors or memory there was no time to read, so that these fields are absent.',
  ),
  seamark_collector_domain_lookup_failures_total: counter(
    'Host names of rules (fd.sip.name and the like) that had no address, or that nobody answered for.',
  ),
  seamark_collector_containers: gauge('Containers known.'),
  seamark_capture_sent_events_total: counter('Events the kernel programs made, lost ones included.'),
  seamark_capture_received_events_total: counter('Events drained from the rings into rows.'),
  seamark_capture_malformed_records_total: counter('Ring records that could not be read.', 'reason'),
  seamark_capture_late_events_total: counter('Events whose time was moved up behind the watermark.'),
  seamark_capture_chunks_total: counter('Chunks handed from the drain thread to the collector.'),
  seamark_capture_stalled_ticks_total: counter('Ticks in which nothing was drained, for want of a free chunk.'),
  seamark_capture_untracked_requests_total: counter(
    'Requests of io_uring reported without their result, for want of room to await it.',
  ),
  seamark_capture_outstanding_chunks: gauge('Chunks that the collector is working on.'),
  seamark_capture_ring_bytes: gauge('Bytes waiting in the rings.'),
  seamark_source_up: gauge('1 while the source runs, 0 while it is blind.', 'source'),
  seamark_ingest_batches_total: counter('Batches of hosts made durable.'),
  seamark_ingest_bytes_total: counter('Bytes of batches made durable.'),
  seamark_ingest_offers_total: counter('Offers to the queue; small batches share one.'),
  seamark_ingest_refused_requests_total: counter('Requests of hosts that were refused.', 'reason'),
  seamark_ingest_clock_skew_seconds: gauge("How far a host's clock is ahead of ingest's.", 'collector'),
  seamark_shipper_batches_total: counter('Batches that ingest has taken.'),
  seamark_shipper_errors_total: counter('Messages that ingest did not take and that are tried again.', 'reason'),
  seamark_analyzer_received_batches_total: counter('Batches taken from the queue.'),
  seamark_analyzer_received_events_total: counter('Events taken from the queue.'),
  seamark_analyzer_evicted_events_total: counter(
    'Events whose batches were evicted from a full queue before they were judged.',
  ),
  seamark_analyzer_dropped_detections_total: counter('Detections beyond what one batch may have.'),
  seamark_analyzer_detections_total: counter('Detections made.', 'priority'),
  seamark_analyzer_substituted_rulesets_total: counter(
    'Batches judged by other rules than those stamped on them, which were no longer known.',
  ),
  seamark_analyzer_corrupt_batches_total: counter('Batches quarantined because they cannot be read.'),
  seamark_analyzer_unloadable_rulesets_total: counter('Times that the rules of a batch could not be loaded here.'),
  seamark_analyzer_poisoned_events_total: counter('Events that could not be judged and became dead letters.'),
  seamark_dead_letters_total: counter('Items given up and kept as dead letters.', 'topic'),
  seamark_dead_letters: gauge('Dead letters held.'),
  seamark_dead_letters_dropped_total: counter(
    'Dead letters that went because there were too many: of one collector (share), or of all (oldest).',
    'reason',
  ),
  seamark_alerts_received_detections_total: counter('Detections that reached alerting.'),
  seamark_alerts_opened_total: counter('Alerts opened.', 'priority'),
  seamark_alerts_repeated_detections_total: counter('Detections that were already counted (redelivered).'),
  seamark_alerts_pruned_total: counter('Alerts forgotten because nothing touched them within store.retention_days.'),
  seamark_notify_sent_total: counter('Notifications delivered.', 'destination'),
  seamark_notify_errors_total: counter('Tries of notifications that failed.', 'destination'),
  seamark_notify_dead_total: counter('Notifications given up and moved to the topic `dead`.', 'destination'),
  seamark_notify_dropped_total: counter('Notifications that were not kept for delivery.', 'destination', 'reason'),
  seamark_notify_up: gauge('1 while the destination takes notifications, 0 while it fails.', 'destination'),
  seamark_ingest_lost_events_total: counter('Events that hosts say they lost before they could send them.', 'reason'),
  seamark_indexer_written_documents_total: counter('Documents written to the search store.', 'kind'),
  seamark_indexer_evicted_events_total: counter(
    'Events whose batches were evicted from a full queue before they were stored.',
  ),
  seamark_indexer_refused_documents_total: counter('Documents the search store will never take.', 'kind'),
  seamark_queue_items: gauge('Items waiting.', 'topic'),
  seamark_queue_bytes: gauge('Bytes waiting.', 'topic'),
  seamark_queue_oldest_seconds: gauge('Age of the oldest item waiting.', 'topic'),
  seamark_queue_evicted_items_total: counter('Items that lost their payload so that others fit.'),
  seamark_queue_evicted_bytes_total: counter('Bytes freed by eviction.'),
  seamark_queue_refused_offers_total: counter('Offers refused because a topic was full.'),
  seamark_queue_dead_items_total: counter('Items given up by consumers and moved to the topic `dead`.'),
  seamark_queue_storage_errors_total: counter('Reads or writes of queue files that failed.'),
  seamark_queue_stalled_items_total: counter('Items taken over from consumers that fell silent.'),
  seamark_queue_retried_items_total: counter('Items whose handling failed and is tried again.'),
  seamark_queue_corrupt_files_total: counter('Damaged queue files that were set aside.'),
  seamark_store_expired_files_total: counter('Parts removed because of their age or of store.max_bytes.'),
  seamark_store_repeated_documents_total: counter('Documents that were stored already (redelivered).'),
  seamark_store_retried_documents_total: counter(
    'Documents sent again because the search store could not take them (busy, blocked).',
  ),
  seamark_store_corrupt_files_total: counter('Damaged store files that were set aside.'),
  seamark_conditions: gauge(
    'What is wrong with Seamark itself now, by condition (docs/reference/conditions.md); 0 is good.',
    'condition',
  ),
  seamark_conditions_dropped_total: counter('Conditions not kept because there were too many.', 'condition'),
  seamark_commands_total: counter('Commands that this host has answered.', 'outcome'),
  seamark_redis_up: gauge('1 while Redis answers.'),
  seamark_redis_used_bytes: gauge('Memory that Redis uses.'),
  seamark_redis_max_bytes: gauge("Redis' limit of memory (`maxmemory`); 0 is none."),
  seamark_redis_evicted_keys_total: counter('Keys that Redis threw away for want of memory.'),
  seamark_background_failures_total: counter('Work in the background that failed.', 'task'),
  seamark_thread_failures_total: counter('Requests that a thread could not do.', 'thread', 'request'),
  seamark_rules_loaded: gauge('Enabled rules in the active set.'),
  seamark_rules_reloads_total: counter('Attempts to reload rules.', 'result'),
} as const satisfies Record<string, MetricSpec>

export type MetricName = keyof typeof METRICS
type Labels = Record<string, string>

/** The metrics of one thread; threads' registries are merged where they are shown. */
export class Metrics {
  readonly registry = new Registry()
  private readonly metrics = new Map<MetricName, Counter | Gauge>()
  /** By name and labels: what `countTo` was told last. */
  private readonly totals = new Map<string, number>()

  constructor() {
    for (const [name, spec] of Object.entries(METRICS) as [MetricName, MetricSpec][]) {
      const options = { name, help: spec.help, labelNames: [...spec.labels], registers: [this.registry] }
      this.metrics.set(name, spec.kind === 'counter' ? new Counter(options) : new Gauge(options))
    }
  }

  add(name: MetricName, by = 1, labels: Labels = {}): void {
    if (by > 0) this.metrics.get(name)!.inc(labels, by)
  }

  /** Brings a counter up to a total that is counted elsewhere; a total that fell began anew. */
  countTo(name: MetricName, total: number, labels: Labels = {}): void {
    const key = `${name}${JSON.stringify(labels)}`
    const before = this.totals.get(key) ?? 0
    this.totals.set(key, total)
    this.add(name, total >= before ? total - before : total, labels)
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    ;(this.metrics.get(name) as Gauge).set(labels, value)
  }
}
