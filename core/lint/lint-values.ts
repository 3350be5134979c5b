/** Goes over every check of rules, macros and exceptions, as written, and finds values that can never match. */
import type { Check, TextValue } from '../language/condition/ast.ts'
import { parseCondition } from '../language/condition/parser.ts'
import type { Problem } from '../model/problem.ts'
import { checkText } from '../ruleset/exceptions.ts'
import type { MergedDefinitions } from '../ruleset/merged-definitions.ts'
import type { Scalar } from '../ruleset/rule-file.ts'
import { checksIn } from './checks-in.ts'
import { valueMistake } from './value-mistake.ts'

type What = Omit<Problem, 'location' | 'snippet'>
type Report = (at: number, what: What) => void

const MAX_NESTING = 100

const EMPTY: What = {
  code: 'L_LIST_EMPTY',
  severity: 'warning',
  message: 'nothing is in an empty list: this check never holds',
}

export function lintValues(definitions: MergedDefinitions): Problem[] {
  const problems: Problem[] = []
  for (const owner of [...definitions.macros.values(), ...definitions.rules.values()]) {
    const { condition } = owner
    const report: Report = (at, what) => problems.push(condition.problem(at, what))
    for (const check of checksOf(condition.text)) {
      lintCheck(check, definitions, report, problems)
      if (check.right?.kind === 'list') repeated(check.right.items, report)
    }
  }
  for (const rule of definitions.rules.values()) {
    for (const { fields, operators, rows } of rule.exceptions) {
      for (const { cells } of rows) {
        for (const [i, cell] of cells.entries()) {
          for (const one of [cell].flat()) {
            const report: Report = (_at, what) => problems.push(one.file.problem(one.start, what))
            for (const check of checksOf(checkText(fields[i]!.text, operators[i]!, one)))
              lintCheck(check, definitions, report, problems)
          }
        }
      }
    }
  }
  for (const { name, items } of definitions.lists.values()) {
    const seen = new Set<string>()
    for (const item of items) {
      if (seen.has(item.text)) problems.push(problemAt(item, duplicate(item.text, ` in list "${name}"`)))
      seen.add(item.text)
    }
  }
  return problems
}

function lintCheck(check: Check, definitions: MergedDefinitions, report: Report, problems: Problem[]): void {
  const { right } = check
  if (right === null || (right.kind !== 'text' && right.kind !== 'list')) return
  if (right.kind === 'list' && right.items.length === 0) report(check.at, EMPTY)
  for (const value of right.kind === 'list' ? right.items : [right]) {
    if (!value.quoted && definitions.lists.has(value.text)) {
      for (const item of itemsOf(value.text, definitions, new Set())) {
        const what = mistakeOf(check, unquoted(item.text))
        if (what !== null) problems.push(problemAt(item, what))
      }
    } else {
      const what = mistakeOf(check, value.text)
      if (what !== null) report(value.at, what)
    }
  }
}

function mistakeOf({ left, operator }: Check, text: string): What | null {
  const mistake = valueMistake(left, operator, text)
  if (mistake === null) return null
  return {
    code: 'L_VALUE_NEVER_MATCHES',
    severity: 'warning',
    message: `"${text.slice(0, 80)}" can never match: ${mistake.why}`,
    hint: mistake.hint,
  }
}

/** The items of a list, with those of lists in it. */
function itemsOf(name: string, definitions: MergedDefinitions, within: Set<string>): Scalar[] {
  if (within.has(name) || within.size > MAX_NESTING) return []
  within.add(name)
  return definitions.lists
    .get(name)!
    .items.flatMap((item) => (definitions.lists.has(item.text) ? itemsOf(item.text, definitions, within) : [item]))
}

function repeated(items: readonly TextValue[], report: Report): void {
  const seen = new Set<string>()
  for (const { text, at } of items) {
    if (seen.has(text)) report(at, duplicate(text, ''))
    seen.add(text)
  }
}

function duplicate(text: string, where: string): What {
  return { code: 'L_VALUE_REPEATED', severity: 'warning', message: `"${text.slice(0, 80)}" stands twice${where}` }
}

function problemAt(at: Scalar, what: What): Problem {
  return at.file.problem(at.start, what)
}

function unquoted(text: string): string {
  return text.length > 1 && /^(["'])[^"']*\1$/.test(text) ? text.slice(1, -1) : text
}

function checksOf(text: string): Check[] {
  const parsed = parseCondition(text)
  return parsed.ok ? checksIn(parsed.node) : []
}
