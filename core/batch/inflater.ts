/**
 * Inflates bodies of batches one after the other, with one zstd context into one piece of memory: making both anew costs
 * more than inflating a small body. What Node offers for that is not documented (a stream's handle can be written to at
 * once), so it is tried out first; where it is not there, each body is inflated by itself.
 *
 * Between two bodies nothing may be left in the context, or a host could reach into the batches of another: only a body
 * that is one whole frame of exactly the length it says goes through it.
 */
import { createZstdDecompress, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

/** Memory that is kept; a larger body gets its own. */
const MAX_KEPT_BYTES = 4 * 1024 * 1024
const MIN_KEPT_BYTES = 64 * 1024
/** The least that zlib takes. */
const MIN_CHUNK_BYTES = 64
const FRAME_MAGIC = 0xfd2fb528
const CONTINUE = 0

/** What a stream of Node's zlib works with. */
interface Handle {
  onerror: () => void
  writeSync(
    flush: number,
    from: Uint8Array,
    at: number,
    length: number,
    to: Uint8Array,
    at2: number,
    room: number,
  ): void
  close(): void
}

interface Context {
  handle: Handle
  /** After a write: bytes of room and of input that are left. */
  left: Uint32Array
  failed: boolean
}

export class Inflater {
  private context: Context | null = isPossible() ? openContext() : null
  private memory = Buffer.alloc(0)

  /**
   * The body's `rawBytes` bytes, aligned to 8. They are valid until the next call. Throws for a body that is damaged or
   * of another length, as `inflateAlone` does.
   */
  inflate(body: Uint8Array, rawBytes: number): Uint8Array {
    if (this.context === null || rawBytes > MAX_KEPT_BYTES || !isOneFrame(body, rawBytes))
      return inflateAlone(body, rawBytes)
    if (this.memory.length < rawBytes)
      this.memory = Buffer.allocUnsafeSlow(Math.max(MIN_KEPT_BYTES, Math.min(MAX_KEPT_BYTES, rawBytes * 2)))
    const { memory, context } = this
    context.handle.writeSync(CONTINUE, body, 0, body.length, memory, 0, rawBytes)
    const [room, rest] = context.left
    if (!context.failed && room === 0 && rest === 0) return memory.subarray(0, rawBytes)
    // It may hold the half of a frame.
    context.handle.close()
    this.context = openContext()
    return inflateAlone(body, rawBytes)
  }
}

/** Throws for a body that is damaged or inflates to another length. */
export function inflateAlone(body: Uint8Array, rawBytes: number): Uint8Array {
  // The bound stops a body that says little and inflates to much. One chunk, with a byte to spare so that zlib sees
  // the end in it: several would be copied together.
  const roomBytes = Math.max(rawBytes + 1, MIN_CHUNK_BYTES)
  const raw = zstdDecompressSync(body, { maxOutputLength: roomBytes, chunkSize: roomBytes })
  if (raw.length !== rawBytes) throw new RangeError(`${raw.length} bytes instead of ${rawBytes}`)
  return raw
}

function openContext(): Context | null {
  const stream = createZstdDecompress() as unknown as { _handle?: Handle; _writeState?: Uint32Array }
  const { _handle: handle, _writeState: left } = stream
  if (typeof handle?.writeSync !== 'function' || !(left instanceof Uint32Array)) return null
  const context: Context = { handle, left, failed: false }
  handle.onerror = () => {
    context.failed = true
  }
  return context
}

let possible: boolean | undefined

/** Whether this Node's handles do what is expected of them. */
function isPossible(): boolean {
  possible ??= triesWell()
  return possible
}

function triesWell(): boolean {
  const context = openContext()
  if (context === null) return false
  const raw = Buffer.from('seamark '.repeat(8))
  const to = Buffer.alloc(raw.length)
  const body = zstdCompressSync(raw)
  try {
    for (let i = 0; i < 2; i++) {
      context.handle.writeSync(CONTINUE, body, 0, body.length, to.fill(0), 0, to.length)
      if (context.failed || context.left[0] !== 0 || context.left[1] !== 0 || !to.equals(raw)) return false
    }
    return true
  } catch {
    return false
  } finally {
    context.handle.close()
  }
}

/**
 * Whether the bytes are one zstd frame (RFC 8878) from the first to the last, in one segment, without a dictionary, that
 * says it holds so many bytes. zstd itself checks the rest.
 */
export function isOneFrame(bytes: Uint8Array, rawBytes: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 6 || view.getUint32(0, true) !== FRAME_MAGIC) return false
  const descriptor = bytes[4]!
  const isOneSegment = (descriptor & 0x20) !== 0
  if (!isOneSegment || (descriptor & 0x0b) !== 0) return false
  const sizeBytes = 1 << (descriptor >> 6)
  let at = 5 + sizeBytes
  if (at > bytes.length || sizeBytes === 8) return false
  const size = sizeBytes === 1 ? bytes[5]! : sizeBytes === 2 ? view.getUint16(5, true) + 256 : view.getUint32(5, true)
  if (size !== rawBytes) return false
  for (let isLast = false; !isLast; ) {
    if (at + 3 > bytes.length) return false
    const header = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
    isLast = (header & 1) !== 0
    const type = (header >> 1) & 3
    if (type === 3) return false
    // Of a block of one repeated byte only that byte is there.
    at += 3 + (type === 1 ? 1 : header >> 3)
  }
  const hasChecksum = (descriptor & 0x04) !== 0
  return at + (hasChecksum ? 4 : 0) === bytes.length
}
