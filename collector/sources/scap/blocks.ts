/**
 * Takes a capture apart into its blocks. The container is pcap-ng's: type, length, content, the length again; a capture
 * begins with a section header. Works on whatever pieces the file comes in, and holds no more than one block: a block
 * that says it is larger than any real one is damage before a byte of it is kept.
 */
import { Damage } from './damage.ts'

/** Types of blocks by what they hold; numbers above 0x80000000 are those of captures older than the format's release. */
const BLOCKS = {
  section: [0x0a0d0d0a],
  machine: [0x201, 0x8002abcd],
  processes: [0x202, 0x207, 0x209, 0x210, 0x211, 0x212, 0x213, 0x214, 0x215, 0x8000abcd, 0x8013abcd, 0x8014abcd],
  descriptors: [0x203, 0x218, 0x8001abcd],
  interfaces: [0x205, 0x219, 0x8011abcd],
  users: [0x206, 0x220, 0x8012abcd],
  event: [0x204, 0x208, 0x216, 0x217, 0x221, 0x222, 0x8010abcd],
} as const satisfies Record<string, readonly number[]>

export type BlockKind = keyof typeof BLOCKS

export interface Block {
  type: number
  /** `other` is skipped: a newer writer may have more kinds. */
  kind: BlockKind | 'other'
  /** Where the block begins in the capture. */
  offset: number
  /** Without header and trailer; valid until the next block. */
  content: Buffer
}

const KINDS = new Map<number, BlockKind>(
  (Object.keys(BLOCKS) as BlockKind[]).flatMap((kind) => BLOCKS[kind].map((type) => [type, kind] as const)),
)
const HEADER_BYTES = 8
const TRAILER_BYTES = 4
const MAGIC = 0x1a2b3c4d
const MAGIC_SWAPPED = 0x4d3c2b1a
const MAX_MAJOR = 1

export interface BlockLimits {
  /** An event with its header. Falco's own bound is 64 KiB, more for the "large" kinds. */
  maxEventBytes: number
  /** A list of processes or descriptors, of a whole host. */
  maxListBytes: number
}

const DEFAULT_BLOCK_LIMITS: BlockLimits = { maxEventBytes: 16 << 20, maxListBytes: 256 << 20 }

export class BlockReader {
  private readonly limits: BlockLimits
  private pieces: Buffer[] = []
  private held = 0
  /** Where the first byte held lies in the capture. */
  private offset = 0
  private begun = false

  constructor(limits: BlockLimits = DEFAULT_BLOCK_LIMITS) {
    this.limits = limits
  }

  /** Gives bytes; they must not change afterwards. */
  push(piece: Buffer): void {
    if (piece.length === 0) return
    this.pieces.push(piece)
    this.held += piece.length
  }

  /** The next block that is here whole; null when more bytes are needed. Throws Damage. */
  next(): Block | null {
    const header = this.peek(HEADER_BYTES)
    if (header === null) return null
    const type = header.readUInt32LE(0)
    const length = header.readUInt32LE(4)
    const kind = KINDS.get(type) ?? 'other'
    if (!this.begun && kind !== 'section') throw new Damage(this.offset, 'it does not begin with a section header')
    this.begun = true
    const max = kind === 'event' || kind === 'section' ? this.limits.maxEventBytes : this.limits.maxListBytes
    if (length < HEADER_BYTES + TRAILER_BYTES || length > max) {
      throw new Damage(this.offset, `a block of type 0x${type.toString(16)} cannot have ${length} bytes`)
    }
    const whole = this.peek(length)
    if (whole === null) return null
    const trailer = whole.readUInt32LE(length - TRAILER_BYTES)
    if (trailer !== length) {
      throw new Damage(this.offset + length - TRAILER_BYTES, `a block of ${length} bytes ends as one of ${trailer}`)
    }
    const block: Block = {
      type,
      kind,
      offset: this.offset,
      content: whole.subarray(HEADER_BYTES, length - TRAILER_BYTES),
    }
    if (kind === 'section') checkSection(block)
    this.drop(length)
    return block
  }

  /** Says that no more bytes come. Throws Damage where the capture ends within a block. */
  end(): void {
    if (!this.begun && this.held === 0) throw new Damage(0, 'it is empty')
    if (this.held > 0) throw new Damage(this.offset, `it ends within a block, after ${this.held} bytes of it`)
  }

  /** Position of the next block. */
  get position(): number {
    return this.offset
  }

  /** The first bytes in one piece. They are joined once when all are here, so that a long block costs no more. */
  private peek(length: number): Buffer | null {
    if (this.held < length) return null
    if (this.pieces[0]!.length < length) this.pieces = [Buffer.concat(this.pieces)]
    return this.pieces[0]!.subarray(0, length)
  }

  private drop(length: number): void {
    const first = this.pieces[0]!
    if (first.length === length) this.pieces.shift()
    else this.pieces[0] = first.subarray(length)
    this.held -= length
    this.offset += length
  }
}

function checkSection({ content, offset }: Block): void {
  if (content.length < 8) throw new Damage(offset, 'the section header is too short')
  const magic = content.readUInt32LE(0)
  if (magic === MAGIC_SWAPPED)
    throw new Damage(offset, 'it was written by a big-endian machine, which is not supported')
  if (magic !== MAGIC) throw new Damage(offset, 'the section header has no byte order mark')
  const major = content.readUInt16LE(4)
  if (major > MAX_MAJOR) throw new Damage(offset, `it has format version ${major}; ${MAX_MAJOR} is the newest known`)
}
