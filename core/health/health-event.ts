/** One event about Seamark itself, as a batch of its own. */
import type { Batch } from '../batch/batch.ts'
import { BatchBuilder } from '../batch/builder.ts'
import { fromText } from '../batch/strings.ts'
import { EVENT_TYPES } from '../fields/event-types.ts'

export interface HealthEvent {
  /** Such as `capture.drop` or `redis.full.began`. */
  kind: string
  /** One readable sentence. */
  message: string
  /** How many, where it counts something; else 1. */
  count: number
  attributes: Readonly<Record<string, string>>
  /** ns since the Unix epoch. */
  atNs: bigint
}

export function healthBatch({ kind, message, count, attributes, atNs }: HealthEvent): Batch {
  const builder = new BatchBuilder(atNs)
  builder.addEvent('health', atNs, {
    type: EVENT_TYPES.health.code,
    kindName: fromText(kind),
    message: fromText(message),
    count,
    attributes: fromText(JSON.stringify(attributes)),
  })
  return builder.build()
}
