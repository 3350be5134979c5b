/** Takes conditions apart by what they depend on, and orders their parts so that the cheap ones are asked first. */
import type { Scope } from '../fields/field.ts'
import { fieldsOf, type Predicate } from '../language/condition/predicate.ts'
import type { Expression, ExpressionPool } from './expression.ts'

/** Widest scope among the fields; a part with none is as narrow as can be. */
export class Scopes {
  private readonly known = new Map<Expression, Scope>()

  /** `process` also covers `container`: the container of a system call is its process's. */
  of(node: Expression): 'event' | 'process' {
    return this.scope(node) === 'event' ? 'event' : 'process'
  }

  private scope(node: Expression): Scope {
    const known = this.known.get(node)
    if (known !== undefined) return known
    let scope: Scope = 'container'
    if (node.kind === 'check') scope = predicateScope(node.predicate)
    else if (node.kind === 'not') scope = this.scope(node.child)
    else if (node.kind !== 'constant') for (const child of node.children) scope = wider(scope, this.scope(child))
    this.known.set(node, scope)
    return scope
  }
}

function predicateScope(predicate: Predicate): Scope {
  return fieldsOf(predicate).reduce<Scope>((scope, { field }) => wider(scope, field.read.scope), 'container')
}

const WIDTH: Record<Scope, number> = { container: 0, process: 1, event: 2 }

function wider(a: Scope, b: Scope): Scope {
  return WIDTH[a] >= WIDTH[b] ? a : b
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
      parts.filter((part) => scopes.of(part) === 'process'),
    ),
    rest: pool.join(
      'and',
      parts.filter((part) => scopes.of(part) === 'event'),
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
