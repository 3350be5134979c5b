/**
 * The durable queue between stages. In the embedded shape it joins collector and analyzer; on a host of many it is the
 * spool. A contract suite in test/contract/queue.suite.ts holds every backend to the promises below.
 */
import type { BatchHeader, Envelope } from './batch.ts'
import type { Component } from './component.ts'
import type { BatchClass } from './event.ts'

/** Each destination of notifications has a topic of its own. */
export type Topic = 'batches' | 'detections' | 'index' | 'dead' | `notify/${string}`

export interface Item {
  /** Makes an offer idempotent: an id that the topic holds, or held within the backend's memory of ids, is taken once. */
  id: string
  /** When the topic is full, the lowest class is evicted first. */
  class: BatchClass
  /** Facts that stay readable when the payload was evicted. */
  header?: BatchHeader
  envelope?: Envelope
  /** Empty where the payload was evicted and only the header is left. */
  payload: Uint8Array
  /** In topic `dead` only: where the item came from and why it is here. Its id is `topic/id` of the original. */
  failure?: Failure
}

/** Why an item was given up. */
export interface Failure {
  topic: Topic
  /** The error's code, or its name where it has none. */
  code: string
  message: string
  /** How often the handler was tried. */
  attempts: number
  atMs: number
}

/** Where a source stands in what it reads; opaque to everyone but that source. */
export interface Checkpoint {
  source: string
  position: string
}

export interface Delivery {
  /** In the order they were offered, as far as the backend knows; never empty. */
  items: readonly Item[]
  /** 1 for the first time; a redelivery counts up. */
  attempt: number
}

export interface Depth {
  items: number
  bytes: number
  /** Age of the oldest item in ms; 0 when empty. */
  oldestMs: number
}

export interface ConsumeOptions {
  /** Most items in one delivery. */
  maxItems?: number
  /**
   * Most deliveries at the same time, so that one is handled while another waits for what it offered to be durable. A
   * backend may keep to one. Default 1.
   */
  deliveries?: number
}

export interface Queue {
  /**
   * Durable (synced to disk) when it resolves; all items and checkpoints or none. `full`: nothing was taken, or, where
   * lower classes could be evicted, they went and their headers stayed. Throws AppError E_QUEUE_STORAGE when the disk
   * refuses; nothing was taken then either.
   */
  offer(topic: Topic, items: readonly Item[], at?: readonly Checkpoint[]): Promise<'stored' | 'full'>
  /**
   * At least once, no order promised. The handler resolving means done. A retryable error (or any that is not an
   * AppError with retryable false) leads to another attempt with backoff; a permanent one, or too many attempts, moves
   * the items to `dead` with the reason.
   */
  consume(topic: Topic, handle: (delivery: Delivery) => Promise<void>, options?: ConsumeOptions): Component
  checkpoint(source: string): Promise<Checkpoint | null>
  depth(topic: Topic): Promise<Depth>
}
