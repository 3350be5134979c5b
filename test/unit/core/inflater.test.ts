/** One zstd context for the batches of many hosts: what one of them sends must never reach into the batch of another. */
import { constants, zstdCompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Inflater, inflateAlone, isOneFrame } from '../../../core/batch/inflater.ts'

const raw = Buffer.from('what a host saw; '.repeat(50))
const other = Buffer.from('what another host saw; '.repeat(70))

function compressed(bytes: Uint8Array, checksum = 0): Buffer {
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_checksumFlag]: checksum },
    pledgedSrcSize: bytes.length,
  })
}

test('inflates one body after the other, of all lengths, into the same memory', () => {
  const inflater = new Inflater()
  for (const length of [1, 100, 255, 256, 300, 65_535, 70_000, 300_000, 5_000_000, 40]) {
    const bytes = Buffer.alloc(length, 'abcdefg')
    // A large one comes in segments and goes its own way.
    expect(isOneFrame(compressed(bytes), length)).toBe(length < 1_000_000)
    expect(Buffer.from(inflater.inflate(compressed(bytes, 1), length)).equals(bytes)).toBe(true)
  }
  const first = inflater.inflate(compressed(raw), raw.length)
  const second = inflater.inflate(compressed(other), other.length)
  expect(second.byteOffset % 8).toBe(0)
  expect(first.buffer).toBe(second.buffer)
})

const frame = compressed(raw)
/** With the mark of the last block taken away: all the bytes are there, and the frame goes on. */
const unfinished = Buffer.from(frame)
unfinished[7]! &= 0xfe
const skippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 1, 2])
const hostile: [string, Buffer, number][] = [
  ['a frame that goes on after its bytes', unfinished, raw.length],
  ['a frame that says it holds fewer', frame, raw.length - 1],
  ['a frame that says it holds more', frame, raw.length + 1],
  ['a frame cut off', frame.subarray(0, -3), raw.length],
  ['no frame', Buffer.from('seamark'), 7],
  ['nothing', Buffer.alloc(0), 0],
  ['a frame and half of another', Buffer.concat([frame, frame.subarray(0, 20)]), raw.length],
  ['a frame that can be skipped', skippable, raw.length],
  ['a frame with a wrong checksum', Buffer.concat([compressed(raw, 1).subarray(0, -1), Buffer.from([0])]), raw.length],
  [
    'a frame with a damaged block',
    Buffer.concat([frame.subarray(0, 14), Buffer.alloc(frame.length - 14, 0xff)]),
    raw.length,
  ],
]

test.each(hostile)('%s is treated as by itself and leaves nothing behind', (_, body, length) => {
  const inflater = new Inflater()
  const outcome = (inflate: () => Uint8Array) => {
    try {
      return Buffer.from(inflate()).toString()
    } catch {
      return 'refused'
    }
  }
  expect(outcome(() => inflater.inflate(body, length))).toBe(outcome(() => inflateAlone(body, length)))
  expect(outcome(() => inflater.inflate(compressed(other), other.length))).toBe(other.toString())
})

test('random damage never reaches the next body', () => {
  const inflater = new Inflater()
  let state = 7
  const random = (below: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    return (state >>> 8) % below
  }
  for (let i = 0; i < 5_000; i++) {
    const body = Buffer.from(frame)
    for (let j = 0; j <= random(3); j++) body[random(body.length)] = random(256)
    try {
      inflater.inflate(body, raw.length)
    } catch {
      // Damaged: what counts is the next one.
    }
    expect(Buffer.from(inflater.inflate(compressed(other), other.length)).equals(other)).toBe(true)
  }
})
