/**
 * Findings about what a user wrote (rules, conditions, queries, configuration): values, collected and shown together.
 */

/** A place in a user's text. Lines and columns count from 1; columns count UTF-16 units, as editors do. */
export interface Location {
  file: string
  line: number
  column: number
}

export interface Problem {
  /** `E_…` refuses the file, `W_…` warns. Falco's own code, where there is one, is in `falcoCode`. */
  code: string
  falcoCode?: string
  severity: 'error' | 'warning'
  message: string
  location: Location
  /** The offending line with a caret below it. */
  snippet?: string
  /** What to do, such as the nearest known name. */
  hint?: string
}
