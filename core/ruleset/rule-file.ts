/** A rules file as text, and how places in it become problems that a person can find. */
import type { Location, Problem } from '../model/problem.ts'

export interface RuleText {
  /** As it is shown in problems; usually a path. */
  name: string
  text: string
}

const MAX_SNIPPET = 160

export class RuleFile {
  readonly name: string
  readonly text: string
  private readonly lineStarts: number[]

  constructor({ name, text }: RuleText) {
    this.name = name
    // Editors of some systems begin a file with a mark of its byte order.
    this.text = text.startsWith('\ufeff') ? text.slice(1) : text
    this.lineStarts = [0]
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) this.lineStarts.push(at + 1)
  }

  /** `offset` counts UTF-16 units from the start of the file. */
  locate(offset: number): Location {
    const bounded = Math.min(Math.max(0, offset), this.text.length)
    let low = 0
    let high = this.lineStarts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (this.lineStarts[middle]! <= bounded) low = middle
      else high = middle - 1
    }
    return { file: this.name, line: low + 1, column: bounded - this.lineStarts[low]! + 1 }
  }

  /** The opposite of `locate`. */
  offsetOf({ line, column }: Pick<Location, 'line' | 'column'>): number {
    return (this.lineStarts[line - 1] ?? 0) + column - 1
  }

  /** The line with a caret below the column; long lines are cut around it. */
  snippet({ line, column }: Location): string {
    const start = this.lineStarts[line - 1] ?? 0
    const end = this.text.indexOf('\n', start)
    const whole = this.text.slice(start, end < 0 ? undefined : end).replace(/\r$/, '')
    const from = Math.max(0, Math.min(column - 1 - MAX_SNIPPET / 2, whole.length - MAX_SNIPPET))
    return `${whole.slice(from, from + MAX_SNIPPET).replaceAll('\t', ' ')}\n${' '.repeat(column - 1 - from)}^`
  }

  problem(offset: number, what: Omit<Problem, 'location' | 'snippet'>): Problem {
    const location = this.locate(offset)
    return { ...what, location, snippet: this.snippet(location) }
  }
}

/** A scalar of a file: its value, and where in the file each character of it came from. */
export class Scalar {
  readonly file: RuleFile
  readonly text: string
  /** Offset of the scalar's first character (or quote, or block sign) in the file. */
  readonly start: number
  private readonly end: number
  private origins: Int32Array | null = null

  constructor(file: RuleFile, text: string, start: number, end: number) {
    this.file = file
    this.text = text
    this.start = start
    this.end = end
  }

  /** Place in the file of a character of the value. */
  offsetOf(at: number): number {
    if (at < 0) return this.start
    this.origins ??= this.align()
    return this.origins[Math.min(at, this.text.length)] ?? this.start
  }

  /**
   * YAML folds lines and resolves escapes, but keeps the order of characters that are not blank: walking both texts
   * side by side finds the place of each.
   */
  private align(): Int32Array {
    const origins = new Int32Array(this.text.length + 1)
    let source = this.start
    const head = this.file.text[source]
    if (head === '|' || head === '>') {
      const line = this.file.text.indexOf('\n', source)
      source = line < 0 ? this.end : line + 1
    } else if (head === '"' || head === "'") source++
    for (let i = 0; i < this.text.length; i++) {
      const character = this.text[i]!
      if (!/\s/.test(character)) {
        let found = source
        while (found < this.end && this.file.text[found] !== character) found++
        if (found < this.end) source = found
      }
      origins[i] = Math.min(source, this.end)
      if (this.file.text[source] === character) source++
    }
    origins[this.text.length] = Math.min(source, this.end)
    return origins
  }
}

/** One text made of pieces joined by blanks, as appends make it. */
export class Pieces {
  readonly scalars: readonly Scalar[]

  constructor(scalars: readonly Scalar[]) {
    this.scalars = scalars
  }

  get text(): string {
    return this.scalars.map((scalar) => scalar.text).join(' ')
  }

  plus(scalar: Scalar): Pieces {
    return new Pieces([...this.scalars, scalar])
  }

  problem(at: number, what: Omit<Problem, 'location' | 'snippet'>): Problem {
    let rest = at
    for (const scalar of this.scalars) {
      if (rest <= scalar.text.length) return scalar.file.problem(scalar.offsetOf(rest), what)
      rest -= scalar.text.length + 1
    }
    const last = this.scalars.at(-1)!
    return last.file.problem(last.offsetOf(last.text.length), what)
  }
}
