/**
 * Gives equal byte sequences equal numbers: a hash table over one growing piece of memory, so that nothing is allocated
 * per sequence. Equality is of the bytes, never of the hash. Input may be hostile: a search that meets too many others
 * gives up and hands out a number of its own, which costs a chance to remember but is never wrong.
 */
import { randomBytes } from 'node:crypto'

/** Probes before a search gives up. */
const MAX_PROBES = 32
const MIN_SLOTS = 1024

export class ByteSequences {
  /** Numbers given out so far; they count up from 1. */
  count = 0
  /** Bytes remembered so far. */
  byteCount = 0
  private bytes = Buffer.alloc(64 * 1024)
  /** By number: where its bytes end, and their hash. */
  private ends = new Uint32Array(MIN_SLOTS)
  private hashes = new Int32Array(MIN_SLOTS)
  /** Numbers by hash; 0 is free. At most half full. */
  private slots = new Int32Array(MIN_SLOTS * 2)
  private readonly seed = randomBytes(4).readInt32LE(0)

  /** Forgets everything; numbers start anew. */
  clear(): void {
    this.count = 0
    this.byteCount = 0
    this.slots.fill(0)
  }

  /** The number of the bytes from `start` to `end`. */
  numberOf(source: Uint8Array, start: number, end: number): number {
    const hash = this.hash(source, start, end)
    const last = this.slots.length - 1
    let slot = hash & last
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const known = this.slots[slot]!
      if (known === 0) return this.add(source, start, end, hash, slot)
      if (this.hashes[known] === hash && this.isEqual(known, source, start, end)) return known
      slot = (slot + 1) & last
    }
    return this.add(source, start, end, hash, -1)
  }

  /** A number that stands for nothing else. */
  ownNumber(): number {
    return this.add(this.bytes, 0, 0, 0, -1)
  }

  private add(source: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const number = ++this.count
    if (number >= this.ends.length) this.growNumbers()
    const from = this.byteCount
    this.byteCount += end - start
    if (this.byteCount > this.bytes.length) this.growBytes()
    const { bytes } = this
    for (let i = start, at = from; i < end; i++, at++) bytes[at] = source[i]!
    this.ends[number] = this.byteCount
    this.hashes[number] = hash
    if (slot >= 0) this.slots[slot] = number
    if (number * 2 > this.slots.length) this.growSlots()
    return number
  }

  private isEqual(number: number, source: Uint8Array, start: number, end: number): boolean {
    const { bytes } = this
    const from = number === 1 ? 0 : this.ends[number - 1]!
    if (this.ends[number]! - from !== end - start) return false
    for (let i = start, at = from; i < end; i++, at++) if (bytes[at] !== source[i]) return false
    return true
  }

  /** As FNV-1a, four bytes at a time, from a random start; mixed in between and at the end as in MurmurHash3. */
  private hash(source: Uint8Array, start: number, end: number): number {
    let hash = this.seed ^ (end - start)
    let i = start
    for (; i + 4 <= end; i += 4) {
      const word = source[i]! | (source[i + 1]! << 8) | (source[i + 2]! << 16) | (source[i + 3]! << 24)
      hash = Math.imul(hash ^ word, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    for (; i < end; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193)
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  private growNumbers(): void {
    const ends = new Uint32Array(this.ends.length * 2)
    ends.set(this.ends)
    const hashes = new Int32Array(this.hashes.length * 2)
    hashes.set(this.hashes)
    this.ends = ends
    this.hashes = hashes
  }

  private growBytes(): void {
    const bytes = Buffer.alloc(Math.max(this.byteCount, this.bytes.length * 2))
    this.bytes.copy(bytes)
    this.bytes = bytes
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
