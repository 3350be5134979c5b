/** What must be captured for a set of rules to see what it asks for. */
import { createHash } from 'node:crypto'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import type { Field } from '../fields/field.ts'
import { findField } from '../fields/index.ts'
import { HOST_NAME_FIELDS, HOST_NAME_OPERATORS } from '../language/condition/host-names.ts'
import { fieldsOf, type Predicate } from '../language/condition/predicate.ts'
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

const ENVIRONMENT_FIELDS: ReadonlySet<string> = new Set(['proc.env', 'proc.aenv'])
/** More names than this are not looked up: each is a question to the host's resolver, again and again. */
export const MAX_DOMAINS = 1_000

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
  const fields = fieldsReadBy(rules)
  const environment = fields.some(({ name }) => ENVIRONMENT_FIELDS.has(name))
  const wants = distinct(fields.flatMap((field) => field.wants ?? []))
  const domains = domainsNamedBy(rules).slice(0, MAX_DOMAINS)
  const version = createHash('sha256')
    .update(JSON.stringify([eventTypes, scope, environment, wants, domains]))
    .digest('hex')
    .slice(0, 16)
  return { version, eventTypes, scope, environment, wants, domains }
}

function isSyscall(type: string): boolean {
  return Object.hasOwn(EVENT_TYPES, type) && EVENT_TYPES[type as EventTypeName].source === 'syscall'
}

function fieldsReadBy(rules: readonly PlannedRule[]): Field[] {
  const outputs = rules.flatMap((rule) => rule.outputFields.flatMap((name) => findField(name, null)?.field ?? []))
  return [...outputs, ...predicatesOf(rules).flatMap((predicate) => fieldsOf(predicate).map(({ field }) => field))]
}

/** What rules compare fd.sip.name and its like with: these names are looked up, and no others; in order. */
export function domainsNamedBy(rules: readonly Pick<PlannedRule, 'condition'>[]): string[] {
  const named = predicatesOf(rules).flatMap(({ left, right, operator }) => {
    if (left.kind !== 'field' || !HOST_NAME_FIELDS.has(left.field.name) || right.kind !== 'strings') return []
    return HOST_NAME_OPERATORS.has(operator) ? right.values.filter((name) => name !== '') : []
  })
  return distinct(named)
}

function predicatesOf(rules: readonly Pick<PlannedRule, 'condition'>[]): Predicate[] {
  const found: Predicate[] = []
  visitExpressions(
    rules.map((rule) => rule.condition),
    (node) => {
      if (node.kind === 'check') found.push(node.predicate)
    },
  )
  return found
}

function distinct<T extends string>(names: readonly T[]): T[] {
  return [...new Set(names)].sort()
}
