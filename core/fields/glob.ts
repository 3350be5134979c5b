/**
 * Shell patterns as fnmatch(3) without flags reads them in the C locale: `*` and `?` match slashes too, `[…]` is a set, `\`
 * makes the next character ordinary. Time is at most pattern times text: there is one point to go back to, never more.
 */
import { NOTHING, readSet } from './glob-set.ts'

type Part =
  | { kind: 'any' }
  | { kind: 'one' }
  | { kind: 'text'; text: string }
  | { kind: 'set'; has: (code: number) => boolean }
export type Glob = readonly Part[]

/** Each is looked for to the end of the pattern; brackets behind so many that are never closed match nothing. */
const MAX_UNCLOSED = 32

/** Whether a text matches a pattern, byte by byte. */
export function matchesGlob(pattern: string, text: string, ignoreCase = false): boolean {
  return testGlob(parseGlob(pattern, ignoreCase), text)
}

/** A pattern, read once, as a test of texts. */
export function globTest(pattern: string, ignoreCase = false): (text: string) => boolean {
  const glob = parseGlob(pattern, ignoreCase)
  return (text) => testGlob(glob, text)
}

/** Without case, letters of the pattern are sets of two; classes of characters still tell case apart. */
export function parseGlob(pattern: string, ignoreCase = false): Glob {
  const parts: Part[] = []
  let unclosed = 0
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '*') {
      if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' })
    } else if (character === '?') parts.push({ kind: 'one' })
    else if (character === '[') {
      const set = unclosed > MAX_UNCLOSED ? NOTHING : readSet(pattern, i, ignoreCase)
      if (set.end === null) unclosed++
      else i = set.end
      parts.push(set.has === null ? { kind: 'text', text: '[' } : { kind: 'set', has: set.has })
    } else if (character !== '\\') parts.push(ordinary(character, ignoreCase))
    else if (i + 1 < pattern.length) parts.push(ordinary(pattern[++i]!, ignoreCase))
    // A backslash with nothing behind it matches nothing.
    else parts.push({ kind: 'set', has: NOTHING.has })
  }
  return parts
}

function ordinary(character: string, ignoreCase: boolean): Part {
  const lower = asciiLower(character)
  const upper = asciiUpper(character)
  if (!ignoreCase || lower === upper) return { kind: 'text', text: character }
  return { kind: 'set', has: (code) => code === lower.charCodeAt(0) || code === upper.charCodeAt(0) }
}

export function testGlob(glob: Glob, text: string): boolean {
  let at = 0
  let part = 0
  let retryPart = -1
  let retryAt = 0
  while (at < text.length) {
    const expected = glob[part]
    if (expected?.kind === 'any') {
      retryPart = ++part
      retryAt = at
      continue
    }
    if (expected !== undefined && matchesOne(expected, text, at)) {
      part++
      at++
      continue
    }
    if (retryPart < 0) return false
    part = retryPart
    at = ++retryAt
  }
  while (glob[part]?.kind === 'any') part++
  return part === glob.length
}

function matchesOne(part: Part, text: string, at: number): boolean {
  if (part.kind === 'text') return text[at] === part.text
  return part.kind === 'one' || (part.kind === 'set' && part.has(text.charCodeAt(at)))
}

/** ASCII letters only: byte strings have no other case. */
export function asciiLower(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text
}

export function asciiUpper(text: string): string {
  return /[a-z]/.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text
}
