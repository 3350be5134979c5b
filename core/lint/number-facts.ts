/** Ranges of one number that do not meet. */
import type { Predicate } from '../language/condition/predicate.ts'
import type { Clash, Literal } from './literal.ts'

interface Bound {
  /** A bigint for times. */
  at: number | bigint
  isOpen: boolean
  by: Literal
}

const OPPOSITE: Readonly<Record<string, string>> = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' }

export function rangesConflict(literals: readonly Literal[]): Clash | null {
  let low: Bound | null = null
  let high: Bound | null = null
  for (const literal of literals) {
    const bound = boundOf(literal)
    if (bound === null) continue
    const { operator, at } = bound
    const isOpen = operator === '<' || operator === '>'
    const made = { at, isOpen, by: literal }
    if (operator === '<' || operator === '<=') {
      if (high === null || at < high.at || (at === high.at && isOpen)) high = made
    } else if (low === null || at > low.at || (at === low.at && isOpen)) low = made
  }
  if (low === null || high === null) return null
  const isEmpty = low.at > high.at || (low.at === high.at && (low.isOpen || high.isOpen))
  const isBetween = isWhole(low.by.predicate) && low.isOpen && high.isOpen && Number(high.at) - Number(low.at) <= 1
  return isEmpty || isBetween ? [low.by, high.by] : null
}

function boundOf({ predicate, holds }: Literal): { operator: string; at: number | bigint } | null {
  const { operator, right } = predicate
  const isNumber = right.kind === 'numbers' || right.kind === 'times'
  if (!isNumber || right.values.length !== 1 || OPPOSITE[operator] === undefined) return null
  return { operator: holds ? operator : OPPOSITE[operator]!, at: right.values[0]! }
}

function isWhole({ left, type }: Predicate): boolean {
  if (type !== 'number' && type !== 'port') return false
  return left.kind === 'call' || !(left.field.decimals || left.field.name === 'evt.around')
}
