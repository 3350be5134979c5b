/**
 * Stamps batches where they become durable. In one process the collector's own offer is that place, so it decides what
 * ingest would: when a batch came, which rules judge it, and which part of the store each of its days goes to.
 */
import { storageDays } from '../../core/batch/storage-day.ts'
import type { BatchHeader, Envelope } from '../../core/model/batch.ts'

export interface EnvelopeStampOptions {
  /** The part of the search store that new rows of a day belong to. */
  currentPart: (day: string) => number
  nowMs?: () => number
}

/** How long an answer of the store holds; a part may outgrow its bound by what is written meanwhile. */
const PARTS_MS = 1_000

export function createEnvelopeStamp({ currentPart, nowMs = Date.now }: EnvelopeStampOptions) {
  let parts: Record<string, number> = {}
  let readMs = Number.NEGATIVE_INFINITY
  return (header: BatchHeader): Envelope => {
    const receivedMs = nowMs()
    if (receivedMs - readMs >= PARTS_MS || receivedMs < readMs) {
      readMs = receivedMs
      parts = Object.fromEntries(storageDays(receivedMs).map((day) => [day, currentPart(day)]))
    }
    return { receivedMs, ruleset: header.edgeRuleset, parts }
  }
}
