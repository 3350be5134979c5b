/** A detection is one firing of a rule, immutable; an alert is the grouped, mutable thing people work on. */
import type { EventId, Priority, SourceName } from './event.ts'

export interface Detection {
  /** digest(rule name, event id); for a window digest(rule, key, contributing ids). */
  id: string
  rule: string
  ruleset: string
  source: SourceName
  priority: Priority
  tags: string[]
  hostname: string
  /** Event time in ns since the Unix epoch, as a decimal string (it does not fit a double). */
  timeNs: string
  timeMs: number
  key: string[]
  evidence: EventId[]
  /** The formatted output, readable text. */
  output: string
  /** Falco's output_fields: the values named by the output; absent is null. */
  fields: Record<string, string | number | boolean | null | (string | number)[]>
  /** The ECS document of the event behind it, ancestry included. */
  event: Record<string, unknown>
  /** Storage day and part of the detection, those of its event. */
  day: string
  part: number
}

export type AlertStatus = 'open' | 'acknowledged' | 'closed'

export interface Alert {
  /** digest(rule, group key, first detection). */
  id: string
  rule: string
  priority: Priority
  key: string[]
  latest: Detection
  /** The ids counted last, up to 100. */
  detections: string[]
  count: number
  firstMs: number
  lastMs: number
  /** Storage place, that of the first detection. */
  day: string
  part: number
  status: AlertStatus
  version: number
}
