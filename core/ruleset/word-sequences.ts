/** Numbers for sequences of 32-bit words, such as the cells of a row. */
import { Sequences } from './sequences.ts'

export class WordSequences extends Sequences<Int32Array> {
  protected override kept = new Int32Array(16 * 1024)

  /** A word at a time as in ByteSequences. */
  protected override hash(source: Int32Array, start: number, end: number): number {
    let hash = this.seed ^ (end - start)
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ source[i]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
    return hash ^ (hash >>> 13)
  }

  protected override isKeptAt(from: number, source: Int32Array, start: number, end: number): boolean {
    const { kept } = this
    for (let i = start, at = from; i < end; i++, at++) if (kept[at] !== source[i]) return false
    return true
  }

  protected override keep(at: number, source: Int32Array, start: number, end: number): void {
    const { kept } = this
    for (let i = start, to = at; i < end; i++, to++) kept[to] = source[i]!
  }

  protected override grow(length: number): void {
    const kept = new Int32Array(length)
    kept.set(this.kept)
    this.kept = kept
  }
}
