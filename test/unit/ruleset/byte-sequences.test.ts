import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ByteSequences } from '../../../core/ruleset/byte-sequences.ts'
import { WordSequences } from '../../../core/ruleset/word-sequences.ts'

test('equal bytes have equal numbers, and different bytes different ones', () => {
  const some = fc.array(fc.uint8Array({ maxLength: 4, max: 3 }), { maxLength: 200 })
  fc.assert(
    fc.property(some, (list) => {
      const sequences = new ByteSequences()
      const byText = new Map<string, number>()
      for (const bytes of list) {
        const number = sequences.numberOf(Buffer.concat([Buffer.from('x'), bytes]), 1, bytes.length + 1)
        expect(number).toBe(byText.get(String(bytes)) ?? byText.size + 1)
        byText.set(String(bytes), number)
      }
      expect(sequences.count).toBe(byText.size)
    }),
  )
})

test('a hundred thousand sequences stay apart while the table grows, and none is left once cleared', () => {
  const sequences = new ByteSequences()
  const of = (i: number) => {
    const bytes = Buffer.from(`sequence ${i}`)
    return sequences.numberOf(bytes, 0, bytes.length)
  }
  const first = Array.from({ length: 100_000 }, (_, i) => of(i))
  expect(new Set(first).size).toBe(100_000)
  // A search that meets too many others may give up: that costs a number, and happens to hardly any.
  const again = first.filter((number, i) => of(i) !== number)
  expect(again.length).toBeLessThan(100)
  sequences.clear()
  expect(of(7)).toBe(1)
})

test('words are told apart like bytes', () => {
  const sequences = new WordSequences()
  const words = Int32Array.from({ length: 4096 }, (_, i) => (i % 16 === 0 ? i >> 4 : i % 2 === 0 ? -1 : 0))
  const numbers = Array.from({ length: 256 }, (_, i) => sequences.numberOf(words, i * 16, i * 16 + 16))
  expect(new Set(numbers).size).toBe(256)
  expect(numbers.map((_, i) => sequences.numberOf(words.slice(i * 16, i * 16 + 16), 0, 16))).toEqual(numbers)
  expect(sequences.numberOf(words, 0, 15)).toBe(257)
})

test('a number of its own is never given to bytes', () => {
  const sequences = new ByteSequences()
  const empty = Buffer.alloc(0)
  const own = sequences.ownNumber()
  const ofEmpty = sequences.numberOf(empty, 0, 0)
  expect(ofEmpty).not.toBe(own)
  expect(sequences.ownNumber()).not.toBe(own)
  expect(sequences.numberOf(empty, 0, 0)).toBe(ofEmpty)
})
