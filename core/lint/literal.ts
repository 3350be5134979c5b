/** What the search for contradictions passes around. */
import type { Predicate } from '../language/condition/predicate.ts'

/** A check that must hold, or must not. */
export interface Literal {
  readonly predicate: Predicate
  readonly holds: boolean
}

/** Checks that exclude each other, or one that never holds. */
export type Clash = readonly [Literal, Literal] | readonly [Literal]
