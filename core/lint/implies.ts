/**
 * Whether one condition can only hold where another does, as far as their form shows: the same parts, smaller sets of
 * values, longer prefixes. Never wrong when it says yes; often silent where a proof would need more than form.
 */
import type { Predicate } from '../language/condition/predicate.ts'
import { operandKey } from '../language/condition/predicate.ts'
import type { Expression } from '../ruleset/expression.ts'
import { conjuncts } from '../ruleset/split.ts'

/** Pairs that are looked at for one answer; beyond, the answer is no. */
const MAX_STEPS = 20_000

export function implies(from: Expression, to: Expression): boolean {
  const known = new Map<string, boolean>()
  let steps = 0
  const judge = (a: Expression, b: Expression): boolean => {
    if (a === b) return true
    if (a.kind === 'constant') return !a.value || (b.kind === 'constant' && b.value)
    if (b.kind === 'constant') return b.value
    const key = `${a.id} ${b.id}`
    const answer = known.get(key)
    if (answer !== undefined) return answer
    if (++steps > MAX_STEPS) return false
    // Conditions have no circles, so that this stands for "not found yet" only within itself.
    known.set(key, false)
    const found = prove(a, b)
    known.set(key, found)
    return found
  }
  const prove = (a: Expression, b: Expression): boolean => {
    if (b.kind === 'and') return conjuncts(b).every((part) => judge(a, part))
    if (a.kind === 'or') return a.children.every((part) => judge(part, b))
    if (b.kind === 'or' && b.children.some((part) => judge(a, part))) return true
    if (a.kind === 'and') return conjuncts(a).some((part) => judge(part, b))
    if (a.kind === 'not' && b.kind === 'not') return judge(b.child, a.child)
    return a.kind === 'check' && b.kind === 'check' && predicateImplies(a.predicate, b.predicate)
  }
  return judge(from, to)
}

/** Of two checks of one operand. */
export function predicateImplies(a: Predicate, b: Predicate): boolean {
  if (operandKey(a.left) !== operandKey(b.left) || a.several !== 'no') return false
  // Whatever a check says of a value, the value is there.
  if (b.operator === 'exists') return true
  if (a.modifier !== null || b.modifier !== null) return false
  const given = exactValues(a)
  if (given !== null && given.length > 0) {
    const wanted = exactValues(b)
    if (wanted !== null) return given.every((value) => wanted.includes(value))
    const test = textTest(b)
    return test !== null && given.every((value) => typeof value === 'string' && test(value))
  }
  // What begins with a longer text begins with the shorter one; the same for ends and pieces.
  if (a.operator !== b.operator && b.operator !== 'contains') return false
  const piece = textPiece(a)
  return piece !== null && textTest(b)?.(piece) === true
}

function exactValues({ operator, right }: Predicate): readonly (string | number | boolean)[] | null {
  if (operator !== '=' && operator !== 'in' && operator !== 'intersects') return null
  return right.kind === 'strings' || right.kind === 'numbers' || right.kind === 'booleans' ? right.values : null
}

function textPiece({ operator, right }: Predicate): string | null {
  const isPiece = operator === 'startswith' || operator === 'endswith' || operator === 'contains'
  return isPiece && right.kind === 'strings' ? right.values[0]! : null
}

function textTest(predicate: Predicate): ((value: string) => boolean) | null {
  const piece = textPiece(predicate)
  if (piece === null) return null
  if (predicate.operator === 'startswith') return (value) => value.startsWith(piece)
  return predicate.operator === 'endswith' ? (value) => value.endsWith(piece) : (value) => value.includes(piece)
}
