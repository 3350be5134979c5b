/**
 * Which detections have been counted, and in which alert: what makes counting exact though detections may come again,
 * late, and in any order. A ring of slots in Documents, with an index in memory. Every change goes through the slot at
 * the ring's head by compare-and-set, so that of several who count at the same time each learns of the others first.
 * Bounded: an id is remembered until about 130,000 others were counted, more than the queue remembers of finished items.
 */
import { randomUUID } from 'node:crypto'
import type { Documents } from '../core/model/documents.ts'
import type { Drafts } from './drafts.ts'

const SPACE = 'alert-counted'
/** A slot that has as many ids is followed by the next; the last delivery may overfill it. */
const SLOT_IDS = 128
export const DEFAULT_SLOTS = 1024
const PAGE = 256

interface Slot {
  /** Counts up along the ring; the greatest is the head. */
  order: number
  /** New at each write, so that a reader sees whether it knows what is in there. */
  stamp: string
  /** Pairs of detection and alert, flat: [detection, alert, …]. */
  ids: string[]
}

export class CountedDetections {
  private readonly documents: Documents
  private readonly slotCount: number
  private readonly slots = new Map<string, Slot>()
  private readonly alertOf = new Map<string, string>()
  private head: Slot = { order: 0, stamp: '', ids: [] }
  private isLoaded = false
  /** Of the attempt under way. */
  private fresh = new Map<string, string>()
  private staged: Slot | null = null

  /** `slotCount` slots of about 128 ids each. */
  constructor(documents: Documents, slotCount: number = DEFAULT_SLOTS) {
    this.documents = documents
    this.slotCount = slotCount
  }

  get size(): number {
    return this.alertOf.size
  }

  /** Begins an attempt: what was noted since the last is forgotten, and what others counted is learnt. */
  async begin(drafts: Drafts): Promise<void> {
    this.fresh = new Map()
    this.staged = null
    const stored = await drafts.get<Slot>(SPACE, this.keyOf(this.head))
    if (!this.isLoaded || (stored?.stamp ?? '') !== this.head.stamp) await this.load()
  }

  /** The id of the alert that counted the detection; undefined for one that is new. */
  find(detectionId: string): string | undefined {
    return this.fresh.get(detectionId) ?? this.alertOf.get(detectionId)
  }

  note(detectionId: string, alertId: string): void {
    this.fresh.set(detectionId, alertId)
  }

  /** Adds what was noted to the commit. */
  async stage(drafts: Drafts): Promise<void> {
    if (this.fresh.size === 0) return
    const isFull = this.head.ids.length >= 2 * SLOT_IDS
    const before = isFull ? { order: this.head.order + 1, ids: [] } : this.head
    this.staged = { order: before.order, stamp: randomUUID(), ids: [...before.ids, ...[...this.fresh].flat()] }
    // Should the commit throw, nobody knows what became of it.
    this.isLoaded = false
    await drafts.set(SPACE, this.keyOf(this.staged), this.staged)
  }

  /** Told whether the commit went through; when not, others have counted meanwhile. */
  settle(isCommitted: boolean): void {
    this.isLoaded = isCommitted
    if (isCommitted && this.staged !== null) this.adopt(this.staged)
  }

  private async load(): Promise<void> {
    this.slots.clear()
    this.alertOf.clear()
    this.head = { order: 0, stamp: '', ids: [] }
    for (let after = ''; ; ) {
      const page = await this.documents.scan(SPACE, after, PAGE)
      for (const { value } of page) this.adopt(value as Slot)
      if (page.length < PAGE) break
      after = page.at(-1)!.key
    }
    this.isLoaded = true
  }

  private adopt(slot: Slot): void {
    const key = this.keyOf(slot)
    const before = this.slots.get(key)
    if (before !== undefined && before.order !== slot.order)
      for (let i = 0; i < before.ids.length; i += 2) this.alertOf.delete(before.ids[i]!)
    // The same slot only grows.
    const from = before?.order === slot.order ? before.ids.length : 0
    for (let i = from; i < slot.ids.length; i += 2) this.alertOf.set(slot.ids[i]!, slot.ids[i + 1]!)
    this.slots.set(key, slot)
    if (slot.order >= this.head.order) this.head = slot
  }

  private keyOf({ order }: { order: number }): string {
    return String(order % this.slotCount).padStart(6, '0')
  }
}
