/**
 * Conditions with all names put in, as a graph: equal parts exist once (per pool), so that what is shared between rules
 * is judged once, and a macro that is used a thousand times costs one.
 */
import type { Predicate } from '../language/condition/predicate.ts'

export type Expression =
  | { readonly kind: 'constant'; readonly id: number; readonly depth: number; readonly value: boolean }
  | { readonly kind: 'check'; readonly id: number; readonly depth: number; readonly predicate: Predicate }
  | { readonly kind: 'not'; readonly id: number; readonly depth: number; readonly child: Expression }
  | {
      readonly kind: 'and' | 'or'
      readonly id: number
      readonly depth: number
      readonly children: readonly Expression[]
    }

/** How deep macros and parentheses may nest together. */
export const MAX_EXPRESSION_DEPTH = 1000

export class ExpressionPool {
  private readonly known = new Map<string, Expression>()
  private count = 0
  readonly true: Expression = this.intern('true', (id) => ({ kind: 'constant', id, depth: 1, value: true }))
  readonly false: Expression = this.intern('false', (id) => ({ kind: 'constant', id, depth: 1, value: false }))

  /** Number of distinct nodes. */
  get size(): number {
    return this.count
  }

  constant(value: boolean): Expression {
    return value ? this.true : this.false
  }

  check(predicate: Predicate): Expression {
    return this.intern(`check ${predicate.key}`, (id) => ({ kind: 'check', id, depth: 1, predicate }))
  }

  not(child: Expression): Expression {
    if (child.kind === 'constant') return this.constant(!child.value)
    if (child.kind === 'not') return child.child
    return this.intern(`not ${child.id}`, (id) => ({ kind: 'not', id, depth: child.depth + 1, child }))
  }

  /** Constants and repetitions are folded; an `and` of nothing is true, an `or` of nothing false. */
  join(kind: 'and' | 'or', children: readonly Expression[]): Expression {
    const neutral = kind === 'and'
    const kept = new Set<Expression>()
    for (const child of children) {
      if (child.kind === 'constant') {
        if (child.value !== neutral) return child
      } else kept.add(child)
    }
    const list = [...kept]
    if (list.length === 0) return this.constant(neutral)
    if (list.length === 1) return list[0]!
    const depth = 1 + list.reduce((deepest, child) => Math.max(deepest, child.depth), 0)
    const key = `${kind} ${list.map((child) => child.id).join(' ')}`
    return this.intern(key, (id) => ({ kind, id, depth, children: list }))
  }

  private intern(key: string, make: (id: number) => Expression): Expression {
    const found = this.known.get(key)
    if (found !== undefined) return found
    const made = Object.freeze(make(this.count++))
    this.known.set(key, made)
    return made
  }
}

/** Calls back once for every distinct node below the roots, children first. All are of one pool. */
export function visitExpressions(roots: Iterable<Expression>, visit: (node: Expression) => void): void {
  // Marks by the number of a node cost a fraction of a set, and conditions are gone over for every event type.
  const marks = idle.pop() ?? { at: new Uint32Array(1024), last: 0 }
  const mark = ++marks.last
  const walk = (node: Expression): void => {
    const { id } = node
    if (id >= marks.at.length) marks.at = grown(marks.at, id)
    if (marks.at[id] === mark) return
    marks.at[id] = mark
    if (node.kind === 'not') walk(node.child)
    else if (node.kind === 'and' || node.kind === 'or') for (const child of node.children) walk(child)
    visit(node)
  }
  for (const root of roots) walk(root)
  if (mark < MAX_MARK && marks.at.length <= MAX_KEPT_MARKS) idle.push(marks)
}

/** Not in use; a visit within a visit takes another one. */
const idle: { at: Uint32Array<ArrayBuffer>; last: number }[] = []
const MAX_MARK = 2 ** 32 - 1
const MAX_KEPT_MARKS = 4_000_000

function grown(marks: Uint32Array<ArrayBuffer>, id: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(marks.length * 2, id + 1))
  larger.set(marks)
  return larger
}

/** Rebuilds a graph with every check replaced by what `replace` says. */
export function rewrite(
  pool: ExpressionPool,
  root: Expression,
  replace: (check: Extract<Expression, { kind: 'check' }>) => Expression,
  done: Pick<Map<Expression, Expression>, 'get' | 'set'> = new Map(),
): Expression {
  const known = done.get(root)
  if (known !== undefined) return known
  let made: Expression
  if (root.kind === 'check') made = replace(root)
  else if (root.kind === 'not') made = pool.not(rewrite(pool, root.child, replace, done))
  else if (root.kind === 'constant') made = root
  else made = rewriteParts(pool, root, (child) => rewrite(pool, child, replace, done))
  done.set(root, made)
  return made
}

/** The first part that decides ends it: of most event types, what comes behind `evt.type` is never looked at. */
function rewriteParts(
  pool: ExpressionPool,
  root: Extract<Expression, { kind: 'and' | 'or' }>,
  rewritten: (child: Expression) => Expression,
): Expression {
  const neutral = root.kind === 'and'
  const parts: Expression[] = []
  for (const child of root.children) {
    const part = rewritten(child)
    if (part.kind === 'constant' && part.value !== neutral) return part
    parts.push(part)
  }
  const isSame = parts.every((part, i) => part === root.children[i])
  return isSame ? root : pool.join(root.kind, parts)
}
