/** The conditions of every process of a Seamark, in its documents: one document for each process that has some. */
import type { Documents } from '../model/documents.ts'
import type { Condition } from './conditions.ts'

export const CONDITIONS_SPACE = 'conditions'

export interface PublishedCondition extends Condition {
  /** The process or thread that found it. */
  part: string
}

interface Published {
  part: string
  seenMs: number
  conditions: Condition[]
}

const MAX_PARTS = 1_000
const MAX_PUBLISHED = 100
/** A process that was silent for longer has ended, and its conditions with it. */
const STALE_MS = 30_000

/** The oldest hundred of them, under a key that no other process has. */
export async function publishConditions(
  documents: Documents,
  key: string,
  part: string,
  conditions: readonly Condition[],
  nowMs: number,
): Promise<void> {
  if (conditions.length === 0) return withdrawConditions(documents, key)
  const held = await documents.get(CONDITIONS_SPACE, key)
  const value: Published = { part, seenMs: nowMs, conditions: conditions.slice(0, MAX_PUBLISHED) }
  await documents.put(CONDITIONS_SPACE, key, value, held?.version ?? 0)
}

export async function withdrawConditions(documents: Documents, key: string): Promise<void> {
  const held = await documents.get(CONDITIONS_SPACE, key)
  if (held !== null) await documents.remove(CONDITIONS_SPACE, key, held.version)
}

/** What processes that were killed left behind. */
export async function removeStaleConditions(documents: Documents, nowMs: number): Promise<void> {
  for (const { key, value, version } of await documents.scan(CONDITIONS_SPACE, '', MAX_PARTS)) {
    if (nowMs - (value as Published).seenMs > STALE_MS) await documents.remove(CONDITIONS_SPACE, key, version)
  }
}

/** What holds now, the oldest first. */
export async function readConditions(documents: Documents, nowMs: number): Promise<PublishedCondition[]> {
  const found = await documents.scan(CONDITIONS_SPACE, '', MAX_PARTS)
  return found
    .flatMap(({ value }) => {
      const { part, seenMs, conditions } = value as Published
      return Math.abs(nowMs - seenMs) > STALE_MS ? [] : conditions.map((one) => ({ ...one, part }))
    })
    .sort((a, b) => a.sinceMs - b.sinceMs)
}
