/**
 * Tells which blocks cannot hold a string: a bit for every hashed run of three characters, ASCII case folded.
 * Used for fields whose values hardly ever repeat, where a dictionary would be as large as the documents.
 */

const GRAM_BITS = 2 ** 14
export const GRAMS_BYTES = GRAM_BITS / 8

/** Adds all runs of three UTF-16 units of a text to the bits. */
export function addGrams(bits: Uint8Array, text: string): void {
  eachGram(text, (gram) => {
    bits[gram >> 3]! |= 1 << (gram & 7)
  })
}

/** The runs of a text; empty where it is shorter than three units and so says nothing. */
export function gramsOf(text: string): ReadonlySet<number> {
  const grams = new Set<number>()
  eachGram(text, (gram) => grams.add(gram))
  return grams
}

export function hasGrams(bits: Uint8Array, grams: Iterable<number>): boolean {
  for (const gram of grams) if (((bits[gram >> 3] ?? 0) & (1 << (gram & 7))) === 0) return false
  return true
}

export function mergeGrams(into: Uint8Array, from: Uint8Array): void {
  for (let i = 0; i < from.length; i++) into[i]! |= from[i]!
}

function eachGram(text: string, found: (gram: number) => void): void {
  let first = fold(text.charCodeAt(0))
  let second = fold(text.charCodeAt(1))
  for (let i = 2; i < text.length; i++) {
    const third = fold(text.charCodeAt(i))
    const mixed = Math.imul(Math.imul(first, 31) + second, 0x01000193) ^ Math.imul(third, 0x9e3779b1)
    found(((mixed ^ (mixed >>> 15)) >>> 0) % GRAM_BITS)
    first = second
    second = third
  }
}

function fold(unit: number): number {
  return unit >= 65 && unit <= 90 ? unit + 32 : unit
}
