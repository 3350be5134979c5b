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
  seamark_collector_containers: gauge('Containers known.'),
  seamark_source_up: gauge('1 while the source runs, 0 while it is blind.', 'source'),
  seamark_analyzer_received_batches_total: counter('Batches taken from the queue.'),
  seamark_analyzer_received_events_total: counter('Events taken from the queue.'),
  seamark_analyzer_detections_total: counter('Detections made.', 'priority'),
  seamark_analyzer_corrupt_batches_total: counter('Batches quarantined because they cannot be read.'),
  seamark_alerts_received_detections_total: counter('Detections that reached alerting.'),
  seamark_alerts_opened_total: counter('Alerts opened.', 'priority'),
  seamark_alerts_repeated_detections_total: counter('Detections that were already counted (redelivered).'),
  seamark_notify_sent_total: counter('Notifications delivered.', 'destination'),
  seamark_notify_errors_total: counter('Notifications that failed and are tried again.', 'destination'),
  seamark_indexer_written_documents_total: counter('Documents written to the search store.', 'kind'),
  seamark_indexer_refused_documents_total: counter('Documents the search store will never take.', 'kind'),
  seamark_queue_items: gauge('Items waiting.', 'topic'),
  seamark_queue_bytes: gauge('Bytes waiting.', 'topic'),
  seamark_queue_oldest_seconds: gauge('Age of the oldest item waiting.', 'topic'),
  seamark_rules_loaded: gauge('Enabled rules in the active set.'),
  seamark_rules_reloads_total: counter('Attempts to reload rules.', 'result'),
} as const satisfies Record<string, MetricSpec>

export type MetricName = keyof typeof METRICS
type Labels = Record<string, string>

/** The metrics of one thread; threads' registries are merged where they are shown. */
export class Metrics {
  readonly registry = new Registry()
  private readonly metrics = new Map<MetricName, Counter | Gauge>()

  constructor() {
    for (const [name, spec] of Object.entries(METRICS) as [MetricName, MetricSpec][]) {
      const options = { name, help: spec.help, labelNames: [...spec.labels], registers: [this.registry] }
      this.metrics.set(name, spec.kind === 'counter' ? new Counter(options) : new Gauge(options))
    }
  }

  add(name: MetricName, by = 1, labels: Labels = {}): void {
    if (by > 0) this.metrics.get(name)!.inc(labels, by)
  }

  set(name: MetricName, value: number, labels: Labels = {}): void {
    ;(this.metrics.get(name) as Gauge).set(labels, value)
  }
}
