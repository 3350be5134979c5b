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
/** A slot that has as many ids is followed by the next. */
const SLOT_IDS = 128
export const DEFAULT_SLOTS = 1024
/** Slots read in one go behind the last that is known. */
const AHEAD = 16

interface Slot {
  /** Counts up along the ring; the greatest is the head. */
  order: number
  /** New at each write, so that a reader sees whether it knows what is in there. */
  stamp: string
  /** Pairs of detection and alert, flat: [detection, alert, …]. Only grows until the ring comes round. */
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
  private staged: Slot[] = []

  /** `slotCount` slots of 128 ids each. */
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
    this.staged = []
    if (!this.isLoaded) await this.load()
    // From here on the commit fails if anybody else counts: all who do write to this slot. What was learnt after a look
    // at a slot is no older than the look, so one look at each slot is enough.
    for (let looked = ''; !(await this.isNextAsKnown(drafts)); ) {
      const key = this.keyOf(this.next())
      if (key === looked) return
      looked = key
      await this.catchUp()
    }
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
    const pairs = [...this.fresh].flat()
    let slot = this.next()
    for (let from = 0; from < pairs.length; ) {
      const to = from + 2 * SLOT_IDS - slot.ids.length
      const grown = { order: slot.order, stamp: randomUUID(), ids: [...slot.ids, ...pairs.slice(from, to)] }
      await drafts.set(SPACE, this.keyOf(grown), grown)
      this.staged.push(grown)
      slot = { order: slot.order + 1, stamp: '', ids: [] }
      from = to
    }
  }

  /** Told that the commit went through. When it did not, or nobody knows, the next attempt finds out. */
  settle(): void {
    for (const slot of this.staged) this.adopt(slot)
  }

  /** The slot that the next id goes to. */
  private next(): Slot {
    if (this.head.ids.length < 2 * SLOT_IDS) return this.head
    return { order: this.head.order + 1, stamp: '', ids: [] }
  }

  private async isNextAsKnown(drafts: Drafts): Promise<boolean> {
    const key = this.keyOf(this.next())
    const stored = await drafts.get<Slot>(SPACE, key)
    return (stored?.stamp ?? '') === (this.slots.get(key)?.stamp ?? '')
  }

  private async load(): Promise<void> {
    this.slots.clear()
    this.alertOf.clear()
    this.head = { order: 0, stamp: '', ids: [] }
    for (const slot of await this.read(0, this.slotCount)) if (slot !== undefined) this.adopt(slot)
    this.isLoaded = true
  }

  /** Reads on from the head, which may have grown too. */
  private async catchUp(): Promise<void> {
    for (;;) {
      const from = this.head.order
      const slots = await this.read(from, Math.min(AHEAD, this.slotCount))
      const end = slots.findIndex((slot, i) => slot === undefined || slot.order !== from + i)
      // The ring has come round since.
      if (end >= 0 && (slots[end]?.order ?? 0) > from + end) return this.load()
      for (const slot of end < 0 ? slots : slots.slice(0, end)) this.adopt(slot!)
      if (end >= 0) return
    }
  }

  /** So many slots from an order on, all as they were at the same moment. */
  private async read(from: number, count: number): Promise<(Slot | undefined)[]> {
    const wanted = Array.from({ length: count }, (_, i) => ({ space: SPACE, key: this.keyOf({ order: from + i }) }))
    return (await this.documents.getAll(wanted)).map((stored) => stored?.value as Slot | undefined)
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
