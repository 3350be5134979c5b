/**
 * Judges one checked predicate over values, plainly: the interpreter behind `rules explain`. A value may be *unknown*,
 * which is not the same as absent: what is stored of an event no longer tells it, and neither does any check of it.
 */
import { asciiLower, matchesGlob } from '../fields/glob.ts'
import { inBlocks } from '../fields/ip-address.ts'
import type { Operator } from '../language/condition/ast.ts'
import { pathMatcher } from '../language/condition/path-prefix.ts'
import type { Predicate } from '../language/condition/predicate.ts'
import { regexTest } from '../language/condition/regex.ts'
import type { Value } from '../model/event.ts'

/** `undefined` is absent. */
export type Known = Value | undefined | typeof UNKNOWN
export const UNKNOWN: unique symbol = Symbol('unknown')

/** True, false, or null for what cannot be told. */
export type Verdict = boolean | null

type Single = string | number | bigint | boolean

/** `right` is the value of the right side's operand, where it is one. */
export function judgePredicate(predicate: Predicate, left: Known, right: Known): Verdict {
  if (left === undefined) return false
  if (left === UNKNOWN) return null
  const given = predicate.right
  if (given.kind === 'none') return true
  let test: (value: Single) => boolean
  if (given.kind === 'operand') {
    if (right === undefined) return false
    if (right === UNKNOWN) return null
    test = (value) => compare(predicate.operator, value, right as Single)
  } else if (given.kind === 'blocks') {
    const isIn = (value: Single) => inBlocks(String(value), given.values)
    test = predicate.operator === '!=' ? (value) => !isIn(value) : isIn
  } else test = testOf(predicate, given.values)
  if (!Array.isArray(left)) return test(left as Single)
  const values = left as readonly Single[]
  return asksAll(predicate) ? values.every(test) : values.some(test)
}

function testOf({ operator, modifier }: Predicate, wanted: readonly Single[]): (value: Single) => boolean {
  if (modifier !== null) {
    return (value) => {
      const count = wanted.filter((one) => compare(operator, value, one)).length
      if (modifier === 'anyof') return count > 0
      return modifier === 'allof' ? wanted.length > 0 && count === wanted.length : count === 1
    }
  }
  if (operator === 'pmatch') {
    const matches = pathMatcher(wanted as readonly string[])
    return (value) => matches(String(value))
  }
  if (operator === 'in' || operator === 'intersects') return (value) => wanted.includes(value)
  return (value) => compare(operator, value, wanted[0]!)
}

/** `!=` asks both ends of a connection, `in` all values of a list; else one is enough. */
function asksAll({ several, operator }: Predicate): boolean {
  return several === 'ends' ? operator === '!=' : several === 'list' && operator === 'in'
}

function compare(operator: Operator, value: Single, wanted: Single): boolean {
  switch (operator) {
    case '=':
    case 'in':
    case 'intersects':
      return isSame(value, wanted)
    case '!=':
      return !isSame(value, wanted)
    case '<':
      return value < wanted
    case '<=':
      return value <= wanted
    case '>':
      return value > wanted
    case '>=':
      return value >= wanted
  }
  return compareTexts(operator, String(value), String(wanted))
}

/** A time is a bigint, what it is compared with may be a number. */
function isSame(value: Single, wanted: Single): boolean {
  if (typeof value === typeof wanted) return value === wanted
  return typeof value !== 'string' && typeof wanted !== 'string' && value <= wanted && value >= wanted
}

function compareTexts(operator: Operator, value: string, wanted: string): boolean {
  switch (operator) {
    case 'contains':
    case 'bcontains':
      return value.includes(wanted)
    case 'icontains':
      return asciiLower(value).includes(asciiLower(wanted))
    case 'startswith':
    case 'bstartswith':
      return value.startsWith(wanted)
    case 'endswith':
      return value.endsWith(wanted)
    case 'glob':
      return matchesGlob(wanted, value)
    case 'iglob':
      return matchesGlob(wanted, value, true)
    case 'regex':
      return regexTest(wanted)(value)
    default:
      throw new Error(`operator ${operator} does not compare two values`)
  }
}
