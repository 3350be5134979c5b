/** Captures of Falco and sysdig (`.scap`), from a file: recognised by their first bytes, unpacked if packed. */
import { createReadStream } from 'node:fs'
import { Readable, type Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Batch } from '../../../core/batch/batch.ts'
import { AppError } from '../../../core/model/errors.ts'
import { CaptureDecoder, type DecoderOptions } from './capture-decoder.ts'
import { Damage } from './damage.ts'

const SECTION = Buffer.from([0x0a, 0x0d, 0x0d, 0x0a])
const GZIP = Buffer.from([0x1f, 0x8b])
/** With or without facts about containers. */
const OWN_RECORDINGS = ['SMKREC02', 'SMKREC01'].map((text) => Buffer.from(text))
const PIECE_BYTES = 1 << 18

export interface CaptureOptions extends DecoderOptions {
  /** Told at the end what there was no room for. */
  onDropped?: (dropped: { threads: number; descriptors: number }) => void
}

/**
 * The batches of a capture; processes, users and containers are named in them. Null for what is no capture: `packed` is
 * gzip around anything; around one of our own recordings the batches throw E_CAPTURE_UNAVAILABLE. The path may be a pipe, and `-` is standard input: both are
 * read once. Throws AppError E_CAPTURE_UNAVAILABLE where it cannot be read; the batches throw E_RECORDING_CORRUPT with
 * the byte where a damaged capture stops making sense (of a packed one: in what it unpacks to) once everything before it
 * has been given.
 */
export async function openCapture(path: string, options: CaptureOptions = {}): Promise<AsyncGenerator<Batch> | null> {
  const file = path === '-' ? process.stdin : createReadStream(path, { highWaterMark: PIECE_BYTES })
  const pieces = file[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  let start: Buffer
  try {
    start = await beginning(pieces, SECTION.length)
  } catch (error) {
    throw unreadable(path, error)
  }
  const isPacked = start.subarray(0, GZIP.length).equals(GZIP)
  if (!isPacked && !start.subarray(0, SECTION.length).equals(SECTION)) {
    file.destroy()
    return null
  }
  const plain = Readable.from(piecesFrom(start, pieces), { objectMode: false, highWaterMark: PIECE_BYTES })
  return batchesOf(path, isPacked ? compose(plain, createGunzip()) : plain, options)
}

/** Enough to tell by what it is; less where there is no more. */
async function beginning(pieces: AsyncIterator<Buffer>, bytes: number): Promise<Buffer> {
  let start = Buffer.alloc(0)
  while (start.length < bytes) {
    const { value, done } = await pieces.next()
    if (done) break
    start = Buffer.concat([start, value])
  }
  return start
}

async function* piecesFrom(start: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield start
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value
  } finally {
    await rest.return?.()
  }
}

/** A pipe does not pass on its source's failure, nor its reader's end. */
function compose(source: Readable, unpacking: Transform): Transform {
  source.on('error', (error) => unpacking.destroy(error))
  unpacking.on('close', () => source.destroy())
  return source.pipe(unpacking)
}

async function* batchesOf(path: string, bytes: Readable, options: CaptureOptions): AsyncGenerator<Batch> {
  const decoder = new CaptureDecoder(options)
  try {
    try {
      const pieces = bytes[Symbol.asyncIterator]() as AsyncIterator<Buffer>
      const start = await beginning(pieces, OWN_RECORDINGS[0]!.length)
      if (OWN_RECORDINGS.some((magic) => start.subarray(0, magic.length).equals(magic))) throw packedRecording(path)
      for await (const piece of piecesFrom(start, pieces)) yield* decoder.push(piece)
      decoder.end()
    } catch (error) {
      yield* decoder.finish()
      throw damaged(path, error, decoder.position)
    }
    yield* decoder.finish()
  } finally {
    options.onDropped?.(decoder.dropped)
    bytes.destroy()
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

function packedRecording(path: string): AppError {
  const message = `${path} is packed: a recording of Seamark has to be unpacked first, such as with gunzip`
  return new AppError('E_CAPTURE_UNAVAILABLE', message)
}

function unreadable(path: string, error: unknown): AppError {
  const reason = (error as NodeJS.ErrnoException).code ?? String(error)
  return new AppError('E_CAPTURE_UNAVAILABLE', `The recording ${path} cannot be opened: ${reason}`)
}
