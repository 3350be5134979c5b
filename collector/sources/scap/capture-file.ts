/** Captures of Falco and sysdig (`.scap`), from a file: recognised by their first bytes, unpacked if packed. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import type { Batch } from '../../../core/batch/batch.ts'
import { AppError } from '../../../core/model/errors.ts'
import { CaptureDecoder, type DecoderOptions } from './capture-decoder.ts'
import { Damage } from './damage.ts'

const SECTION = Buffer.from([0x0a, 0x0d, 0x0d, 0x0a])
const GZIP = Buffer.from([0x1f, 0x8b])

/** `packed` is gzip around anything: none of our own recordings is. Null for what is no capture. */
async function formOf(path: string): Promise<'plain' | 'packed' | null> {
  let file: FileHandle | null = null
  try {
    file = await open(path, 'r')
    const bytes = Buffer.alloc(SECTION.length)
    const { bytesRead } = await file.read(bytes, 0, bytes.length, 0)
    const start = bytes.subarray(0, bytesRead)
    if (start.equals(SECTION)) return 'plain'
    return start.subarray(0, GZIP.length).equals(GZIP) ? 'packed' : null
  } catch (error) {
    throw unreadable(path, error)
  } finally {
    await file?.close()
  }
}

/** Whether a file is a capture. Throws AppError E_CAPTURE_UNAVAILABLE where it cannot be read. */
export async function isCapture(path: string): Promise<boolean> {
  return (await formOf(path)) !== null
}

/**
 * Reads a capture batch by batch; processes, users and containers are named in it. Throws AppError E_RECORDING_CORRUPT
 * with the byte where a damaged capture stops making sense (of a packed one: in what it unpacks to) once everything
 * before it has been given. `onDropped` is told at the end what there was no room for.
 */
export async function* readCapture(
  path: string,
  options: DecoderOptions & { onDropped?: (dropped: { threads: number; descriptors: number }) => void } = {},
): AsyncGenerator<Batch> {
  const form = await formOf(path)
  const decoder = new CaptureDecoder(options)
  const file = createReadStream(path, { highWaterMark: 1 << 18 })
  const bytes = form === 'packed' ? file.pipe(createGunzip()) : file
  // A pipe does not pass on its source's failure.
  if (bytes !== file) file.on('error', (error) => bytes.destroy(error))
  try {
    try {
      for await (const piece of bytes) yield* decoder.push(piece as Buffer)
      decoder.end()
    } catch (error) {
      yield* decoder.finish()
      throw damaged(path, error, decoder.position)
    }
    yield* decoder.finish()
  } finally {
    options.onDropped?.(decoder.dropped)
    bytes.destroy()
    file.destroy()
  }
}

function damaged(path: string, error: unknown, position: number): unknown {
  if (error instanceof Damage)
    return new AppError('E_RECORDING_CORRUPT', `Capture ${path}, byte ${error.offset}: ${error.message}`)
  const code = (error as NodeJS.ErrnoException).code
  if (code?.startsWith('Z_')) {
    const what = code === 'Z_BUF_ERROR' ? 'the compressed file ends too early' : 'the compressed data is damaged'
    return new AppError('E_RECORDING_CORRUPT', `Capture ${path}, byte ${position}: ${what}`)
  }
  return (error as NodeJS.ErrnoException).syscall === undefined ? error : unreadable(path, error)
}

function unreadable(path: string, error: unknown): AppError {
  const reason = (error as NodeJS.ErrnoException).code ?? String(error)
  return new AppError('E_CAPTURE_UNAVAILABLE', `The recording ${path} cannot be opened: ${reason}`)
}
