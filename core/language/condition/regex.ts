/**
 * Regular expressions of rules: RE2's POSIX syntax, matched against the whole value, leftmost-longest, in linear time.
 * As in Falco, characters are those of UTF-8: `.` is one of them, and what is no UTF-8 matches nothing.
 */
import { RE2JS } from 're2js'

/** Longer values are not searched and do not match. */
export const MAX_REGEX_INPUT_BYTES = 8192
const MAX_PATTERN_LENGTH = 4096

/** What is wrong with a pattern, or null. RE2's Perl extensions are refused, so that rules mean the same in Falco. */
export function regexMistake(pattern: string): { message: string; hint?: string } | null {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return { message: `a regular expression has at most ${MAX_PATTERN_LENGTH} characters` }
  }
  const perl = perlExtension(pattern)
  if (perl !== null) {
    return {
      message: `"${perl}" is not part of the POSIX syntax of regular expressions`,
      hint: 'use classes such as [[:digit:]] and plain groups',
    }
  }
  try {
    const characters = charactersOf(pattern)
    if (characters === null) return { message: 'not UTF-8' }
    compile(characters)
    return null
  } catch (error) {
    return { message: `not a regular expression: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** A test of whole values. The pattern must have passed `regexMistake`. */
export function regexTest(pattern: string): (value: string) => boolean {
  const compiled = compile(charactersOf(pattern) ?? '')
  return (value) => {
    if (value.length > MAX_REGEX_INPUT_BYTES) return false
    const text = charactersOf(value)
    return text !== null && compiled.matches(text)
  }
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Of a byte string; null for bytes that are no UTF-8. */
function charactersOf(bytes: string): string | null {
  if (/^[\x00-\x7f]*$/.test(bytes)) return bytes
  try {
    return UTF8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return null
  }
}

function compile(pattern: string) {
  return RE2JS.compile(pattern, RE2JS.LONGEST_MATCH)
}

function perlExtension(pattern: string): string | null {
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '\\') {
      const next = pattern[++i] ?? ''
      if (/[dDsSwWbBAzZpPQECG]/.test(next)) return `\\${next}`
    } else if (character === '[') {
      const end = pattern.indexOf(']', i + (pattern[i + 1] === '^' ? 3 : 2))
      const set = end < 0 ? '' : pattern.slice(i, end)
      const extension = /\\[dDsSwWbBpPQE]/.exec(set)
      if (extension !== null) return extension[0]
      if (end > 0 && !set.includes('[:')) i = end
    } else if (character === '(' && pattern[i + 1] === '?') return '(?'
    else if ('*+?}'.includes(character) && pattern[i + 1] === '?') return `${character}?`
  }
  return null
}
