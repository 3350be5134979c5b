/** Numbers for sequences of bytes, such as texts. */
import { Sequences } from './sequences.ts'

export class ByteSequences extends Sequences<Uint8Array> {
  protected override kept: Uint8Array = new Uint8Array(64 * 1024)

  /** As FNV-1a, four bytes at a time, from a random start; mixed in between and at the end as in MurmurHash3. */
  protected override hash(source: Uint8Array, start: number, end: number): number {
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

  protected override isKeptAt(from: number, source: Uint8Array, start: number, end: number): boolean {
    const { kept } = this
    for (let i = start, at = from; i < end; i++, at++) if (kept[at] !== source[i]) return false
    return true
  }

  protected override keep(at: number, source: Uint8Array, start: number, end: number): void {
    const { kept } = this
    for (let i = start, to = at; i < end; i++, to++) kept[to] = source[i]!
  }

  protected override grow(length: number): void {
    const kept = new Uint8Array(length)
    kept.set(this.kept)
    this.kept = kept
  }
}
