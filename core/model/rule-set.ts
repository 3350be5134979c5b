/** A compiled, versioned rule set: pure judgement over batches. */
import type { Batch } from '../batch/batch.ts'
import type { Detection } from './detection.ts'
import type { EventId, Priority, SourceName } from './event.ts'
import type { CapturePlan } from './source.ts'

export interface RuleInfo {
  name: string
  description: string
  priority: Priority
  tags: string[]
  source: SourceName
  enabled: boolean
  /** Where what decides when it fires was last said. */
  file: string
  line: number
  /** Where it was first defined. */
  defined: { file: string; line: number }
  /** Where an item last redefined it, or changed anything of it; null for none. */
  changed: { file: string; line: number } | null
  /** Falco event names it can match; null = any. */
  eventTypes: string[] | null
}

/** `row` counts within its table. */
export interface Match {
  table: number
  row: number
  /** Index into `RuleSet.rules`. */
  rule: number
}

export interface DetectionContext {
  hostname: string
  collector: string
  idOf(table: number, row: number): EventId
  day(timeMs: number): { day: string; part: number }
}

export interface RuleSet {
  /** Digest over the sources and the order of matching: equal versions judge alike. What is captured has `plan.version`. */
  version: string
  rules: readonly RuleInfo[]
  plan: CapturePlan
  /** Every (row, rule) that fires, in (table, row, rule definition) order. */
  detect(batch: Batch): Match[]
  /** Formats one match. */
  detection(batch: Batch, match: Match, context: DetectionContext): Detection
}
