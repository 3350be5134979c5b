/** Names that BullMQ accepts: neither a queue nor a job may have a colon, and a job's name may not be a number. */
import type { Topic } from '../../../core/model/queue.ts'

export function jobsName(topic: Topic): string {
  return encodeURIComponent(topic)
}

export function jobIdOf(itemId: string): string {
  return `item-${encodeURIComponent(itemId)}`
}
