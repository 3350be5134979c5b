/**
 * The syntax tree of a KQL query (the Kibana query language), as frozen plain objects. Fields are ECS names; a field
 * of null means any field.
 *
 * Meaning, the same in every backend and held together by a differential test:
 * - A field with several values matches when any of them does; an absent field matches nothing, so `not a: 1` is true
 *   where `a` is absent.
 * - `is` on keyword fields compares the whole value, case-sensitively; `*` stands for any characters unless quoted.
 *   On numeric, boolean and date fields the value is converted first; one that cannot be converted matches nothing.
 *   On ip fields the value is an address, a CIDR block, or a pattern with `*`.
 * - Without a field, `is` matches when any keyword value contains the text, ignoring ASCII case.
 */
export type KqlNode =
  | { readonly kind: 'and'; readonly children: readonly KqlNode[] }
  | { readonly kind: 'or'; readonly children: readonly KqlNode[] }
  | { readonly kind: 'not'; readonly child: KqlNode }
  | { readonly kind: 'is'; readonly field: string | null; readonly value: KqlValue }
  | { readonly kind: 'exists'; readonly field: string }
  | {
      readonly kind: 'range'
      readonly field: string
      readonly operator: '<' | '<=' | '>' | '>='
      readonly value: KqlValue
    }
  | { readonly kind: 'all' }

export interface KqlValue {
  /** The text, unescaped. */
  readonly text: string
  /** Quoted text is literal: its `*` are ordinary characters. */
  readonly quoted: boolean
  /** Positions in `text` of the `*` that stand for any characters. */
  readonly wildcards: readonly number[]
}
