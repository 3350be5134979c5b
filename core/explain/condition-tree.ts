/**
 * A rule's condition as people wrote it, with its names kept: macros and exceptions are nodes of their own, lists are
 * put in. What `rules show` prints and `rules explain` judges; the compiler works on the folded graph instead.
 */
import type { Check, Condition } from '../language/condition/ast.ts'
import { checkPredicate } from '../language/condition/check.ts'
import { parseCondition } from '../language/condition/parser.ts'
import type { Predicate } from '../language/condition/predicate.ts'
import { printCondition } from '../language/condition/printer.ts'
import type { Location } from '../model/problem.ts'
import type { RuleDefinition } from '../ruleset/definitions.ts'
import { checkText } from '../ruleset/exceptions.ts'
import { ExpressionPool } from '../ruleset/expression.ts'
import type { ReadyRule } from '../ruleset/load.ts'
import type { MergedDefinitions } from '../ruleset/merged-definitions.ts'
import { Resolver } from '../ruleset/resolver.ts'

/** Macros that are used more than once are one object, so that a tree is never larger than its rules. */
export type ConditionTree =
  | { readonly kind: 'and' | 'or'; readonly children: readonly ConditionTree[] }
  | { readonly kind: 'not'; readonly child: ConditionTree }
  | { readonly kind: 'macro'; readonly name: string; readonly location: Location; readonly child: ConditionTree }
  /** Holds where one of the exception's rows does; the rule has its negation. */
  | { readonly kind: 'exception'; readonly name: string; readonly location: Location; readonly child: ConditionTree }
  | { readonly kind: 'check'; readonly check: Check; readonly predicate: Predicate }

/** Expanded conditions end here: macros that use macros twice grow without end. */
const MAX_PRINTED_CHARS = 200_000

/** Makes the trees of rules that loaded without an error. */
export class ConditionTrees {
  private readonly definitions: MergedDefinitions
  private readonly resolver: Resolver
  private readonly macros = new Map<string, ConditionTree>()

  constructor(definitions: MergedDefinitions) {
    this.definitions = definitions
    this.resolver = new Resolver(definitions, new ExpressionPool())
  }

  of({ definition, source }: Pick<ReadyRule, 'definition' | 'source'>): ConditionTree {
    const condition = this.parsed(definition.condition.text, source)
    const exceptions = this.exceptions(definition, source).map((child) => ({ kind: 'not', child }) as const)
    return exceptions.length === 0 ? condition : { kind: 'and', children: [condition, ...exceptions] }
  }

  private parsed(text: string, source: ReadyRule['source']): ConditionTree {
    const parsed = parseCondition(text)
    if (!parsed.ok) throw new Error(`a condition that loaded does not parse: ${parsed.message}`)
    return this.node(parsed.node, source)
  }

  private node(node: Condition, source: ReadyRule['source']): ConditionTree {
    switch (node.kind) {
      case 'and':
      case 'or':
        return { kind: node.kind, children: node.children.map((child) => this.node(child, source)) }
      case 'not':
        return { kind: 'not', child: this.node(node.child, source) }
      case 'macro':
        return this.macro(node.name, source)
      case 'check': {
        const check = this.resolver.withLists(node)
        const { predicate, problems } = checkPredicate(check, source)
        if (predicate === null) throw new Error(`a check that loaded does not: ${problems.at(-1)?.message}`)
        return { kind: 'check', check, predicate }
      }
    }
  }

  private macro(name: string, source: ReadyRule['source']): ConditionTree {
    const key = `${source} ${name}`
    const known = this.macros.get(key)
    if (known !== undefined) return known
    const { condition, at } = this.definitions.macros.get(name)!
    const location = at.file.locate(at.start)
    const made: ConditionTree = { kind: 'macro', name, location, child: this.parsed(condition.text, source) }
    this.macros.set(key, made)
    return made
  }

  private exceptions(rule: RuleDefinition, source: ReadyRule['source']): ConditionTree[] {
    return rule.exceptions
      .filter(({ rows }) => rows.length > 0)
      .map(({ name, at, fields, operators, rows }) => {
        const alternatives = rows.map(({ cells }) =>
          join(
            'and',
            cells.map((cell, i) => this.parsed(checkText(fields[i]!.text, operators[i]!, cell), source)),
          ),
        )
        return { kind: 'exception', name, location: at.file.locate(at.start), child: join('or', alternatives) }
      })
  }
}

function join(kind: 'and' | 'or', children: ConditionTree[]): ConditionTree {
  return children.length === 1 ? children[0]! : { kind, children }
}

/** As text without macros and lists: a condition that means the same. Cut, and said so, where it grows too long. */
export function expandedText(tree: ConditionTree): { text: string; isCut: boolean } {
  let left = MAX_PRINTED_CHARS
  const expand = (node: ConditionTree): Condition => {
    // Every node costs something, so that nodes without text of their own end too.
    if (--left < 0) return { kind: 'macro', name: '…', at: 0 }
    switch (node.kind) {
      case 'and':
      case 'or': {
        // A macro's `and` within an `and` needs no parentheses.
        const children = node.children
          .map(expand)
          .flatMap((child) => (child.kind === node.kind ? (child.children as Condition[]) : [child]))
        return { kind: node.kind, children, at: 0 }
      }
      case 'not':
        return { kind: 'not', child: expand(node.child), at: 0 }
      case 'check':
        left -= printCondition(node.check).length
        return node.check
      default:
        return expand(node.child)
    }
  }
  const condition = expand(tree)
  return { text: printCondition(condition), isCut: left < 0 }
}

/** Every predicate below a node, each once. */
export function predicatesOf(tree: ConditionTree): Predicate[] {
  const seen = new Set<ConditionTree>()
  const found = new Map<string, Predicate>()
  const walk = (node: ConditionTree): void => {
    if (seen.has(node)) return
    seen.add(node)
    if (node.kind === 'check') found.set(node.predicate.key, node.predicate)
    else if ('children' in node) node.children.forEach(walk)
    else walk(node.child)
  }
  walk(tree)
  return [...found.values()]
}
