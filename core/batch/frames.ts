/**
 * Several sealed batches in one message, as a host posts them: each with its length (u32, little-endian) in front.
 */
import { AppError } from '../model/errors.ts'

const LENGTH_BYTES = 4

export function joinFrames(batches: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = []
  for (const batch of batches) {
    const length = Buffer.allocUnsafe(LENGTH_BYTES)
    length.writeUInt32LE(batch.length)
    parts.push(length, batch)
  }
  return Buffer.concat(parts)
}

/** Views into `message`, not copies. Throws AppError E_BATCH_CORRUPT when the lengths do not fit, or for too many. */
export function splitFrames(message: Buffer, maxFrames: number): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at < message.length; ) {
    if (frames.length === maxFrames) throw corrupt(`more than ${maxFrames} batches in one message`)
    if (at + LENGTH_BYTES > message.length) throw corrupt(`the length of batch ${frames.length} is cut off`)
    const length = message.readUInt32LE(at)
    const end = at + LENGTH_BYTES + length
    if (end > message.length) throw corrupt(`batch ${frames.length} is cut off`)
    frames.push(message.subarray(at + LENGTH_BYTES, end))
    at = end
  }
  return frames
}

function corrupt(message: string): AppError {
  return new AppError('E_BATCH_CORRUPT', message)
}
