/**
 * Reads a KQL query into a tree. Any text gives a tree or one mistake with its position; length, depth and number of
 * nodes are bounded.
 *
 *   query    = [ or ]                                   nothing matches everything
 *   or       = and { "or" and }                         keywords in any case
 *   and      = not { "and" not }
 *   not      = { "not" } ( "(" or ")" | expression )
 *   expression = field ":" ( value | "(" values ")" )   `*` alone as value: the field exists
 *              | field ( "<" | "<=" | ">" | ">=" ) value
 *              | value                                  in any field
 *   values   = the grammar of `or` with values in place of expressions
 *   value    = quoted | word { blanks word }
 *
 * A backslash makes \ ( ) : < > " * { } ordinary, and a keyword a word. Nested queries (`field: { … }`) are refused.
 */
import { type Parsed, parsed, SyntaxMistake } from '../syntax-error.ts'
import type { KqlNode, KqlValue } from './ast.ts'

export const MAX_QUERY_LENGTH = 10_000
export const MAX_QUERY_DEPTH = 50
export const MAX_QUERY_NODES = 1_000

const BLANK = /\s/
const SPECIAL = '\\():<>"*{}'
const ESCAPES = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])

/** Null for a field that may be named, else what is wrong with it. */
export type CheckField = (name: string) => Mistake | null
/** Null for a value that the field can have, else what is wrong with it; `isRange` for `<`, `<=`, `>`, `>=`. */
export type CheckValue = (field: string, value: KqlValue, isRange: boolean) => Mistake | null

export interface Mistake {
  message: string
  hint?: string
}

export interface KqlChecks {
  field?: CheckField
  value?: CheckValue
}

/** Without checks, any name may be a field and have any value. */
export function parseKql(text: string, checks: KqlChecks = {}): Parsed<KqlNode> {
  return parsed(() => {
    if (text.length > MAX_QUERY_LENGTH) {
      throw new SyntaxMistake(`a query has at most ${MAX_QUERY_LENGTH} characters`, MAX_QUERY_LENGTH)
    }
    return new KqlParser(text, checks).whole()
  })
}

/** A word as it was read; `isKeyword` marks a bare and, or, not. */
interface Word {
  value: KqlValue
  at: number
}

class KqlParser {
  private readonly text: string
  private readonly checks: KqlChecks
  private at = 0
  private depth = 0
  private nodes = 0

  constructor(text: string, checks: KqlChecks) {
    this.text = text
    this.checks = checks
  }

  whole(): KqlNode {
    this.skipBlanks()
    if (this.at === this.text.length) return this.node({ kind: 'all' })
    const node = this.or(() => this.expression())
    if (this.at < this.text.length) throw new SyntaxMistake(`expected "and" or "or" before ${this.upcoming()}`, this.at)
    return node
  }

  private or(leaf: () => KqlNode): KqlNode {
    return this.chain('or', () => this.chain('and', () => this.not(leaf)))
  }

  private chain(kind: 'and' | 'or', part: () => KqlNode): KqlNode {
    const children = [part()]
    while (this.takeKeyword(kind)) children.push(part())
    return children.length === 1 ? children[0]! : this.node({ kind, children: Object.freeze(children) })
  }

  private not(leaf: () => KqlNode): KqlNode {
    let negations = 0
    while (this.takeKeyword('not')) negations++
    const at = this.at
    let node: KqlNode
    if (this.take('(')) {
      this.enter(at)
      node = this.or(leaf)
      this.expect(')')
      this.depth--
    } else node = leaf()
    return negations % 2 === 1 ? this.node({ kind: 'not', child: node }) : node
  }

  private expression(): KqlNode {
    const at = this.at
    const first = this.word()
    if (first === null) throw new SyntaxMistake(`expected a field or a value before ${this.upcoming()}`, at)
    this.skipBlanks()
    const range = /^[<>]=?/.exec(this.text.slice(this.at, this.at + 2))?.[0]
    if (range !== undefined) {
      this.at += range.length
      const field = this.fieldOf(first)
      if (field === null) throw new SyntaxMistake('a range needs a field', at)
      this.skipBlanks()
      const value = this.value(field, true)
      return this.node({ kind: 'range', field, operator: range as '<' | '<=' | '>' | '>=', value })
    }
    if (this.take(':')) {
      const field = this.fieldOf(first)
      if (this.text[this.at] === '{') throw new SyntaxMistake('nested queries are not supported', this.at)
      if (this.text[this.at] !== '(') return this.is(field, this.value(field))
      return this.not(() => this.is(field, this.value(field)))
    }
    return this.is(null, this.phrase(first))
  }

  private is(field: string | null, value: KqlValue): KqlNode {
    if (value.text === '*' && value.wildcards.length === 1) {
      return this.node(field === null ? { kind: 'all' } : { kind: 'exists', field })
    }
    return this.node({ kind: 'is', field, value })
  }

  /** `*` means any field; other patterns over field names are refused. */
  private fieldOf({ value, at }: Word): string | null {
    if (value.wildcards.length === 0) {
      const mistake = this.checks.field?.(value.text) ?? null
      if (mistake !== null) throw new SyntaxMistake(mistake.message, at, mistake.hint)
      return value.text
    }
    if (value.text === '*') return null
    throw new SyntaxMistake('a pattern cannot stand for a field', at, 'use * alone for any field')
  }

  private value(field: string | null, isRange = false): KqlValue {
    const at = this.at
    const first = this.word()
    if (first === null) throw new SyntaxMistake(`expected a value before ${this.upcoming()}`, at)
    const value = this.phrase(first)
    const exists = !isRange && value.text === '*' && value.wildcards.length === 1
    const mistake = field === null || exists ? null : (this.checks.value?.(field, value, isRange) ?? null)
    if (mistake !== null) throw new SyntaxMistake(mistake.message, at, mistake.hint)
    return value
  }

  /** A bare value goes on over blanks until a keyword or a sign. */
  private phrase(first: Word): KqlValue {
    if (first.value.quoted) {
      this.skipBlanks()
      return first.value
    }
    let { text } = first.value
    const wildcards = [...first.value.wildcards]
    for (;;) {
      this.skipBlanks()
      const at = this.at
      if (this.isKeywordAhead() || this.text[at] === '"') break
      const next = this.word()
      if (next === null) break
      // Somebody who writes `name = value` would search for these three words.
      if (/^[=!]=?$|^=~$/.test(next.value.text)) {
        throw new SyntaxMistake(
          `"${next.value.text}" is no operator here`,
          at,
          'compare with ":", as in process.name: sh',
        )
      }
      this.skipBlanks()
      if (/[:<>]/.test(this.text[this.at] ?? '')) {
        throw new SyntaxMistake('expected "and" or "or" before the next field', at)
      }
      for (const position of next.value.wildcards) wildcards.push(text.length + 1 + position)
      text += ` ${next.value.text}`
    }
    return Object.freeze({ text, quoted: false, wildcards: Object.freeze(wildcards) })
  }

  private word(): Word | null {
    const at = this.at
    if (this.text[at] === '"') return { value: this.quoted(), at }
    if (this.isKeywordAhead()) return null
    let text = ''
    const wildcards: number[] = []
    while (this.at < this.text.length) {
      const character = this.text[this.at]!
      if (BLANK.test(character)) break
      if (character === '\\') {
        text += this.escaped()
        continue
      }
      if (character === '*') wildcards.push(text.length)
      else if (SPECIAL.includes(character)) break
      text += character
      this.at++
    }
    if (this.at === at) return null
    return { value: Object.freeze({ text, quoted: false, wildcards: Object.freeze(wildcards) }), at }
  }

  private escaped(): string {
    const at = this.at++
    const keyword = /^(and|or|not)(?=[\s()]|$)/i.exec(this.text.slice(this.at, this.at + 4))
    if (keyword !== null) {
      this.at += keyword[0].length
      return keyword[0]
    }
    const character = this.text[this.at++]
    if (character === undefined) throw new SyntaxMistake('a backslash ends the query', at)
    if (SPECIAL.includes(character) || BLANK.test(character)) return character
    return ESCAPES.get(character) ?? `\\${character}`
  }

  private quoted(): KqlValue {
    const from = this.at++
    let text = ''
    for (;;) {
      const character = this.text[this.at++]
      if (character === undefined) throw new SyntaxMistake('the quote is never closed', from)
      if (character === '"') break
      if (character !== '\\') {
        text += character
        continue
      }
      const next = this.text[this.at++]
      if (next === undefined) throw new SyntaxMistake('the quote is never closed', from)
      text += next === '"' || next === '\\' ? next : (ESCAPES.get(next) ?? `\\${next}`)
    }
    return Object.freeze({ text, quoted: true, wildcards: Object.freeze([]) })
  }

  private isKeywordAhead(): boolean {
    return /^(and|or|not)(?=[\s()]|$)/i.test(this.text.slice(this.at, this.at + 4))
  }

  private takeKeyword(word: 'and' | 'or' | 'not'): boolean {
    this.skipBlanks()
    const ahead = this.text.slice(this.at, this.at + word.length + 1)
    if (!new RegExp(`^${word}(?=[\\s()]|$)`, 'i').test(ahead)) return false
    this.at += word.length
    this.skipBlanks()
    return true
  }

  private take(character: string): boolean {
    this.skipBlanks()
    if (this.text[this.at] !== character) return false
    this.at++
    this.skipBlanks()
    return true
  }

  private expect(character: string): void {
    if (!this.take(character)) throw new SyntaxMistake(`expected "${character}" before ${this.upcoming()}`, this.at)
  }

  private enter(at: number): void {
    if (++this.depth > MAX_QUERY_DEPTH) throw new SyntaxMistake(`nested more than ${MAX_QUERY_DEPTH} deep`, at)
  }

  private node<T extends KqlNode>(node: T): T {
    if (++this.nodes > MAX_QUERY_NODES) throw new SyntaxMistake(`more than ${MAX_QUERY_NODES} parts`, this.at)
    return Object.freeze(node)
  }

  private skipBlanks(): void {
    while (this.at < this.text.length && BLANK.test(this.text[this.at]!)) this.at++
  }

  private upcoming(): string {
    return this.at >= this.text.length ? 'the end' : `"${this.text.slice(this.at, this.at + 20)}"`
  }
}
