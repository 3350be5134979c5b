/** What must be captured for a set of rules to see what it asks for. */
import { createHash } from 'node:crypto'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import { fieldsOf } from '../language/condition/predicate.ts'
import type { CapturePlan } from '../model/source.ts'
import { type Expression, visitExpressions } from './expression.ts'

/** Without these the process tree, and with it every proc.* and container.* field, would go stale. */
export const PROCESS_TREE_EVENTS: readonly EventTypeName[] = [
  'execve',
  'execveat',
  'clone',
  'clone3',
  'fork',
  'vfork',
  'procexit',
  'chdir',
  'fchdir',
  'setsid',
  'setpgid',
  'setuid',
  'setgid',
  'setresuid',
  'setresgid',
  'setreuid',
  'setregid',
  'setfsuid',
  'setfsgid',
  'capset',
]

export interface PlannedRule {
  condition: Expression
  /** Event types that the rule can match among those captured. */
  eventTypes: readonly EventTypeName[]
  /** Fields its output names. */
  outputFields: readonly string[]
}

/** `keepEventTypes` is what the keep policy wants stored whether or not a rule asks for it. */
export function capturePlan(
  rules: readonly PlannedRule[],
  keepEventTypes: readonly string[],
  scope: CapturePlan['scope'],
): CapturePlan {
  const wanted = new Set<string>(PROCESS_TREE_EVENTS)
  for (const rule of rules) for (const type of rule.eventTypes) wanted.add(type)
  for (const type of keepEventTypes) wanted.add(type)
  const eventTypes = [...wanted].filter((type) => isSyscall(type)).sort()
  const environment = readsEnvironment(rules)
  const version = createHash('sha256')
    .update(JSON.stringify([eventTypes, scope, environment]))
    .digest('hex')
    .slice(0, 16)
  return { version, eventTypes, scope, environment }
}

function isSyscall(type: string): boolean {
  return Object.hasOwn(EVENT_TYPES, type) && EVENT_TYPES[type as EventTypeName].source === 'syscall'
}

const ENVIRONMENT_FIELDS: ReadonlySet<string> = new Set(['proc.env', 'proc.aenv'])

function readsEnvironment(rules: readonly PlannedRule[]): boolean {
  let found = rules.some((rule) => rule.outputFields.some((name) => ENVIRONMENT_FIELDS.has(name)))
  visitExpressions(
    rules.map((rule) => rule.condition),
    (node) => {
      if (node.kind !== 'check') return
      found ||= fieldsOf(node.predicate).some(({ field }) => ENVIRONMENT_FIELDS.has(field.name))
    },
  )
  return found
}
