/** Addresses and networks that have none in common. */
import type { Block } from '../fields/ip-address.ts'
import type { Literal } from './literal.ts'

/** `a` and `b` are about one address. */
export function blocksConflict(a: Literal, b: Literal): boolean {
  const [one, two] = [asked(a), asked(b)]
  if (one === null || two === null) return false
  if (one.isIn && two.isIn) return !one.blocks.some((x) => two.blocks.some((y) => isWithin(x, y) || isWithin(y, x)))
  if (one.isIn === two.isIn) return false
  const [inside, outside] = one.isIn ? [one, two] : [two, one]
  return inside.blocks.every((x) => outside.blocks.some((y) => isWithin(x, y)))
}

function asked({ predicate, holds }: Literal): { blocks: readonly Block[]; isIn: boolean } | null {
  const { right, operator } = predicate
  if (right.kind !== 'blocks') return null
  return { blocks: right.values, isIn: (operator === '!=') !== holds }
}

function isWithin(inner: Block, outer: Block): boolean {
  if (inner.bits < outer.bits) return false
  for (let i = 0, left = outer.bits; i < 8 && left > 0; i++, left -= 16) {
    const mask = left >= 16 ? 0xffff : (0xffff << (16 - left)) & 0xffff
    if (((inner.groups[i]! ^ outer.groups[i]!) & mask) !== 0) return false
  }
  return true
}
