/** Alerts and detections as documents of the search store, under ECS names. */
import type { Alert, Detection } from '../core/model/detection.ts'
import { PRIORITIES } from '../core/model/event.ts'
import type { Doc } from '../core/model/search-store.ts'

/** Detections a document names; the state behind it remembers more. */
const MAX_LISTED = 100

/** The alert's storage place is that of its first detection, so that every version of it lands on the same document. */
export function alertDocument(alert: Alert): Doc {
  const first = new Date(alert.firstMs).toISOString()
  const body = documentOf(alert.latest)
  const seamark = (body.seamark ?? {}) as Record<string, unknown>
  return {
    kind: 'alert',
    id: alert.id,
    timeMs: alert.firstMs,
    day: alert.day,
    part: alert.part,
    version: alert.version,
    body: {
      ...body,
      '@timestamp': first,
      seamark: {
        ...seamark,
        evidence: alert.latest.evidence,
        alert: {
          id: alert.id,
          status: alert.status,
          count: alert.count,
          first,
          last: new Date(alert.lastMs).toISOString(),
          detections: alert.detections.slice(-MAX_LISTED),
        },
      },
    },
  }
}

export function detectionDocument(detection: Detection, alertId: string): Doc {
  const body = documentOf(detection)
  const seamark = (body.seamark ?? {}) as Record<string, unknown>
  return {
    kind: 'detection',
    id: detection.id,
    timeMs: detection.timeMs,
    day: detection.day,
    part: detection.part,
    body: { ...body, seamark: { ...seamark, evidence: detection.evidence, alert: { id: alertId } } },
  }
}

function documentOf(detection: Detection): Record<string, unknown> {
  const event = (detection.event.event ?? {}) as Record<string, unknown>
  return {
    ...detection.event,
    '@timestamp': new Date(detection.timeMs).toISOString(),
    message: detection.output,
    tags: detection.tags,
    rule: { name: detection.rule, ruleset: detection.ruleset },
    log: { level: detection.priority.toLowerCase() },
    event: { ...event, kind: 'alert', severity: PRIORITIES.length - PRIORITIES.indexOf(detection.priority) },
  }
}
