/** Tells of parts of conditions that exclude themselves, and of values that what stands beside them excludes. */
import { operandKey } from '../language/condition/predicate.ts'
import type { Problem } from '../model/problem.ts'
import type { Expression } from '../ruleset/expression.ts'
import type { ReadyRule } from '../ruleset/load.ts'
import type { MergedDefinitions } from '../ruleset/merged-definitions.ts'
import { CheckPlaces } from './check-places.ts'
import { type Contradiction, contradictionIn } from './contradictions.ts'
import { testOf, valuesOf } from './facts.ts'
import type { Literal } from './literal.ts'

/** As the end of "… can never match: ". */
export function whyContradictory({ parts, isOneOfSeveral }: Contradiction): string {
  const [one, other] = parts.map(shown)
  if (one === undefined) return 'a part that it needs is never true'
  const why = other === undefined ? `in ${one} the list is empty` : `${one} and ${other} exclude each other`
  return isOneOfSeveral ? `${why}, and what else it offers does not hold either` : why
}

/**
 * In rules that can match: parts that never hold by themselves, whatever stands around them, and single values that a
 * check beside them lets not through. What several rules share is told of once.
 */
export function deadParts(rules: readonly ReadyRule[], definitions: MergedDefinitions): Problem[] {
  const places = new CheckPlaces(definitions)
  const problems: Problem[] = []
  /** By part: whether nothing in it is dead by itself. */
  const seen = new Map<string, boolean>()
  const walk = (node: Expression, holds: boolean, rule: ReadyRule): boolean => {
    if (node.kind === 'constant' || node.kind === 'check') return true
    if (node.kind === 'not') return walk(node.child, !holds, rule)
    const key = `${node.id} ${holds}`
    const known = seen.get(key)
    if (known !== undefined) return known
    let isFine = node.children.map((child) => walk(child, holds, rule)).every(Boolean)
    if ((node.kind === 'and') === holds) {
      const contradiction = isFine ? contradictionIn(node, holds) : null
      // A list that is empty is there to be filled, and one part that is never true to be replaced.
      if (contradiction !== null && contradiction.parts.length === 2) {
        isFine = false
        const checks = contradiction.parts.map(({ predicate }) => predicate)
        const message = `a part of the condition can never hold: ${whyContradictory(contradiction)}`
        problems.push(places.problem(checks, rule, { code: 'L_PART_DEAD', severity: 'warning', message }))
      } else problems.push(...excludedValues(certainIn(node, holds), rule, places))
    }
    seen.set(key, isFine)
    return isFine
  }
  for (const rule of rules) walk(rule.condition, true, rule)
  return problems
}

/** The checks that a conjunction is made of. */
function certainIn(node: Expression, holds: boolean): Literal[] {
  if (node.kind === 'check') return [{ predicate: node.predicate, holds }]
  if (node.kind === 'not') return certainIn(node.child, !holds)
  if (node.kind === 'constant' || (node.kind === 'and') !== holds) return []
  return node.children.flatMap((child) => certainIn(child, holds))
}

const NARROWING: readonly string[] = ['startswith', 'endswith', 'contains', 'icontains', 'glob', 'iglob', 'pmatch']

/** Values of lists of which a check of a part of the text leaves some others. */
function excludedValues(literals: readonly Literal[], rule: ReadyRule, places: CheckPlaces): Problem[] {
  const narrowing = literals.filter(({ predicate, holds }) => holds && NARROWING.includes(predicate.operator))
  return narrowing.flatMap((narrow) => {
    const subject = operandKey(narrow.predicate.left)
    if (narrow.predicate.several !== 'no' || narrow.predicate.right.kind === 'operand') return []
    return literals.flatMap((literal) => {
      const values = operandKey(literal.predicate.left) === subject ? valuesOf(literal) : null
      const excluded = values?.filter((value) => !testOf(narrow)(value)) ?? []
      if (excluded.length === 0 || excluded.length === values!.length) return []
      const some = excluded.slice(0, 3).map((value) => `"${String(value).slice(0, 40)}"`)
      const more = excluded.length > 3 ? ` and ${excluded.length - 3} more` : ''
      const message = `${some.join(', ')}${more} can never match beside ${shown(narrow)}`
      const what = { code: 'L_VALUE_NEVER_MATCHES', severity: 'warning', message } as const
      return [places.problem([literal.predicate], rule, what)]
    })
  })
}

function shown({ predicate, holds }: Literal): string {
  const text = predicate.key.length > 80 ? `${predicate.key.slice(0, 80)}…` : predicate.key
  return holds ? `"${text}"` : `"not ${text}"`
}
