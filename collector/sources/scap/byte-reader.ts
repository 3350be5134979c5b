/** Reads little-endian values one after another and never past the end: a hostile length is damage, not a crash. */
import { Damage } from './damage.ts'

export class ByteReader {
  private readonly bytes: Buffer
  /** Where the first byte lies in the capture. */
  private readonly offset: number
  private at = 0
  private end: number

  constructor(bytes: Buffer, offset: number) {
    this.bytes = bytes
    this.offset = offset
    this.end = bytes.length
  }

  get left(): number {
    return this.end - this.at
  }

  /** Position in the capture. */
  get position(): number {
    return this.offset + this.at
  }

  u8(): number {
    return this.bytes[this.take(1)]!
  }

  u16(): number {
    return this.bytes.readUInt16LE(this.take(2))
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.take(4))
  }

  /** Exact up to 2⁵³. */
  u64(): number {
    return Number(this.bytes.readBigUInt64LE(this.take(8)))
  }

  /** Exact up to 2⁵³. */
  i64(): number {
    return Number(this.bytes.readBigInt64LE(this.take(8)))
  }

  bigU64(): bigint {
    return this.bytes.readBigUInt64LE(this.take(8))
  }

  /** A view; valid as long as the block is. */
  slice(length: number): Buffer {
    const start = this.take(length)
    return this.bytes.subarray(start, start + length)
  }

  skip(length: number): void {
    this.take(length)
  }

  /** A byte string with its length (16 bits) before it. Throws Damage where it is longer than `maxBytes`. */
  text(maxBytes: number, what: string): string {
    const length = this.u16()
    if (length > maxBytes) throw new Damage(this.position - 2, `${what} of ${length} bytes, more than ${maxBytes}`)
    return this.slice(length).toString('latin1')
  }

  /** The next `length` bytes as a reader of their own. */
  part(length: number): ByteReader {
    const position = this.position
    return new ByteReader(this.slice(length), position)
  }

  private take(length: number): number {
    if (length > this.left) throw new Damage(this.position, `${length} bytes are said to follow, ${this.left} do`)
    const at = this.at
    this.at += length
    return at
  }
}
