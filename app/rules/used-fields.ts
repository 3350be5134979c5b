/** What rules use of the language: the fields of conditions and outputs, and the operators. */
import type { Operator } from '../../core/language/condition/ast.ts'
import { fieldsOf, type ValueSource } from '../../core/language/condition/predicate.ts'
import type { OutputFormat } from '../../core/language/output/format.ts'
import { visitExpressions } from '../../core/ruleset/expression.ts'
import type { ReadyRule } from '../../core/ruleset/load.ts'

export interface UsedField {
  name: string
  /** What stands in brackets. */
  argument: string | null
  isPrinted: boolean
}

export function usedBy({ condition, output }: ReadyRule): { fields: UsedField[]; operators: Set<Operator> } {
  const fields: UsedField[] = []
  const operators = new Set<Operator>()
  visitExpressions([condition], (node) => {
    if (node.kind !== 'check') return
    operators.add(node.predicate.operator)
    for (const { field, argument } of fieldsOf(node.predicate))
      fields.push({ name: field.name, argument, isPrinted: false })
  })
  const printed = (source: ValueSource | { kind: 'text' }): void => {
    if (source.kind === 'field') fields.push({ name: source.field.name, argument: source.argument, isPrinted: true })
    else if (source.kind === 'call') for (const input of source.inputs) printed(input)
  }
  const visit = ({ parts, entries = [] }: OutputFormat): void => {
    for (const { value } of parts) if (value !== null) printed(value.source)
    for (const { format } of entries) visit(format)
  }
  visit(output)
  return { fields, operators }
}
