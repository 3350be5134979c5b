/**
 * A check whose names were looked up and whose values were converted: what compilers and interpreters work on.
 * `key` is the same for two predicates exactly when they always give the same answer.
 */
import type { Field, FieldType } from '../../fields/field.ts'
import type { Block } from '../../fields/ip-address.ts'
import type { Modifier, Operator, Transformer } from './ast.ts'

export interface Predicate {
  readonly key: string
  readonly left: ValueSource
  readonly type: FieldType
  readonly several: Field['several']
  readonly operator: Operator
  readonly modifier: Modifier | null
  readonly right: RightValues
}

/** What a transformer is given. */
export type CallInput = ValueSource | { readonly kind: 'text'; readonly text: string }

export type ValueSource =
  | { readonly kind: 'field'; readonly field: Field; readonly argument: string | null }
  | {
      readonly kind: 'call'
      readonly name: Transformer
      readonly inputs: readonly CallInput[]
      readonly argument: string | null
    }

/** Strings are byte strings. One value stands for a plain comparison, several for list operators and modifiers. */
export type RightValues =
  | { readonly kind: 'none' }
  | { readonly kind: 'strings'; readonly values: readonly string[] }
  | { readonly kind: 'numbers'; readonly values: readonly number[] }
  | { readonly kind: 'times'; readonly values: readonly bigint[] }
  | { readonly kind: 'booleans'; readonly values: readonly boolean[] }
  | { readonly kind: 'blocks'; readonly values: readonly Block[] }
  | { readonly kind: 'operand'; readonly operand: ValueSource }

/** Every field a predicate reads. */
export function fieldsOf(predicate: Predicate): { field: Field; argument: string | null }[] {
  const found: { field: Field; argument: string | null }[] = []
  const visit = (source: ValueSource | { kind: 'text' }): void => {
    if (source.kind === 'field') found.push(source)
    else if (source.kind === 'call') for (const input of source.inputs) visit(input)
  }
  visit(predicate.left)
  if (predicate.right.kind === 'operand') visit(predicate.right.operand)
  return found
}

/** The same for two operands exactly when they always give the same value. */
export function operandKey(source: ValueSource | { readonly kind: 'text'; readonly text: string }): string {
  if (source.kind === 'text') return JSON.stringify(source.text)
  const argument = source.argument === null ? '' : `[${JSON.stringify(source.argument)}]`
  if (source.kind === 'field') return source.field.name + argument
  return `${source.name}(${source.inputs.map(operandKey).join(',')})${argument}`
}

/** Every field an operand reads. */
export function operandFields(source: ValueSource): Field[] {
  if (source.kind === 'field') return [source.field]
  return source.inputs.flatMap((input) => (input.kind === 'text' ? [] : operandFields(input)))
}
