/** What is wrong with a check, and how the reading of one is given up. */

export interface CheckProblem {
  code: string
  falcoCode: string
  severity: 'error' | 'warning'
  message: string
  at: number
  hint?: string
}

/** Ends the reading of one check; whoever began it takes the problem. */
export class Mistake extends Error {
  readonly problem: CheckProblem

  constructor(code: string, message: string, at: number, hint?: string) {
    super(message)
    this.problem = {
      code,
      falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
      severity: 'error',
      message,
      at,
      ...(hint === undefined ? {} : { hint }),
    }
  }
}

/** Of what a mistake quotes. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
