/**
 * A sealed batch: header in clear, columns compressed, both under one checksum.
 *
 *   0 u32 magic 'SMB1'   4 u32 header bytes   8 u32 body bytes (compressed)   12 u32 body bytes (raw)
 *   16 u32 CRC-32 of everything after byte 20        20 header (JSON, UTF-8), body (zstd)
 */
import { constants, crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { BatchHeader, EventBatch } from '../model/batch.ts'
import { AppError } from '../model/errors.ts'
import { BATCH_CLASSES } from '../model/event.ts'
import type { Batch } from './batch.ts'
import { encodeBody, openBody } from './body.ts'

const MAGIC = 0x31424d53
const HEAD_BYTES = 20
/** A body larger than this is refused before it is inflated; hosts make batches of about one MiB. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024
export const MAX_HEADER_BYTES = 8 * 1024
/** Of each text in a header: they stand in ids, which are remembered long after their batch is gone. */
const MAX_TEXT_CHARS = 128
/** The least that zlib takes. */
const MIN_CHUNK_BYTES = 64

/** Throws AppError E_BATCH_TOO_LARGE for one that nobody would open. */
export function sealBatch(header: BatchHeader, batch: Batch): EventBatch {
  const raw = encodeBody(batch)
  if (raw.length > MAX_BODY_BYTES)
    throw new AppError('E_BATCH_TOO_LARGE', `a batch of ${raw.length} bytes is larger than ${MAX_BODY_BYTES}`)
  const body = zstdCompressSync(raw, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
    // Knowing the size, zstd takes tables that fit: most batches of a host are small, and clearing tables is their cost.
    pledgedSrcSize: raw.length,
  })
  const head = Buffer.from(JSON.stringify(header), 'utf8')
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + head.length + body.length)
  bytes.writeUInt32LE(MAGIC, 0)
  bytes.writeUInt32LE(head.length, 4)
  bytes.writeUInt32LE(body.length, 8)
  bytes.writeUInt32LE(raw.length, 12)
  head.copy(bytes, HEAD_BYTES)
  body.copy(bytes, HEAD_BYTES + head.length)
  bytes.writeUInt32LE(crc32(bytes.subarray(HEAD_BYTES)), 16)
  return { header, bytes }
}

/** How many bytes the body says it inflates to; of a batch whose header was read. */
export function inflatedBytes(bytes: Uint8Array): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(12, true)
}

/** Reads and checks the frame and its header without inflating the body. Throws AppError E_BATCH_CORRUPT. */
export function readHeader(bytes: Uint8Array): BatchHeader {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (frame.length < HEAD_BYTES || frame.readUInt32LE(0) !== MAGIC) throw corrupt('it is not a batch')
  const headBytes = frame.readUInt32LE(4)
  const bodyBytes = frame.readUInt32LE(8)
  if (headBytes > MAX_HEADER_BYTES) throw corrupt('its header is too large')
  if (HEAD_BYTES + headBytes + bodyBytes !== frame.length) throw corrupt('it is truncated or longer than it says')
  if (frame.readUInt32LE(12) > MAX_BODY_BYTES) throw corrupt('it is too large')
  if (crc32(frame.subarray(HEAD_BYTES)) !== frame.readUInt32LE(16)) throw corrupt('its checksum is wrong')
  let header: unknown
  try {
    header = JSON.parse(frame.toString('utf8', HEAD_BYTES, HEAD_BYTES + headBytes))
  } catch (cause) {
    throw corrupt('its header is not JSON', cause)
  }
  return checkHeader(header)
}

/** Opens the columns of a sealed batch. Throws AppError E_BATCH_CORRUPT for anything damaged. */
export function openBatch(bytes: Uint8Array): { header: BatchHeader; batch: Batch } {
  const header = readHeader(bytes)
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const rawBytes = frame.readUInt32LE(12)
  let raw: Uint8Array
  try {
    // The bound stops a body that says little and inflates to much. One chunk, with a byte to spare so that zlib sees
    // the end in it: several would be copied together.
    const roomBytes = Math.max(rawBytes + 1, MIN_CHUNK_BYTES)
    raw = zstdDecompressSync(frame.subarray(HEAD_BYTES + frame.readUInt32LE(4)), {
      maxOutputLength: roomBytes,
      chunkSize: roomBytes,
    })
  } catch (cause) {
    throw corrupt('its body does not inflate', cause)
  }
  if (raw.length !== rawBytes) throw corrupt('its body has another length')
  return { header, batch: openBody(raw) }
}

function checkHeader(value: unknown): BatchHeader {
  const header = value as BatchHeader
  const ok =
    typeof value === 'object' &&
    value !== null &&
    isShortText(header.collector) &&
    isShortText(header.epoch) &&
    Number.isSafeInteger(header.sequence) &&
    Number.isSafeInteger(header.rows) &&
    isShortText(header.plan) &&
    isShortText(header.edgeRuleset) &&
    BATCH_CLASSES.includes(header.class) &&
    isNumbers(header.lowMs) &&
    isNumbers(header.dropped)
  if (!ok) throw corrupt('its header lacks a field, or has one of another type or length')
  return header
}

function isShortText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_TEXT_CHARS
}

function isNumbers(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every((n) => Number.isFinite(n))
}

function corrupt(what: string, cause?: unknown): AppError {
  return new AppError('E_BATCH_CORRUPT', `Batch refused: ${what}`, { retryable: false, cause })
}
