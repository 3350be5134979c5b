/** Numbers for sequences of 32-bit words, such as the cells of a row. */
import { Sequences } from './sequences.ts'

export class WordSequences extends Sequences<Int32Array> {
  protected override kept = new Int32Array(16 * 1024)

  /**
   * The number of words whose hash was worked out before, by whoever put them there: equal words come with equal hashes.
   * All sequences of one instance are numbered either so or without.
   */
  numberOfHashed(source: Int32Array, start: number, end: number, hash: number): number {
    return this.find(source, start, end, finished(hash ^ this.seed))
  }

  /** A word at a time as in ByteSequences. */
  protected override hash(source: Int32Array, start: number, end: number): number {
    let hash = this.seed ^ (end - start)
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ source[i]!, 0x9e3779b1)
      hash ^= hash >>> 15
    }
    return finished(hash)
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

function finished(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}
