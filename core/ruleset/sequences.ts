/**
 * Gives equal sequences equal numbers: a hash table over one growing piece of memory, so that nothing is allocated per
 * sequence. Equality is of the content, never of the hash. Input may be hostile: a search that meets too many others
 * gives up and hands out a number of its own, which costs a chance to remember but is never wrong.
 */
import { randomBytes } from 'node:crypto'

/** Probes before a search gives up. */
const MAX_PROBES = 32
const MIN_SLOTS = 1024

/** What the elements are, a subclass says: that keeps each loop over them to one type of array. */
export abstract class Sequences<Elements extends Uint8Array | Int32Array> {
  /** Numbers given out so far; they count up from 1. */
  count = 0
  /** Elements remembered so far. */
  size = 0
  protected abstract kept: Elements
  protected readonly seed = randomBytes(4).readInt32LE(0)
  /** By number: where its elements end, and their hash. */
  private ends = new Uint32Array(MIN_SLOTS)
  private hashes = new Int32Array(MIN_SLOTS)
  /** Numbers by hash; 0 is free. At most half full. */
  private slots = new Int32Array(MIN_SLOTS * 2)

  protected abstract hash(source: Elements, start: number, end: number): number
  /** Whether the elements kept from `from` on are those from `start` to `end`. */
  protected abstract isKeptAt(from: number, source: Elements, start: number, end: number): boolean
  /** Keeps elements from `at` on; there is room. */
  protected abstract keep(at: number, source: Elements, start: number, end: number): void
  protected abstract grow(length: number): void

  /** Forgets everything; numbers start anew. */
  clear(): void {
    this.count = 0
    this.size = 0
    this.slots.fill(0)
  }

  /** The number of the elements from `start` to `end`. */
  numberOf(source: Elements, start: number, end: number): number {
    return this.find(source, start, end, this.hash(source, start, end))
  }

  /** The same for a hash that the elements have: always the same for equal ones. */
  protected find(source: Elements, start: number, end: number, hash: number): number {
    const { slots, hashes, ends } = this
    const last = slots.length - 1
    let slot = hash & last
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const known = slots[slot]!
      if (known === 0) return this.add(source, start, end, hash, slot)
      if (hashes[known] === hash) {
        const from = known === 1 ? 0 : ends[known - 1]!
        if (ends[known]! - from === end - start && this.isKeptAt(from, source, start, end)) return known
      }
      slot = (slot + 1) & last
    }
    return this.add(source, start, end, hash, -1)
  }

  /** A number that stands for nothing else. */
  ownNumber(): number {
    return this.add(this.kept, 0, 0, 0, -1)
  }

  private add(source: Elements, start: number, end: number, hash: number, slot: number): number {
    const number = ++this.count
    if (number >= this.ends.length) this.growNumbers()
    const from = this.size
    this.size += end - start
    if (this.size > this.kept.length) this.grow(Math.max(this.size, this.kept.length * 2))
    this.keep(from, source, start, end)
    this.ends[number] = this.size
    this.hashes[number] = hash
    if (slot >= 0) this.slots[slot] = number
    if (number * 2 > this.slots.length) this.growSlots()
    return number
  }

  private growNumbers(): void {
    const ends = new Uint32Array(this.ends.length * 2)
    ends.set(this.ends)
    const hashes = new Int32Array(this.hashes.length * 2)
    hashes.set(this.hashes)
    this.ends = ends
    this.hashes = hashes
  }

  private growSlots(): void {
    const slots = new Int32Array(this.slots.length * 2)
    const last = slots.length - 1
    for (let number = 1; number <= this.count; number++) {
      let slot = this.hashes[number]! & last
      let probes = 1
      while (slots[slot] !== 0 && probes < MAX_PROBES) {
        slot = (slot + 1) & last
        probes++
      }
      if (slots[slot] === 0) slots[slot] = number
    }
    this.slots = slots
  }
}
