/**
 * Why a rule holds for an event or does not: every sub-expression with its verdict and the values it saw. Verdicts
 * follow Kleene where a value is not known any more: `false and unknown` is still false.
 */
import { toText } from '../batch/strings.ts'
import type { Cursor } from '../fields/cursor.ts'
import type { Field } from '../fields/field.ts'
import {
  fieldsOf,
  operandFields,
  operandKey,
  type Predicate,
  type ValueSource,
} from '../language/condition/predicate.ts'
import { printCheck } from '../language/condition/printer.ts'
import { valueReader } from '../language/condition/value-reader.ts'
import type { Value } from '../model/event.ts'
import type { Location } from '../model/problem.ts'
import type { ConditionTree } from './condition-tree.ts'
import { judgePredicate, type Known, UNKNOWN, type Verdict } from './judge-predicate.ts'

export interface Explained {
  kind: ConditionTree['kind']
  /** Of macros and exceptions. */
  name?: string
  location?: Location
  /** Of checks: as written, lists put in. */
  check?: string
  /** Null: it cannot be told, because a value it needs is not known. */
  verdict: Verdict
  /** The engine need not have looked at it: a neighbour before it decided already. */
  skipped: boolean
  /** Of checks: the values they saw; null is absent. */
  values?: { field: string; value: Value | null; known: boolean }[]
  children?: Explained[]
}

export interface Explanation {
  verdict: Verdict
  tree: Explained
  /** Exceptions that held, in a rule whose condition held without them. */
  hiddenBy: string[]
  /** Fields whose values the event no longer tells. */
  unknownFields: string[]
}

/** Nodes of one explanation; macros that use macros twice grow without end. */
const MAX_EXPLAINED_NODES = 50_000

/** `isKnown`: whether the event at the cursor tells a field's value, absent or not. */
export function explain(
  tree: ConditionTree,
  cursor: Cursor,
  isKnown: (field: Field, argument: string | null) => boolean = () => true,
): Explanation {
  const judge = new Judge(cursor, isKnown)
  const explained = judge.node(tree, false)
  return {
    verdict: explained.verdict,
    tree: explained,
    hiddenBy: hidingExceptions(tree, explained),
    unknownFields: [...judge.unknown].sort(),
  }
}

class Judge {
  readonly unknown = new Set<string>()
  private readonly cursor: Cursor
  private readonly isKnown: (field: Field, argument: string | null) => boolean
  private nodes = 0

  constructor(cursor: Cursor, isKnown: Judge['isKnown']) {
    this.cursor = cursor
    this.isKnown = isKnown
  }

  node(tree: ConditionTree, skipped: boolean): Explained {
    if (++this.nodes > MAX_EXPLAINED_NODES)
      throw new RangeError(`the expanded condition has more than ${MAX_EXPLAINED_NODES} parts`)
    switch (tree.kind) {
      case 'check':
        return this.check(tree, skipped)
      case 'not': {
        const child = this.node(tree.child, skipped)
        return { kind: 'not', verdict: child.verdict === null ? null : !child.verdict, skipped, children: [child] }
      }
      case 'macro':
      case 'exception': {
        const child = this.node(tree.child, skipped)
        const { kind, name, location } = tree
        return { kind, name, location, verdict: child.verdict, skipped, children: [child] }
      }
      default:
        return this.join(tree.kind, tree.children, skipped)
    }
  }

  private join(kind: 'and' | 'or', trees: readonly ConditionTree[], skipped: boolean): Explained {
    const decisive = kind === 'or'
    let isDecided = false
    const children = trees.map((tree) => {
      const child = this.node(tree, skipped || isDecided)
      isDecided ||= child.verdict === decisive
      return child
    })
    const isOpen = children.some(({ verdict }) => verdict === null)
    return { kind, verdict: isDecided ? decisive : isOpen ? null : !decisive, skipped, children }
  }

  private check({ check, predicate }: Extract<ConditionTree, { kind: 'check' }>, skipped: boolean): Explained {
    const { left, right } = predicate
    const operand = right.kind === 'operand' ? right.operand : undefined
    const values = [left, ...(operand === undefined ? [] : [operand])].map((source) => this.seen(source))
    const verdict = judgePredicate(predicate, values[0]!.value, values[1]?.value)
    const shown = [...values, ...this.inputs(predicate)].map(({ field, value }) => ({
      field,
      value: value === UNKNOWN || value === undefined ? null : readable(value),
      known: value !== UNKNOWN,
    }))
    return { kind: 'check', check: printCheck(check), verdict, skipped, values: shown }
  }

  /** Of a transformer the fields that it was given too. */
  private inputs(predicate: Predicate): { field: string; value: Known }[] {
    if (predicate.left.kind === 'field') return []
    return fieldsOf(predicate).map(({ field, argument }) => {
      return this.seen({ kind: 'field', field, argument })
    })
  }

  private seen(source: ValueSource): { field: string; value: Known } {
    return { field: operandKey(source), value: this.valueOf(source) }
  }

  private valueOf(source: ValueSource): Known {
    const argument = source.kind === 'field' ? source.argument : null
    const missing = operandFields(source).filter((field) => !this.isKnown(field, argument))
    for (const { name } of missing) this.unknown.add(name)
    return missing.length > 0 ? UNKNOWN : valueReader(source)(this.cursor)
  }
}

function readable(value: Value): Value {
  if (typeof value === 'string') return toText(value)
  // JSON has no number of so many digits.
  if (typeof value === 'bigint') return String(value)
  return Array.isArray(value) ? value.map((one) => (typeof one === 'string' ? toText(one) : one)) : value
}

/** Exceptions stand last, beside the condition proper. */
function hidingExceptions(tree: ConditionTree, { children = [] }: Explained): string[] {
  if (tree.kind !== 'and') return []
  const isException = (one: Explained) => one.kind === 'not' && one.children?.[0]?.kind === 'exception'
  const exceptions = children.filter(isException)
  if (exceptions.length === 0 || children.some((one) => !isException(one) && one.verdict !== true)) return []
  return exceptions.filter(({ verdict }) => verdict === false).map((one) => one.children![0]!.name!)
}
