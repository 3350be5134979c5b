/**
 * What travels between stages: a sealed batch of events and the stamps it collects on its way.
 * The bytes are opaque outside `core/batch`.
 */
import type { BatchClass, SourceName } from './event.ts'

/** The readable part of a batch; stored uncompressed in front of its columns. */
export interface BatchHeader {
  /** The collector's id; at a distance, the authenticated one. */
  collector: string
  /** Random per start for live system calls; fixed for sources with checkpoints and for recordings. */
  epoch: string
  /** Counts up by one from 1 within (collector, epoch) and has no holes: a dropped batch still leaves its header. */
  sequence: number
  /** Per source: no later batch of this collector holds a row older than this (ms since the Unix epoch). */
  lowMs: Partial<Record<SourceName, number>>
  /** What was lost before this batch, by reason (`ring_full`, `budget`, …), since the previous header. */
  dropped: Record<string, number>
  /** Version of the capture plan that was in force. */
  plan: string
  /** Version of the rule set that the host's edge filter ran; its matches travel with the rows. */
  edgeRuleset: string
  class: BatchClass
  /** Rows in the batch; 0 makes it a heartbeat. */
  rows: number
}

export interface EventBatch {
  header: BatchHeader
  /** The sealed frame, header included; `core/batch/seal.ts` reads and writes it. */
  bytes: Uint8Array
}

/** Stamped once, where the batch becomes durable, and remembered per (collector, epoch, sequence). */
export interface Envelope {
  receivedMs: number
  /** The one rule-set version that judges this batch; empty where those in force at its analyzer do. */
  ruleset: string
  /** Storage day (`2026-11-22`, UTC) → numbered part. A row's day is its event time clamped around `receivedMs`. */
  parts: Record<string, number>
}
