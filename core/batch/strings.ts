/**
 * The string dictionary of a batch. Index 0 means absent. Strings are *byte strings*: one character per byte, so values
 * that are not UTF-8 keep their bytes and comparisons are bytewise. They are decoded on first use and remembered.
 */

const EMPTY = new Uint8Array(0)

export class Strings {
  /** End offsets of the encoded part: string i spans offsets[i] to offsets[i + 1]. */
  private readonly offsets: Uint32Array
  private readonly bytes: Buffer
  private readonly encodedCount: number
  private readonly decoded: (string | undefined)[]
  private readonly added = new Map<string, number>()
  private addedBytes = 0

  constructor(offsets: Uint32Array = new Uint32Array([0, 0]), bytes: Uint8Array = EMPTY) {
    this.offsets = offsets
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.encodedCount = offsets.length - 1
    this.decoded = new Array(this.encodedCount)
  }

  /** Entries, the absent one included. */
  get count(): number {
    return this.decoded.length
  }

  /** The byte string at an index; the empty string for 0, which callers treat as absent before asking. */
  text(index: number): string {
    const known = this.decoded[index]
    if (known !== undefined) return known
    const text = this.bytes.toString('latin1', this.offsets[index], this.offsets[index + 1])
    this.decoded[index] = text
    return text
  }

  /**
   * The index of a byte string, added unless it was added before. Strings the batch came with are not searched: finding
   * them would mean decoding them all, and a string that stands twice costs a few bytes.
   */
  intern(text: string): number {
    const known = this.added.get(text)
    if (known !== undefined) return known
    const index = this.decoded.push(text) - 1
    this.addedBytes += text.length
    this.added.set(text, index)
    return index
  }

  /** Bytes of one string, without decoding what is still encoded. */
  byteLength(index: number): number {
    if (index < this.encodedCount) return this.offsets[index + 1]! - this.offsets[index]!
    return this.decoded[index]!.length
  }

  /** Bytes of all strings together. */
  get totalBytes(): number {
    return this.bytes.length + this.addedBytes
  }

  /** Where one string's bytes lie: valid until the next call. */
  span(index: number): { source: Uint8Array; start: number; end: number } {
    if (index < this.encodedCount)
      return { source: this.bytes, start: this.offsets[index]!, end: this.offsets[index + 1]! }
    return { source: Buffer.from(this.decoded[index]!, 'latin1'), start: 0, end: this.decoded[index]!.length }
  }

  /** Copies one string's bytes into a buffer and returns the position after them. */
  copyTo(target: Buffer, at: number, index: number): number {
    if (index < this.encodedCount) {
      return at + this.bytes.copy(target, at, this.offsets[index], this.offsets[index + 1])
    }
    return at + target.write(this.decoded[index]!, at, 'latin1')
  }
}

/** Readable text of a byte string: UTF-8 where it is, the replacement character where it is not. */
export function toText(byteString: string): string {
  for (let i = 0; i < byteString.length; i++) {
    if (byteString.charCodeAt(i) > 0x7f) return Buffer.from(byteString, 'latin1').toString('utf8')
  }
  return byteString
}

/** The byte string of readable text (its UTF-8 bytes, one character each). */
export function fromText(text: string): string {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return Buffer.from(text, 'utf8').toString('latin1')
  }
  return text
}
