/**
 * Which event types a condition can match. Checks of `evt.type` and `evt.type.is` give sets, `and` intersects, `or` unites, `not` is pushed
 * down to the checks; anything else can match any type.
 */
import { KNOWN_EVENT_NAMES } from '../fields/unseen-events.ts'
import type { Predicate } from '../language/condition/predicate.ts'
import { judgeValue } from './emit-check.ts'
import type { Expression } from './expression.ts'

const NAMES = [...KNOWN_EVENT_NAMES]
const BITS = new Map(NAMES.map((name, i) => [name, 1n << BigInt(i)]))
const ALL = (1n << BigInt(NAMES.length)) - 1n

/** More types than this make a rule costly wherever it runs. */
export const MANY_EVENT_TYPES = 100

/** Event names, captured by Seamark or not; null when the condition says nothing about the type. */
export function eventTypesOf(condition: Expression): string[] | null {
  const set = typesWhen(condition, true, new Map())
  if (set === ALL) return null
  return NAMES.filter((_, i) => (set >> BigInt(i)) & 1n)
}

/**
 * Event names that a condition asks for by name and can match: those of its checks that ask for some, and none of those
 * that a check only excludes. `evt.type.is` asks for one, too.
 */
export function typesNamedBy(condition: Expression): string[] {
  const named = namedWhen(condition, true, new Map())
  if (named === 0n) return []
  const set = named & typesWhen(condition, true, new Map())
  return NAMES.filter((_, i) => (set >> BigInt(i)) & 1n)
}

function namedWhen(node: Expression, holds: boolean, done: Map<string, bigint>): bigint {
  const key = `${node.id} ${holds}`
  const known = done.get(key)
  if (known !== undefined) return known
  let set = 0n
  if (node.kind === 'check') set = namedByCheck(node.predicate, holds)
  else if (node.kind === 'not') set = namedWhen(node.child, !holds, done)
  else if (node.kind !== 'constant') for (const child of node.children) set |= namedWhen(child, holds, done)
  done.set(key, set)
  return set
}

function namedByCheck(predicate: Predicate, holds: boolean): bigint {
  const isOfType = isOfTypeCheck(predicate)
  if (isOfType !== null) return isOfType.yes === holds && isOfType.no !== holds ? isOfType.bit : 0n
  const isExclusion = (predicate.operator === '!=') === holds
  return isExclusion || !isEventTypeCheck(predicate) ? 0n : namesIn(predicate)
}

/** What `evt.type.is.NAME`, compared in whatever way, answers for that type (`yes`) and for all others (`no`). */
function isOfTypeCheck(predicate: Predicate): { bit: bigint; yes: boolean; no: boolean } | null {
  const { left, right } = predicate
  if (left.kind !== 'field' || left.field.name !== 'evt.type.is' || right.kind !== 'numbers') return null
  const bit = BITS.get(left.argument ?? '') ?? 0n
  return { bit, yes: judgeValue(predicate, 1), no: judgeValue(predicate, 0) }
}

/** True for the fields that name the type of an event. */
export function isEventTypeCheck(predicate: Predicate): boolean {
  const { left } = predicate
  return left.kind === 'field' && (left.field.name === 'evt.type' || left.field.name === 'syscall.type')
}

function typesWhen(node: Expression, holds: boolean, done: Map<string, bigint>): bigint {
  const key = `${node.id} ${holds}`
  const known = done.get(key)
  if (known !== undefined) return known
  let set: bigint
  switch (node.kind) {
    case 'constant':
      set = node.value === holds ? ALL : 0n
      break
    case 'check':
      set = ofCheck(node.predicate, holds)
      break
    case 'not':
      set = typesWhen(node.child, !holds, done)
      break
    default: {
      const intersects = (node.kind === 'and') === holds
      set = intersects ? ALL : 0n
      for (const child of node.children) {
        const other = typesWhen(child, holds, done)
        set = intersects ? set & other : set | other
      }
    }
  }
  done.set(key, set)
  return set
}

function ofCheck(predicate: Predicate, holds: boolean): bigint {
  const isOfType = isOfTypeCheck(predicate)
  if (isOfType !== null)
    return (isOfType.yes === holds ? isOfType.bit : 0n) | (isOfType.no === holds ? ALL & ~isOfType.bit : 0n)
  if (!isEventTypeCheck(predicate) || predicate.right.kind !== 'strings') return ALL
  const { operator } = predicate
  if (!COMPARES_NAMES.has(operator)) return ALL
  const named = namesIn(predicate)
  return (operator === '!=') === holds ? ALL & ~named : named
}

const COMPARES_NAMES: ReadonlySet<string> = new Set(['=', '!=', 'in', 'intersects'])

function namesIn({ operator, right }: Predicate): bigint {
  if (right.kind !== 'strings' || !COMPARES_NAMES.has(operator)) return 0n
  return right.values.reduce((set, name) => set | (BITS.get(name) ?? 0n), 0n)
}
