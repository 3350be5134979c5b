/**
 * Regular expressions of rules: RE2's POSIX syntax, matched against the whole value, leftmost-longest, in linear time.
 * As in Falco, characters are those of UTF-8: `.` is one of them, and what is no UTF-8 matches nothing; `^` and `$` are
 * the ends of lines, which RE2's POSIX mode takes them for unless it is told otherwise.
 */
import { RE2JS } from 're2js'
import { posixPattern } from './posix-pattern.ts'

/** Longer values are not searched and do not match. */
export const MAX_REGEX_INPUT_BYTES = 8192
const MAX_PATTERN_LENGTH = 4096

/** What is wrong with a pattern, or null. RE2's Perl extensions are refused, so that rules mean the same in Falco. */
export function regexMistake(pattern: string): { message: string; hint?: string } | null {
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return { message: `a regular expression has at most ${MAX_PATTERN_LENGTH} characters` }
  }
  const characters = charactersOf(pattern)
  if (characters === null) return { message: 'not UTF-8' }
  const read = posixPattern(characters)
  if (!read.ok) {
    return {
      message: `"${read.extension}" is not part of the POSIX syntax of regular expressions`,
      hint: 'use classes such as [[:digit:]] and plain groups',
    }
  }
  try {
    keep(pattern, compile(read.pattern))
    return null
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error)
    // The library names its own flag, which nobody wrote.
    return { message: `not a regular expression: ${what.replace('(?m)', '')}` }
  }
}

/** A test of whole values. The pattern must have passed `regexMistake`. */
export function regexTest(pattern: string): (value: string) => boolean {
  const compiled = compiledPatterns.get(pattern) ?? keep(pattern, compileChecked(pattern))
  return (value) => {
    if (value.length > MAX_REGEX_INPUT_BYTES) return false
    const text = charactersOf(value)
    return text !== null && compiled.matches(text)
  }
}

/** Between the check of a pattern and its use, and for the same pattern in many rules. */
const compiledPatterns = new Map<string, RE2JS>()
const MAX_COMPILED = 2_000

function keep(pattern: string, compiled: RE2JS): RE2JS {
  if (compiledPatterns.size >= MAX_COMPILED) compiledPatterns.clear()
  compiledPatterns.set(pattern, compiled)
  return compiled
}

function compileChecked(pattern: string): RE2JS {
  const read = posixPattern(charactersOf(pattern) ?? '')
  return compile(read.ok ? read.pattern : '')
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

function compile(pattern: string): RE2JS {
  return RE2JS.compile(pattern, RE2JS.LONGEST_MATCH | RE2JS.MULTILINE)
}
