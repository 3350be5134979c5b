/** The one thing the parsers of this folder throw, and only to themselves: their exported functions return it. */

export class SyntaxMistake extends Error {
  /** Offset in the text. */
  readonly at: number
  readonly hint: string | undefined

  constructor(message: string, at: number, hint?: string) {
    super(message)
    this.name = 'SyntaxMistake'
    this.at = at
    this.hint = hint
  }
}

/** Either a tree or the one mistake that ended the reading. */
export type Parsed<T> = { ok: true; node: T } | { ok: false; message: string; at: number; hint: string | undefined }

/** Runs a parser and turns its mistake into a value; anything else is a bug and passes. */
export function parsed<T>(parse: () => T): Parsed<T> {
  try {
    return { ok: true, node: parse() }
  } catch (error) {
    if (error instanceof SyntaxMistake) return { ok: false, message: error.message, at: error.at, hint: error.hint }
    throw error
  }
}
