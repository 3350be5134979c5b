/**
 * Puts macros, lists and exceptions into conditions, on the tree and not in the text, and type-checks the result. Where
 * Falco replaces list names in the text, inside quotes too, we do not, and say so.
 */
import type { Check, Condition, TextValue } from '../language/condition/ast.ts'
import { checkPredicate, isListOperator } from '../language/condition/check.ts'
import { parseCondition } from '../language/condition/parser.ts'
import { nearestName } from '../language/nearest-name.ts'
import type { SourceName } from '../model/event.ts'
import type { Problem } from '../model/problem.ts'
import type { ExceptionDefinition, MacroDefinition, RuleDefinition } from './definitions.ts'
import { checkText } from './exceptions.ts'
import { type Expression, type ExpressionPool, MAX_EXPRESSION_DEPTH } from './expression.ts'
import type { MergedDefinitions } from './merged-definitions.ts'
import type { Pieces } from './rule-file.ts'

export interface Resolved {
  expression: Expression
  problems: Problem[]
}

type Report = (at: number, what: Omit<Problem, 'location' | 'snippet'>) => void
/** The macro whose condition is being read, if any: it sees only what was defined before it. */
type Within = MacroDefinition | null

const MAX_MACRO_NESTING = 100
/** Values that one list may expand to. */
const MAX_LIST_VALUES = 100_000

export class Resolver {
  readonly usedMacros = new Set<string>()
  readonly usedLists = new Set<string>()
  private readonly definitions: MergedDefinitions
  private readonly pool: ExpressionPool
  private readonly macros = new Map<string, Resolved>()
  private readonly lists = new Map<string, TextValue[]>()
  private readonly open: string[] = []
  /** Where what is being resolved stands among all definitions. */
  private position = 0

  constructor(definitions: MergedDefinitions, pool: ExpressionPool) {
    this.definitions = definitions
    this.pool = pool
  }

  rule(rule: RuleDefinition, source: SourceName): Resolved {
    const problems: Problem[] = []
    this.position = rule.index
    const condition = this.text(rule.condition, source, null, problems)
    const parts = [condition, ...rule.exceptions.flatMap((exception) => this.exception(exception, source, problems))]
    const expression = this.pool.join('and', parts)
    if (expression.depth > MAX_EXPRESSION_DEPTH) problems.push(rule.condition.problem(0, tooDeep))
    return { expression, problems: [...new Set(problems)] }
  }

  /** Syntax and references of a macro that no rule uses. */
  unusedMacro(macro: MacroDefinition): Problem[] {
    const parsed = parseCondition(macro.condition.text)
    if (!parsed.ok) return [macro.condition.problem(parsed.at, syntax(parsed.message, parsed.hint))]
    const problems: Problem[] = []
    this.position = macro.visibility
    const report: Report = (at, what) => problems.push(macro.condition.problem(at, what))
    visitLeaves(parsed.node, (node) => {
      if (node.kind === 'check') this.insertLists(node, report)
      else if (this.findMacro(node.name, node.at, macro, report) !== null && this.reaches(node.name, macro.name)) {
        report(node.at, invalid(`reference loop in macro "${macro.name}"`))
      }
    })
    return problems
  }

  /** Whether following references from one macro leads to another. */
  private reaches(from: string, to: string): boolean {
    const seen = new Set([from])
    for (const name of seen) {
      if (name === to) return true
      const macro = this.definitions.macros.get(name)
      const parsed = macro === undefined ? null : parseCondition(macro.condition.text)
      if (parsed?.ok) visitLeaves(parsed.node, (node) => node.kind === 'macro' && seen.add(node.name))
    }
    return false
  }

  private text(text: Pieces, source: SourceName, within: Within, problems: Problem[]): Expression {
    const parsed = parseCondition(text.text)
    const report: Report = (at, what) => problems.push(text.problem(at, what))
    if (!parsed.ok) {
      report(parsed.at, syntax(parsed.message, parsed.hint))
      return this.pool.false
    }
    return this.node(parsed.node, source, within, report, problems)
  }

  private node(node: Condition, source: SourceName, within: Within, report: Report, problems: Problem[]): Expression {
    switch (node.kind) {
      case 'and':
      case 'or':
        return this.pool.join(
          node.kind,
          node.children.map((child) => this.node(child, source, within, report, problems)),
        )
      case 'not':
        return this.pool.not(this.node(node.child, source, within, report, problems))
      case 'macro':
        return this.macro(node.name, node.at, source, within, report, problems)
      case 'check':
        return this.check(this.insertLists(node, report), source, report)
    }
  }

  private check(check: Check | null, source: SourceName, report: Report): Expression {
    if (check === null) return this.pool.false
    const { predicate, problems } = checkPredicate(check, source)
    for (const { at, ...what } of problems) report(at, what)
    return predicate === null ? this.pool.false : this.pool.check(predicate)
  }

  private macro(
    name: string,
    at: number,
    source: SourceName,
    within: Within,
    report: Report,
    problems: Problem[],
  ): Expression {
    const macro = this.findMacro(name, at, within, report)
    if (macro === null) return this.pool.false
    this.usedMacros.add(name)
    const key = `${source} ${name}`
    let resolved = this.macros.get(key)
    if (resolved === undefined) {
      if (this.open.includes(name)) {
        report(at, invalid(`reference loop in macro "${name}": ${[...this.open, name].join(' → ')}`))
        return this.pool.false
      }
      if (this.open.length >= MAX_MACRO_NESTING) {
        report(at, invalid(`macros are nested more than ${MAX_MACRO_NESTING} deep`))
        return this.pool.false
      }
      const inner: Problem[] = []
      const { position } = this
      this.position = macro.visibility
      this.open.push(name)
      const expression = this.text(macro.condition, source, macro, inner)
      this.open.pop()
      this.position = position
      resolved = { expression, problems: inner }
      this.macros.set(key, resolved)
    }
    problems.push(...resolved.problems)
    if (resolved.expression.depth > MAX_EXPRESSION_DEPTH) {
      report(at, tooDeep)
      return this.pool.false
    }
    return resolved.expression
  }

  private findMacro(name: string, at: number, within: Within, report: Report): MacroDefinition | null {
    const macro = this.definitions.macros.get(name)
    if (macro !== undefined && (within === null || macro.index < within.visibility || macro === within)) {
      if (macro !== within) return macro
      report(at, invalid(`reference loop in macro "${name}"`))
      return null
    }
    if (macro !== undefined) {
      // Two macros that name each other are a loop, whichever was written first.
      const loops = this.reaches(name, within!.name)
      report(
        at,
        loops
          ? invalid(`reference loop in macro "${name}"`)
          : invalid(`macro "${name}" is defined after the macro that uses it`, 'move it up'),
      )
      return null
    }
    const near = nearestName(name, this.definitions.macros.keys())
    const hint = this.definitions.lists.has(name)
      ? `"${name}" is a list: compare a field with it, as in proc.name in (${name})`
      : near === undefined
        ? undefined
        : `did you mean "${near}"?`
    report(at, invalid(`undefined macro "${name}"`, hint))
    return null
  }

  /** A check of rules that loaded, with the values of lists in place of their names. */
  withLists(check: Check): Check {
    return this.insertLists(check, () => {}) ?? check
  }

  /** Null when a list cannot stand where its name does. */
  private insertLists(check: Check, report: Report): Check | null {
    const { right } = check
    if (right === null || right.kind === 'field' || right.kind === 'call') return check
    if (right.kind === 'text') {
      const takesList = isListOperator(check.operator)
      const items = this.listNamed(right, report) ?? [right]
      if (items.length === 1) {
        const value = { ...items[0]!, at: right.at }
        return { ...check, right: takesList ? { kind: 'list', items: [value] } : value }
      }
      const hint = takesList ? `write (${right.text})` : 'use in (…)'
      const message = `list "${right.text}" has ${items.length} values where one is compared`
      report(right.at, { ...syntax(message, hint), code: 'E_RULE_INVALID' })
      return null
    }
    const items = right.items.flatMap(
      (item) => this.listNamed(item, report)?.map((value) => ({ ...value, at: item.at })) ?? [item],
    )
    return { ...check, right: { kind: 'list', items } }
  }

  /** The values of the list a word names; null when it names none. */
  private listNamed(value: TextValue, report: Report): TextValue[] | null {
    if (value.quoted) {
      this.warnOfQuotedName(value, report)
      return null
    }
    const list = this.definitions.lists.get(value.text)
    if (list === undefined) {
      this.warnOfMisspeltName(value, report)
      return null
    }
    if (list.index > this.position) {
      const message = `list "${list.name}" is defined after what uses it; it is used all the same`
      report(value.at, { code: 'W_LIST_LATER', severity: 'warning', message, hint: 'move it up' })
    }
    this.usedLists.add(value.text)
    return this.listValues(value.text, [], report, value.at)
  }

  private listValues(name: string, path: readonly string[], report: Report, at: number): TextValue[] {
    const known = this.lists.get(name)
    if (known !== undefined) return known
    const list = this.definitions.lists.get(name)!
    const values: TextValue[] = []
    for (const item of list.items) {
      const inner = this.definitions.lists.get(item.text)
      if (inner === undefined || inner.index >= list.visibility || path.includes(item.text)) {
        if (inner !== undefined) {
          report(at, {
            code: 'W_LIST_LATER',
            severity: 'warning',
            message: `"${item.text}" in list "${name}" is compared as it stands: the list of that name is defined later`,
          })
        }
        values.push(listItem(item.text))
        continue
      }
      this.usedLists.add(inner.name)
      if (path.length > 0) {
        report(at, {
          code: 'W_LIST_NESTED',
          severity: 'warning',
          message: `list "${inner.name}" inside "${name}" is expanded; Falco would compare with the name itself`,
        })
      }
      if (path.length < MAX_MACRO_NESTING) values.push(...this.listValues(inner.name, [...path, name], report, at))
      if (values.length > MAX_LIST_VALUES) {
        report(at, invalid(`list "${name}" has more than ${MAX_LIST_VALUES} values`))
        break
      }
    }
    const bounded = values.slice(0, MAX_LIST_VALUES)
    this.lists.set(name, bounded)
    return bounded
  }

  /** A word that names no list is a value; one that is nearly the name of a list was hardly meant as that. */
  private warnOfMisspeltName(value: TextValue, report: Report): void {
    // Names of lists have underscores by custom, and values seldom do: `sh` is no misspelt list.
    if (!value.text.includes('_')) return
    const near = nearestName(value.text, this.definitions.lists.keys())
    if (near === undefined) return
    report(value.at, {
      code: 'W_LIST_UNKNOWN',
      severity: 'warning',
      message: `"${value.text}" is no list and is compared as it stands`,
      hint: `did you mean the list "${near}"?`,
    })
  }

  private warnOfQuotedName(value: TextValue, report: Report): void {
    if (!/[\s(),=]/.test(value.text)) return
    const name = value.text.split(/[\s(),=]+/).find((word) => this.definitions.lists.has(word))
    if (name === undefined) return
    report(value.at, {
      code: 'W_LIST_IN_QUOTES',
      severity: 'warning',
      message: `"${name}" is the name of a list; inside quotes it stays a word here, while Falco replaces it`,
    })
  }

  /** `not (…)`; nothing for an exception without values. */
  private exception(exception: ExceptionDefinition, source: SourceName, problems: Problem[]): Expression[] {
    const fields = exception.fields
    const rows = exception.rows.map((row) =>
      this.pool.join(
        'and',
        row.cells.map((cell, i) => {
          const at = Array.isArray(cell) ? (cell[0] ?? row.at) : cell
          const report: Report = (_at, what) => problems.push(at.file.problem(at.start, what))
          const parsed = parseCondition(checkText(fields[i]!.text, exception.operators[i]!, cell))
          if (!parsed.ok) {
            report(0, syntax(`in exception "${exception.name}": ${parsed.message}`, parsed.hint))
            return this.pool.false
          }
          return this.node(parsed.node, source, null, report, problems)
        }),
      ),
    )
    if (rows.length > 0) return [this.pool.not(this.pool.join('or', rows))]
    // Without values the fields are still checked, so that a misspelt one is found before it matters.
    for (const field of fields) {
      const report: Report = (_at, what) => problems.push(field.file.problem(field.start, what))
      const parsed = parseCondition(`${field.text} exists`)
      if (parsed.ok) this.node(parsed.node, source, null, report, problems)
      else report(0, syntax(`in exception "${exception.name}": ${parsed.message}`, parsed.hint))
    }
    return []
  }
}

function visitLeaves(node: Condition, visit: (leaf: Extract<Condition, { kind: 'macro' | 'check' }>) => void): void {
  if (node.kind === 'macro' || node.kind === 'check') visit(node)
  else if (node.kind === 'not') visitLeaves(node.child, visit)
  else for (const child of node.children) visitLeaves(child, visit)
}

/** A list's item that brings its own quotes stands for what is between them. */
function listItem(text: string): TextValue {
  const quoted = text.length > 1 && /^(["'])[^"']*\1$/.test(text)
  return { kind: 'text', text: quoted ? text.slice(1, -1) : text, quoted: true, at: 0 }
}

const tooDeep = invalid(`macros and parentheses are nested more than ${MAX_EXPRESSION_DEPTH} deep together`)

function invalid(message: string, hint?: string): Omit<Problem, 'location' | 'snippet'> {
  return {
    code: 'E_RULE_INVALID',
    falcoCode: 'LOAD_ERR_VALIDATE',
    severity: 'error',
    message,
    ...(hint === undefined ? {} : { hint }),
  }
}

function syntax(message: string, hint?: string): Omit<Problem, 'location' | 'snippet'> {
  return {
    code: 'E_RULE_SYNTAX',
    falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
    severity: 'error',
    message,
    ...(hint === undefined ? {} : { hint }),
  }
}
