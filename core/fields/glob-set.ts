/**
 * Bracket expressions of shell patterns, as glibc reads them in the C locale. What is malformed in one matches nothing,
 * but only for a character that nothing before it has matched: elements count in their order.
 */

/** Null: not well formed, matches nothing. */
type Element = readonly (readonly [low: number, high: number])[] | null

interface BracketSet {
  /** Null where the bracket stands for itself. */
  has: ((code: number) => boolean) | null
  /** Offset of the last character of it; null for one that is not closed. */
  end: number | null
}

export const NOTHING = { has: () => false, end: null } as const

/**
 * From `[` on. One that is never closed is the character itself, unless a part of it already matches that character or
 * breaks off in a range: then it is nothing.
 */
export function readSet(pattern: string, from: number, ignoreCase: boolean): BracketSet {
  let i = from + 1
  const negated = pattern[i] === '!' || pattern[i] === '^'
  if (negated) i++
  const elements: { ranges: Element; isClass: boolean }[] = []
  for (let first = true; ; first = false) {
    const character = pattern[i]
    if (character === undefined) {
      const isMatched = elements.some(({ ranges }) => ranges === null || ranges.some(holds(BRACKET)))
      return isMatched ? NOTHING : { has: null, end: null }
    }
    if (character === ']' && !first) break
    const named = character === '[' ? readNamed(pattern, i) : null
    if (named?.kind === 'class') {
      elements.push({ ranges: named.ranges, isClass: true })
      i = named.end
      continue
    }
    const low = named ?? readOne(pattern, i)
    if (low === null) return NOTHING
    i = low.end
    const isRange = pattern[i] === '-' && pattern[i + 1] !== ']'
    if (!isRange || low.kind === 'fold') {
      elements.push({ ranges: low.code === null ? null : [[low.code, low.code]], isClass: false })
      continue
    }
    const high = readNamed(pattern, i + 1, '.') ?? readOne(pattern, i + 1)
    if (high === null || high.kind === 'class') return NOTHING
    const isBroken = low.code === null || high.code === null
    elements.push({ ranges: isBroken ? null : [[low.code!, high.code!]], isClass: false })
    i = high.end
  }
  const folded = (code: number) => (ignoreCase ? lowerOf(code) : code)
  const has = (code: number): boolean => {
    for (const { ranges, isClass } of elements) {
      if (ranges === null) return false
      if (ranges.some(isClass ? holds(code) : holds(folded(code), ignoreCase))) return !negated
    }
    return negated
  }
  return { has, end: i }
}

const BRACKET = 91

const holds =
  (code: number, ignoreCase = false) =>
  ([low, high]: readonly [number, number]) =>
    ignoreCase ? code >= lowerOf(low) && code <= lowerOf(high) : code >= low && code <= high

function lowerOf(code: number): number {
  return code >= 65 && code <= 90 ? code + 32 : code
}

type Named =
  | { kind: 'class'; ranges: Element; end: number }
  /** `fold`: `[=x=]`, which begins no range. */
  | { kind: 'one' | 'fold'; code: number | null; end: number }

/** `[:name:]`, `[.x.]`, `[=x=]` at a place; null where it is an ordinary bracket. */
function readNamed(pattern: string, at: number, only?: '.'): Named | null {
  if (pattern[at] !== '[') return null
  const sign = pattern[at + 1]
  if (sign === ':' && only === undefined) {
    const name = /^[a-y]*(?=:\])/.exec(pattern.slice(at + 2, at + 2 + MAX_NAME))?.[0]
    if (name === undefined) return null
    return { kind: 'class', ranges: CLASSES.get(name) ?? null, end: at + name.length + 4 }
  }
  if (sign === '=' && only === undefined) {
    if (pattern[at + 2] === undefined || !pattern.startsWith('=]', at + 3)) return null
    return { kind: 'fold', code: pattern.charCodeAt(at + 2), end: at + 5 }
  }
  if (sign !== '.') return null
  const close = pattern.indexOf('.]', at + 2)
  // One that is never closed matches nothing; neither do names, of which this locale has none.
  if (close < 0) return { kind: 'one', code: null, end: pattern.length }
  return { kind: 'one', code: close === at + 3 ? pattern.charCodeAt(at + 2) : null, end: close + 2 }
}

/** One character, or one behind a backslash; null where the pattern ends. */
function readOne(pattern: string, at: number): { kind: 'one'; code: number; end: number } | null {
  const place = pattern[at] === '\\' ? at + 1 : at
  return place < pattern.length ? { kind: 'one', code: pattern.charCodeAt(place), end: place + 1 } : null
}

const MAX_NAME = 64
const DIGIT: [number, number] = [48, 57]
const UPPER: [number, number] = [65, 90]
const LOWER: [number, number] = [97, 122]
const CLASSES: ReadonlyMap<string, Element> = new Map([
  ['digit', [DIGIT]],
  ['upper', [UPPER]],
  ['lower', [LOWER]],
  ['alpha', [UPPER, LOWER]],
  ['alnum', [DIGIT, UPPER, LOWER]],
  ['space', [[9, 13] as [number, number], [32, 32] as [number, number]]],
  ['blank', [[9, 9] as [number, number], [32, 32] as [number, number]]],
  ['cntrl', [[0, 31] as [number, number], [127, 127] as [number, number]]],
  ['print', [[32, 126] as [number, number]]],
  ['graph', [[33, 126] as [number, number]]],
  [
    'punct',
    [
      [33, 47] as [number, number],
      [58, 64] as [number, number],
      [91, 96] as [number, number],
      [123, 126] as [number, number],
    ],
  ],
  ['xdigit', [DIGIT, [65, 70] as [number, number], [97, 102] as [number, number]]],
])
