/**
 * The syntax tree of a rule condition as it was written: macros and lists are still names. Nodes are frozen; `at` is the
 * offset of the node's first character in the condition's text.
 */

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly children: readonly Condition[]; readonly at: number }
  | { readonly kind: 'not'; readonly child: Condition; readonly at: number }
  | { readonly kind: 'macro'; readonly name: string; readonly at: number }
  | Check

export interface Check {
  readonly kind: 'check'
  readonly left: Operand
  readonly operator: Operator
  /** Only after a string operator: how the checks against the single values are combined. */
  readonly modifier: Modifier | null
  /** Null for `exists` alone. */
  readonly right: Right | null
  readonly at: number
}

export type Right = TextValue | { readonly kind: 'list'; readonly items: readonly TextValue[] } | Operand

export interface TextValue {
  readonly kind: 'text'
  /** Unescaped. */
  readonly text: string
  readonly quoted: boolean
  readonly at: number
}

/** Something that gives a value: a field, or a transformer over values. */
export type Operand = FieldOperand | CallOperand

export interface FieldOperand {
  readonly kind: 'field'
  readonly name: string
  /** The text between brackets. */
  readonly argument: string | null
  readonly at: number
}

export interface CallOperand {
  readonly kind: 'call'
  readonly name: Transformer
  readonly inputs: readonly (Operand | TextValue)[]
  /** Only `getopt(…)[x]`. */
  readonly argument: string | null
  readonly at: number
}

export const COMPARISONS = ['=', '!=', '<', '<=', '>', '>='] as const
export const STRING_OPERATORS = [
  'contains',
  'icontains',
  'bcontains',
  'startswith',
  'bstartswith',
  'endswith',
  'glob',
  'iglob',
  'regex',
] as const
export const LIST_OPERATORS = ['in', 'intersects', 'pmatch'] as const
export const MODIFIERS = ['oneof', 'anyof', 'allof'] as const
/** `val` marks a plain field on the right side; the others change a value. */
export const TRANSFORMERS = ['val', 'tolower', 'toupper', 'b64', 'basename', 'len', 'join', 'concat', 'getopt'] as const

export type Operator =
  | 'exists'
  | (typeof COMPARISONS)[number]
  | (typeof STRING_OPERATORS)[number]
  | (typeof LIST_OPERATORS)[number]
export type Modifier = (typeof MODIFIERS)[number]
export type Transformer = (typeof TRANSFORMERS)[number]

/** Whether a word is one of a list of words, as a type. */
export function isOneOf<const T extends string>(words: readonly T[], word: string): word is T {
  return (words as readonly string[]).includes(word)
}
