/**
 * Reads the words of a condition: blanks, names, quoted and bare values. It knows nothing of their order; the parser
 * does. All positions are offsets into the text.
 */
import { SyntaxMistake } from '../syntax-error.ts'

const BLANK = /[ \t\r\n\v\f]*/y
const NAME = /[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/y
const BARE = /[^ \t\r\n\v\f()"'=,]+/y
const BARE_ARGUMENT = /[^ \t\r\n\v\f"'[\]]+/y
/** Longest first. */
const SYMBOLS = ['==', '!=', '<=', '>=', '=', '<', '>'] as const
const ESCAPES: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '\\': '\\', '/': '/', ' ': '\\' }

export class Scanner {
  readonly text: string
  at = 0

  constructor(text: string) {
    this.text = text
  }

  get done(): boolean {
    return this.at >= this.text.length
  }

  skipBlanks(): void {
    this.match(BLANK)
  }

  peek(): string {
    return this.text[this.at] ?? ''
  }

  /** Takes one character if it is next. */
  take(character: string): boolean {
    if (this.peek() !== character) return false
    this.at++
    return true
  }

  /** Takes a keyword that is followed by a blank or an opening parenthesis (or the end). */
  takeKeyword(word: string): boolean {
    if (!this.text.startsWith(word, this.at)) return false
    const next = this.text[this.at + word.length]
    if (next !== undefined && next !== '(' && !isBlank(next)) return false
    this.at += word.length
    return true
  }

  /** A name with or without dots; empty when there is none. */
  name(): string {
    return this.match(NAME)
  }

  /** A name that is next, without taking it. */
  peekName(): string {
    const from = this.at
    const name = this.match(NAME)
    this.at = from
    return name
  }

  symbol(): string {
    for (const symbol of SYMBOLS) {
      if (this.text.startsWith(symbol, this.at)) {
        this.at += symbol.length
        return symbol === '==' ? '=' : symbol
      }
    }
    return ''
  }

  /** A bare value; empty when there is none. */
  bare(): string {
    return this.match(BARE)
  }

  /** A quoted value when a quote is next, else null. */
  quoted(): string | null {
    const quote = this.peek()
    if (quote !== '"' && quote !== "'") return null
    const from = this.at++
    let value = ''
    for (;;) {
      const character = this.text[this.at++]
      if (character === undefined) throw new SyntaxMistake(`the quote ${quote} is never closed`, from)
      if (character === quote) return value
      if (character !== '\\') {
        value += character
        continue
      }
      const escaped = this.text[this.at++]
      if (escaped === quote) value += quote
      else {
        const meaning = escaped === undefined ? undefined : ESCAPES[escaped]
        if (meaning === undefined) {
          throw new SyntaxMistake(
            `"\\${escaped ?? ''}" is no escape`,
            this.at - 2,
            'write a backslash itself as \\\\ (so a regex class is "\\\\d")',
          )
        }
        value += meaning
      }
    }
  }

  /** What stands between brackets, when an opening bracket is next; else null. */
  argument(): string | null {
    const from = this.at
    if (!this.take('[')) return null
    const value = this.quoted() ?? this.match(BARE_ARGUMENT)
    if (value === '') throw new SyntaxMistake('the brackets hold nothing', from)
    if (!this.take(']')) throw new SyntaxMistake('expected "]"', this.at)
    return value
  }

  /** The next word or character, for messages. */
  upcoming(): string {
    if (this.done) return 'the end'
    const from = this.at
    const word = this.match(BARE)
    this.at = from
    const shown = word === '' ? this.peek() : word
    return `"${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown}"`
  }

  private match(pattern: RegExp): string {
    pattern.lastIndex = this.at
    const found = pattern.exec(this.text)
    if (found === null) return ''
    this.at += found[0].length
    return found[0]
  }
}

function isBlank(character: string): boolean {
  return ' \t\r\n\v\f'.includes(character)
}
