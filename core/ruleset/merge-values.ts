/**
 * Many alternatives that ask one field for one value each become a single question: `a = 1 or a = 2 or …` is `a in (1, 2,
 * …)`. It is compiled once instead of once for each, and answered by one look-up.
 */
import { operandKey, type Predicate } from '../language/condition/predicate.ts'
import type { Expression, ExpressionPool } from './expression.ts'

/** From how many on. */
const MIN_MERGED = 4

/** `done` remembers what was rewritten, for all conditions of the pool. */
export function mergeValues(
  pool: ExpressionPool,
  node: Expression,
  done: Map<Expression, Expression> = new Map(),
): Expression {
  const known = done.get(node)
  if (known !== undefined) return known
  let made = node
  if (node.kind === 'not') made = pool.not(mergeValues(pool, node.child, done))
  else if (node.kind === 'and' || node.kind === 'or') {
    const children = node.children.map((child) => mergeValues(pool, child, done))
    const merged = node.kind === 'or' ? merge(pool, children) : children
    const isSame = merged.length === node.children.length && merged.every((child, i) => child === node.children[i])
    made = isSame ? node : pool.join(node.kind, merged)
  }
  done.set(node, made)
  return made
}

/** What is merged stands where the first of it stood. */
function merge(pool: ExpressionPool, children: readonly Expression[]): Expression[] {
  if (children.length < MIN_MERGED) return [...children]
  const byOperand = new Map<string, Predicate[]>()
  for (const child of children) {
    const key = child.kind === 'check' ? mergeKey(child.predicate) : null
    if (child.kind !== 'check' || key === null) continue
    const same = byOperand.get(key)
    if (same === undefined) byOperand.set(key, [child.predicate])
    else same.push(child.predicate)
  }
  const written = new Set<string>()
  return children.flatMap((child) => {
    const key = child.kind === 'check' ? mergeKey(child.predicate) : null
    const same = key === null ? [] : byOperand.get(key)!
    if (key === null || same.length < MIN_MERGED) return [child]
    if (written.has(key)) return []
    written.add(key)
    return [pool.check(joined(same))]
  })
}

/** The same for checks that can be one. Null for what asks for more than one of some values. */
function mergeKey({ left, several, operator, modifier, right }: Predicate): string | null {
  if (several !== 'no' || modifier !== null || (operator !== '=' && operator !== 'in')) return null
  return right.kind === 'strings' || right.kind === 'numbers' ? `${right.kind} ${operandKey(left)}` : null
}

function joined(predicates: readonly Predicate[]): Predicate {
  const [first] = predicates
  const values = new Set<string | number>()
  for (const { right } of predicates) {
    if (right.kind === 'strings' || right.kind === 'numbers') for (const value of right.values) values.add(value)
  }
  const right = { kind: first!.right.kind, values: [...values] } as Predicate['right']
  const key = `${operandKey(first!.left)} in ${JSON.stringify([...values])}`
  return Object.freeze({ ...first!, key, operator: 'in', right })
}
