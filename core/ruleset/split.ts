/** Takes conditions apart by what they depend on, and orders their parts so that the cheap ones are asked first. */
import { fieldsOf, type Predicate } from '../language/condition/predicate.ts'
import type { Expression, ExpressionPool } from './expression.ts'
import { joinedReach, REACH, type Reach, reachOf } from './steady-columns.ts'

/** The reach of conditions; a condition without any field has the first. */
export class Scopes {
  private readonly known = new Map<Expression, Reach>()

  of(node: Expression): Reach {
    const known = this.known.get(node)
    if (known !== undefined) return known
    let reaches: Reach[] = []
    if (node.kind === 'check') reaches = fieldsOf(node.predicate).map(({ field, argument }) => reachOf(field, argument))
    else if (node.kind === 'not') reaches = [this.of(node.child)]
    else if (node.kind !== 'constant') reaches = node.children.map((child) => this.of(child))
    const reach = reaches.length === 0 ? REACH.program : reaches.reduce(joinedReach)
    this.known.set(node, reach)
    return reach
  }
}

/** The conditions joined by `and` at the top. */
export function conjuncts(node: Expression): readonly Expression[] {
  if (node.kind !== 'and') return [node]
  return node.children.some((child) => child.kind === 'and') ? node.children.flatMap(conjuncts) : node.children
}

/** The part of a condition that holds for the process alone, and the rest; both joined by `and` give the condition. */
export function splitByProcess(
  pool: ExpressionPool,
  scopes: Scopes,
  condition: Expression,
): { process: Expression; rest: Expression } {
  const parts = conjuncts(condition)
  return {
    process: pool.join(
      'and',
      parts.filter((part) => scopes.of(part) !== REACH.event),
    ),
    rest: pool.join(
      'and',
      parts.filter((part) => scopes.of(part) === REACH.event),
    ),
  }
}

/** Rough cost of judging, to order parts by. */
export class Costs {
  private readonly known = new Map<Expression, number>()

  of(node: Expression): number {
    const known = this.known.get(node)
    if (known !== undefined) return known
    let cost = 0
    if (node.kind === 'check') cost = predicateCost(node.predicate)
    else if (node.kind === 'not') cost = this.of(node.child)
    else if (node.kind !== 'constant') {
      // Later parts are reached about half of the time.
      for (const [i, child] of this.ordered(node.children).entries()) cost += this.of(child) * 0.5 ** Math.min(i, 8)
    }
    this.known.set(node, cost)
    return cost
  }

  ordered(nodes: readonly Expression[]): Expression[] {
    return [...nodes].sort((a, b) => this.of(a) - this.of(b))
  }
}

function predicateCost({ type, operator, right, left, several }: Predicate): number {
  const read = left.kind === 'field' && left.field.read.from === 'column' ? 1 : 4
  const values = right.kind === 'strings' ? right.values.length : 1
  const test =
    type !== 'string'
      ? 1
      : operator === 'regex'
        ? 200
        : operator === 'glob' || operator === 'iglob'
          ? 20
          : operator === 'contains' || operator === 'icontains'
            ? 8 * values
            : 2
  return (read + test) * (several === 'no' ? 1 : 6)
}
