/**
 * What is legal in rules and yet hardly meant: rules that can never match, rules behind others, fields that nothing
 * fills, values that no event has, names that nobody uses. Every finding stands where it can be mended.
 */
import { fieldsOf } from '../language/condition/predicate.ts'
import type { SourceName } from '../model/event.ts'
import type { Problem } from '../model/problem.ts'
import { compileRules } from '../ruleset/compiler.ts'
import { visitExpressions } from '../ruleset/expression.ts'
import { type ReadyRule, readRules } from '../ruleset/load.ts'
import type { RuleMatching } from '../ruleset/program-writer.ts'
import type { RuleText } from '../ruleset/rule-file.ts'
import { type Contradiction, contradictionIn } from './contradictions.ts'
import { deadParts, whyContradictory } from './dead-parts.ts'
import { implies } from './implies.ts'
import { lintValues } from './lint-values.ts'

export interface LintOptions {
  matching: RuleMatching
  /** Sources that are switched off: rules of theirs see nothing. */
  disabledSources: readonly SourceName[]
}

export interface Linted {
  /** Errors of the rules themselves; with one nothing else was looked for. */
  errors: Problem[]
  findings: Problem[]
}

/** Findings of loading that lint is about too. */
const FROM_LOADING = ['W_RULE_FIELD_NEVER_FILLED', 'W_MACRO_UNUSED', 'W_LIST_UNUSED', 'W_LIST_UNKNOWN', 'W_LIST_LATER']

export function lintRules(files: readonly RuleText[], { matching, disabledSources }: LintOptions): Linted {
  const { rules, pool, definitions, problems } = readRules(files)
  const errors = problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0) return { errors, findings: [] }
  const { eventTypes } = compileRules(
    pool,
    rules.map(({ condition, source, eventTypes }) => ({ condition, source, namesEventTypes: eventTypes !== null })),
    'all',
  )
  const clashes = rules.map(({ condition }) => contradictionIn(condition))
  const isDead = rules.map((_, i) => eventTypes[i]!.length === 0 || clashes[i] !== null)
  const living = rules.filter((_, i) => !isDead[i])
  const findings = [
    ...problems.filter(({ code }) => FROM_LOADING.includes(code)),
    ...rules.flatMap((rule, i) => (isDead[i] ? [deadRule(rule, clashes[i]!)] : [])),
    ...rules.flatMap((rule) => (disabledSources.includes(rule.source) ? [blindRule(rule)] : [])),
    ...deadParts(living, definitions),
    ...(matching === 'first' ? shadowed(living.filter(({ definition }) => definition.enabled)) : []),
    ...lintValues(definitions),
  ]
  return { errors, findings: inOrder(files, findings) }
}

function deadRule(rule: ReadyRule, clash: Contradiction | null): Problem {
  const { definition, condition, eventTypes } = rule
  const never = new Set<string>()
  visitExpressions([condition], (node) => {
    if (node.kind !== 'check') return
    for (const { field } of fieldsOf(node.predicate)) if (field.refused !== null) never.add(field.name)
  })
  const why =
    condition.kind === 'constant'
      ? `its condition is always ${condition.value}`
      : eventTypes !== null && eventTypes.length === 0
        ? 'the event types that its parts name have none in common'
        : clash !== null && clash.parts.length > 0
          ? whyContradictory(clash)
          : never.size > 0
            ? `it needs ${[...never].join(', ')}, which nothing fills`
            : 'no event type that is captured has all the values it asks for'
  return definition.condition.problem(0, {
    code: 'L_RULE_DEAD',
    severity: 'warning',
    message: `rule "${definition.name}" can never match: ${why}`,
  })
}

function blindRule({ definition, source }: ReadyRule): Problem {
  return definition.at.file.problem(definition.at.start, {
    code: 'L_RULE_SOURCE_OFF',
    severity: 'warning',
    message: `rule "${definition.name}" sees nothing: the source "${source}" is switched off in the configuration`,
  })
}

/** In the order in which rules are asked: those that name no event types last. */
function shadowed(rules: readonly ReadyRule[]): Problem[] {
  const order = [
    ...rules.filter((rule) => rule.eventTypes !== null),
    ...rules.filter((rule) => rule.eventTypes === null),
  ]
  return order.flatMap((rule, i) => {
    const { definition, condition, source } = rule
    const before = order.slice(0, i).find((one) => one.source === source && implies(condition, one.condition))
    if (before === undefined) return []
    const place = before.definition.at.file.locate(before.definition.at.start)
    return [
      definition.at.file.problem(definition.at.start, {
        code: 'L_RULE_SHADOWED',
        severity: 'warning',
        message: `rule "${definition.name}" never fires: wherever it holds, "${before.definition.name}" (${place.file}:${place.line}) holds and comes first`,
        hint: 'put it before that rule, or use rule matching "all"',
      }),
    ]
  })
}

function inOrder(files: readonly RuleText[], problems: readonly Problem[]): Problem[] {
  const position = new Map(files.map(({ name }, i) => [name, i]))
  const distinct = new Map(
    problems.map((problem) => [JSON.stringify([problem.code, problem.message, problem.location]), problem]),
  )
  return [...distinct.values()].sort(
    (a, b) =>
      (position.get(a.location.file) ?? 0) - (position.get(b.location.file) ?? 0) ||
      a.location.line - b.location.line ||
      a.location.column - b.location.column,
  )
}
