/**
 * Which event types a condition can match. Checks of `evt.type` give sets, `and` intersects, `or` unites, `not` is pushed
 * down to the checks; anything else can match any type.
 */
import { KNOWN_EVENT_NAMES } from '../fields/event-names.ts'
import { EVENT_TYPES } from '../fields/event-types.ts'
import type { Predicate } from '../language/condition/predicate.ts'
import type { Expression } from './expression.ts'

const NAMES = [...new Set([...Object.keys(EVENT_TYPES), ...KNOWN_EVENT_NAMES])]
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
  if (!isEventTypeCheck(predicate) || predicate.right.kind !== 'strings') return ALL
  const { operator } = predicate
  if (operator !== '=' && operator !== '!=' && operator !== 'in' && operator !== 'intersects') return ALL
  const named = predicate.right.values.reduce((set, name) => set | (BITS.get(name) ?? 0n), 0n)
  return (operator === '!=') === holds ? ALL & ~named : named
}
