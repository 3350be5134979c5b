/**
 * What `/readyz` says of a process that can do its work. Conditions do not make it unready: to start it again, or to ask
 * another one, mends none of them. They are named, so that whoever looks sees them.
 */
import { CONDITIONS, type Condition, type Conditions } from './conditions.ts'

export interface ShownCondition {
  condition: string
  /** What it is about where there are several; else empty. */
  subject: string
  means: string
  why: string
  fix: string
  /** ISO 8601. */
  since: string
}

export function shownCondition({ name, subject, message, sinceMs }: Condition): ShownCondition {
  const { means, fix } = CONDITIONS[name]
  return { condition: name, subject, means, why: message, fix, since: new Date(sinceMs).toISOString() }
}

/** `degraded` while some condition holds. */
export function readinessOf(conditions: Pick<Conditions, 'current'>): {
  status: 'ok' | 'degraded'
  conditions: ShownCondition[]
} {
  const shown = conditions.current().map(shownCondition)
  return { status: shown.length === 0 ? 'ok' : 'degraded', conditions: shown }
}
