/**
 * From RE2's POSIX syntax to the syntax of the library that compiles: one walk over a pattern finds what POSIX does not
 * have and writes repeats of repeats, which the library refuses, as it takes them.
 */

export type PosixPattern =
  | { readonly ok: true; readonly pattern: string }
  /** `extension`: the piece of Perl's syntax that stands in it. */
  | { readonly ok: false; readonly extension: string }

/** `pattern` in characters, not bytes. Anything else that is wrong with it is left for the library to find. */
export function posixPattern(pattern: string): PosixPattern {
  let made = ''
  /** Where in `made` the last thing that can be repeated begins; -1 for none. */
  let atom = -1
  /** The repeat that ends `made`, if one does. */
  let repeat = ''
  const open: number[] = []
  for (let i = 0; i < pattern.length; ) {
    const character = pattern[i]!
    if (character === '*' || character === '+' || character === '?') {
      if (repeat === '') made += character
      // `**` is `*`; any two different ones together allow none and many.
      else if (repeat.length === 1) made = made.slice(0, -1) + (repeat === character ? character : '*')
      else made = `${grouped(made, atom)}${character}`
      if (atom >= 0) repeat = made.at(-1)!
      i++
      continue
    }
    const counted = character === '{' ? COUNTED.at(pattern, i) : ''
    if (counted !== '') {
      made = (repeat === '' ? made : grouped(made, atom)) + counted
      if (atom >= 0) repeat = counted
      i += counted.length
      continue
    }
    repeat = ''
    if (character === '(') {
      if (pattern[i + 1] === '?') return { ok: false, extension: '(?' }
      open.push(made.length)
      atom = -1
    } else if (character === ')') atom = open.pop() ?? made.length
    else atom = character === '|' ? -1 : made.length
    const piece = pieceAt(pattern, i)
    const extension = extensionIn(piece)
    if (extension !== null) return { ok: false, extension }
    made += piece
    i += piece.length
  }
  return { ok: true, pattern: made }
}

function grouped(made: string, atom: number): string {
  return `${made.slice(0, atom)}(?:${made.slice(atom)})`
}

/** One escape, one bracket expression or one character. */
function pieceAt(pattern: string, at: number): string {
  if (pattern[at] === '\\') return ESCAPE.at(pattern, at) || pattern.slice(at, at + 2)
  if (pattern[at] === '[') return SET.at(pattern, at) || '['
  return String.fromCodePoint(pattern.codePointAt(at)!)
}

function extensionIn(piece: string): string | null {
  if (piece[0] === '\\') return PERL_ESCAPE.test(piece) ? piece.slice(0, 2) : null
  if (piece[0] !== '[') return null
  for (let i = 1; i < piece.length; i++) {
    if (piece[i] !== '\\') continue
    if (PERL_IN_SET.test(piece[i + 1] ?? '')) return piece.slice(i, i + 2)
    i++
  }
  return null
}

const PERL_ESCAPE = /^\\[dDsSwWbBAzZpPQECG]/
const PERL_IN_SET = /[dDsSwWbBpPQE]/

/** A pattern that is tried at one place. */
class Sticky {
  private readonly expression: RegExp

  constructor(source: RegExp) {
    this.expression = new RegExp(source, 'yu')
  }

  at(text: string, place: number): string {
    this.expression.lastIndex = place
    return this.expression.exec(text)?.[0] ?? ''
  }
}

const COUNTED = new Sticky(/\{\d{1,9}(?:,(?:\d{1,9})?)?\}/)
const ESCAPE = new Sticky(/\\(?:x\{[0-9A-Fa-f]*\}|x[0-9A-Fa-f]{2}|[0-7]{1,3}|[\s\S])/)
/** A bracket that closes is an ordinary character where it stands first. */
const SET = new Sticky(/\[\^?\]?(?:\[:[a-z^]*:\]|\\[\s\S]|[^\]\\])*\]/)
