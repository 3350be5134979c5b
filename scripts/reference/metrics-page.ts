/** docs/reference/metrics.md, from the list in core/runtime/metrics.ts. */
import { METRICS } from '../../core/runtime/metrics.ts'
import { page, tableOf } from './markdown.ts'

export function metricsPage(): string {
  return page(
    'Metrics',
    '`GET /metrics` in the Prometheus text format. Counted per batch. Source: `core/runtime/metrics.ts`.',
    tableOf(
      ['metric', 'kind', 'labels', 'meaning'],
      Object.entries(METRICS).map(([name, { kind, labels, help }]) => [
        `\`${name}\``,
        kind,
        labels.map((label) => `\`${label}\``).join(', '),
        help,
      ]),
    ),
  )
}
