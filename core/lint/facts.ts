/**
 * What must be true of one operand at once: checks that hold or do not, all about the same value. Says when no value can
 * meet them. Never wrong when it says so; silent where a proof would need more than a look at two checks.
 */

import { judgePredicate } from '../explain/judge-predicate.ts'
import { asciiLower } from '../fields/glob.ts'
import { pathMatcher } from '../language/condition/path-prefix.ts'
import type { Predicate } from '../language/condition/predicate.ts'
import { regexTest } from '../language/condition/regex.ts'
import { blocksConflict } from './block-facts.ts'
import { predicateImplies } from './implies.ts'
import type { Clash, Literal } from './literal.ts'
import { rangesConflict } from './number-facts.ts'
import { piecesConflict } from './text-facts.ts'

/** Values times checks that are looked at; beyond, nothing is said. */
const MAX_TRIALS = 500_000
/** Checks of one operand that are compared with each other. */
export const MAX_COMPARED = 200

/** Two checks (or one) that no value meets together; null where none were found. `about`: all of one operand. */
export function clashOf(about: readonly Literal[]): Clash | null {
  const positive = about.filter(({ holds }) => holds)
  // Where nothing must hold, the value may be absent.
  if (positive.length === 0) return null
  const hollow = positive.find(({ predicate }) => isHollow(predicate))
  if (hollow !== undefined) return [hollow]
  const absent = about.find(({ predicate, holds }) => !holds && predicate.operator === 'exists')
  if (absent !== undefined) return [positive[0]!, absent]
  const opposite = positive.flatMap((one) => {
    const other = about.find(({ predicate, holds }) => !holds && predicate.key === one.predicate.key)
    return other === undefined ? [] : [[one, other] as const]
  })[0]
  if (opposite !== undefined) return opposite
  if (about.some(({ predicate }) => predicate.several !== 'no')) return null
  const plain = about.filter(({ predicate }) => predicate.right.kind !== 'operand' && predicate.operator !== 'exists')
  return amongValues(plain) ?? betweenChecks(plain.slice(0, MAX_COMPARED))
}

/** A list without values: nothing is in it. */
function isHollow({ operator, modifier, right }: Predicate): boolean {
  const takesList = operator === 'in' || operator === 'intersects' || operator === 'pmatch' || modifier !== null
  return takesList && 'values' in right && right.values.length === 0
}

type Single = string | number | bigint | boolean

/** The values of which an operand that is there must have one; null where a check leaves endless many. */
export function valuesOf({ predicate, holds }: Literal): readonly Single[] | null {
  const { operator, modifier, right } = predicate
  if (right.kind === 'booleans' && modifier === null) {
    const isNamed = (value: boolean) => right.values.includes(value)
    return [true, false].filter((value) => isNamed(value) === ((operator === '!=') !== holds))
  }
  if (modifier !== null || (operator === '!=') === holds) return null
  if (operator !== '!=' && operator !== '=' && operator !== 'in' && operator !== 'intersects') return null
  return right.kind === 'strings' || right.kind === 'numbers' || right.kind === 'times' ? right.values : null
}

/** Where a check names all values that are possible: whether the others leave one of them. */
function amongValues(literals: readonly Literal[]): Clash | null {
  let from: Literal | null = null
  let left: readonly Single[] | null = null
  for (const literal of literals) {
    const values = valuesOf(literal)
    if (values === null || (left !== null && left.length <= values.length)) continue
    from = literal
    left = values
  }
  if (from === null || left === null || left.length * literals.length > MAX_TRIALS) return null
  const all = left
  const others = literals.filter((literal) => literal !== from)
  const tests = others.map(testOf)
  for (const [i, test] of tests.entries()) if (!all.some(test)) return [from, others[i]!]
  for (const [i, test] of tests.entries()) {
    left = left.filter(test)
    if (left.length === 0) return [from, others[i]!]
  }
  return null
}

const known = new WeakMap<Predicate, (value: Single) => boolean>()

/** Whether a value meets a check. */
export function testOf({ predicate, holds }: Literal): (value: Single) => boolean {
  const test = known.get(predicate) ?? made(predicate)
  known.set(predicate, test)
  return holds ? test : (value) => !test(value)
}

function made(predicate: Predicate): (value: Single) => boolean {
  const { operator, modifier, right } = predicate
  if (right.kind === 'strings' && modifier === null) {
    if (operator === 'pmatch') return onText(pathMatcher(right.values))
    if (operator === 'regex') return onText(regexTest(right.values[0]!))
  }
  if ((operator === 'in' || operator === 'intersects') && right.kind !== 'blocks' && 'values' in right) {
    const set = new Set<Single>(right.values)
    return (value) => set.has(value)
  }
  return (value) => judgePredicate(predicate, value, undefined) === true
}

function onText(test: (value: string) => boolean): (value: Single) => boolean {
  return (value) => test(String(value))
}

function betweenChecks(literals: readonly Literal[]): Clash | null {
  for (const [i, one] of literals.entries()) {
    for (const other of literals.slice(i + 1)) if (excludes(one, other)) return [one, other]
  }
  return rangesConflict(literals)
}

function excludes(a: Literal, b: Literal): boolean {
  if (a.holds && b.holds) return piecesConflict(a.predicate, b.predicate) || blocksConflict(a, b)
  if (!a.holds && !b.holds) return false
  const [holding, not] = a.holds ? [a, b] : [b, a]
  return predicateImplies(holding.predicate, not.predicate) || ignoringCase(holding, not) || blocksConflict(a, b)
}

/** What contains a text contains it in any case, too. */
function ignoringCase({ predicate: a }: Literal, { predicate: b }: Literal): boolean {
  if (b.operator !== 'icontains' || a.right.kind !== 'strings' || b.right.kind !== 'strings' || a.modifier !== null)
    return false
  const isPiece = ['contains', 'icontains', 'startswith', 'endswith'].includes(a.operator)
  return isPiece && asciiLower(a.right.values[0]!).includes(asciiLower(b.right.values[0]!))
}
