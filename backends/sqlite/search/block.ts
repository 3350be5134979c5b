/**
 * Documents compressed together: their texts share names and values, so that together they take a tenth of the space.
 * Layout: count (u32), the byte length of each text (u32 each), then all texts as one zstd frame; little-endian.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'

export interface Block {
  readonly count: number
  /** The JSON of one document, by its place in the block. */
  text(index: number): string
  texts(): string[]
}

/** What a block may unpack to; a larger frame is damage or an attack. */
export const MAX_BLOCK_BYTES = 512 * 1024 * 1024

const PARAMS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }

export function encodeBlock(texts: readonly string[]): Uint8Array {
  const parts = texts.map((text) => Buffer.from(text, 'utf8'))
  const head = Buffer.alloc(4 + 4 * parts.length)
  head.writeUInt32LE(parts.length, 0)
  parts.forEach((part, i) => void head.writeUInt32LE(part.length, 4 + 4 * i))
  return Buffer.concat([head, zstdCompressSync(Buffer.concat(parts), PARAMS)])
}

export function decodeBlock(data: Uint8Array): Block {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const count = bytes.readUInt32LE(0)
  const ends = new Uint32Array(count + 1)
  for (let i = 0; i < count; i++) ends[i + 1] = ends[i]! + bytes.readUInt32LE(4 + 4 * i)
  const all = zstdDecompressSync(bytes.subarray(4 + 4 * count), { maxOutputLength: MAX_BLOCK_BYTES })
  const text = (index: number) => all.toString('utf8', ends[index], ends[index + 1])
  return { count, text, texts: () => Array.from({ length: count }, (_, i) => text(i)) }
}

/** Ascending, distinct numbers as differences in base 128, low digit first (LEB128). */
export function encodeCodes(codes: Iterable<number>): Uint8Array {
  const sorted = Uint32Array.from(codes).sort()
  const out: number[] = []
  let previous = 0
  for (const code of sorted) {
    let difference = code - previous
    previous = code
    while (difference >= 0x80) {
      out.push((difference & 0x7f) | 0x80)
      difference >>>= 7
    }
    out.push(difference)
  }
  return Uint8Array.from(out)
}

export interface CodeSet {
  has(code: number): boolean
  readonly size: number
  readonly least: number
  readonly most: number
}

export function codeSet(codes: Iterable<number>): CodeSet {
  const set = new Set(codes)
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (const code of set) {
    least = Math.min(least, code)
    most = Math.max(most, code)
  }
  return { has: (code) => set.has(code), size: set.size, least, most }
}

/** Whether any of the wanted is among the encoded; thousands of blocks are asked per query. */
export function hasAnyCode(data: Uint8Array, wanted: CodeSet): boolean {
  const { least, most } = wanted
  let code = 0
  for (let i = 0; i < data.length; ) {
    let byte = data[i++]!
    let difference = byte & 0x7f
    for (let shift = 7; byte >= 0x80 && i < data.length; shift += 7) {
      byte = data[i++]!
      difference |= (byte & 0x7f) << shift
    }
    code += difference
    if (code > most) return false
    if (code >= least && wanted.has(code)) return true
  }
  return false
}

export function decodeCodes(data: Uint8Array): number[] {
  const codes: number[] = []
  const collect = { has: (code: number) => codes.push(code) < 0, size: 1, least: 0, most: Number.POSITIVE_INFINITY }
  hasAnyCode(data, collect)
  return codes
}
