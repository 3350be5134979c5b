/**
 * Shell patterns as fnmatch(3) without flags reads them: `*` and `?` match slashes too, `[…]` is a set, `\` makes the
 * next character ordinary. Time is at most pattern times text: there is one point to go back to, never more.
 */

type Part =
  | { kind: 'any' }
  | { kind: 'one' }
  | { kind: 'text'; text: string }
  | { kind: 'set'; has: (code: number) => boolean }
export type Glob = readonly Part[]

/** Whether a text matches a pattern, byte by byte. */
export function matchesGlob(pattern: string, text: string, ignoreCase = false): boolean {
  const glob = parseGlob(ignoreCase ? asciiLower(pattern) : pattern)
  return testGlob(glob, ignoreCase ? asciiLower(text) : text)
}

export function parseGlob(pattern: string): Glob {
  const parts: Part[] = []
  for (let i = 0; i < pattern.length; i++) {
    const character = pattern[i]!
    if (character === '*') {
      if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' })
    } else if (character === '?') parts.push({ kind: 'one' })
    else if (character === '[') {
      const set = readSet(pattern, i)
      if (set === null) parts.push({ kind: 'text', text: '[' })
      else {
        parts.push({ kind: 'set', has: set.has })
        i = set.end
      }
    } else if (character === '\\' && i + 1 < pattern.length) parts.push({ kind: 'text', text: pattern[++i]! })
    else parts.push({ kind: 'text', text: character })
  }
  return parts
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

/** A bracket expression from `[` on; null when it is never closed, which makes the bracket ordinary. */
function readSet(pattern: string, from: number): { has: (code: number) => boolean; end: number } | null {
  let i = from + 1
  const negated = pattern[i] === '!' || pattern[i] === '^'
  if (negated) i++
  const ranges: [number, number][] = []
  for (let first = true; ; first = false) {
    const character = pattern[i]
    if (character === undefined) return null
    if (character === ']' && !first) break
    if (character === '[' && pattern[i + 1] === ':') {
      const end = pattern.indexOf(':]', i + 2)
      const known = end < 0 ? undefined : CLASSES.get(pattern.slice(i + 2, end))
      if (known !== undefined) {
        ranges.push(...known)
        i = end + 2
        continue
      }
    }
    if (character === '\\' && i + 1 < pattern.length) i++
    const low = pattern.charCodeAt(i++)
    if (pattern[i] === '-' && pattern[i + 1] !== undefined && pattern[i + 1] !== ']') {
      ranges.push([low, pattern.charCodeAt(i + 1)])
      i += 2
    } else ranges.push([low, low])
  }
  return { has: (code) => ranges.some(([low, high]) => code >= low && code <= high) !== negated, end: i }
}

const DIGIT: [number, number] = [48, 57]
const UPPER: [number, number] = [65, 90]
const LOWER: [number, number] = [97, 122]
const CLASSES = new Map<string, [number, number][]>([
  ['digit', [DIGIT]],
  ['upper', [UPPER]],
  ['lower', [LOWER]],
  ['alpha', [UPPER, LOWER]],
  ['alnum', [DIGIT, UPPER, LOWER]],
  [
    'space',
    [
      [9, 13],
      [32, 32],
    ],
  ],
  ['xdigit', [DIGIT, [65, 70], [97, 102]]],
])

/** ASCII letters only: byte strings have no other case. */
export function asciiLower(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text
}

export function asciiUpper(text: string): string {
  return /[a-z]/.test(text) ? text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()) : text
}
