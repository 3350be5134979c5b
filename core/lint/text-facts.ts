/** Checks of a text's beginning and end that cannot hold together. */
import type { Predicate } from '../language/condition/predicate.ts'

/** One way in which a check can hold: the text begins so, or is that and no more. */
interface Beginning {
  text: string
  isWhole: boolean
}

/** What a check says of the two ends of a text; null where it says nothing. */
interface Ends {
  heads: readonly Beginning[] | null
  tails: readonly string[] | null
}

const known = new WeakMap<Predicate, Ends>()

function endsOf(predicate: Predicate): Ends {
  const found = known.get(predicate) ?? { heads: beginnings(predicate), tails: tails(predicate) }
  known.set(predicate, found)
  return found
}

export function piecesConflict(a: Predicate, b: Predicate): boolean {
  const [one, two] = [endsOf(a), endsOf(b)]
  const { heads, tails } = two
  if (one.heads !== null && heads !== null && !one.heads.some((head) => heads.some((other) => agree(head, other))))
    return true
  if (one.tails === null || tails === null) return false
  return !one.tails.some((tail) => tails.some((other) => tail.endsWith(other) || other.endsWith(tail)))
}

function agree(a: Beginning, b: Beginning): boolean {
  if (a.isWhole && b.isWhole) return a.text === b.text
  if (a.isWhole) return a.text.startsWith(b.text)
  if (b.isWhole) return b.text.startsWith(a.text)
  return a.text.startsWith(b.text) || b.text.startsWith(a.text)
}

function beginnings({ operator, modifier, right }: Predicate): Beginning[] | null {
  if (right.kind !== 'strings' || (modifier !== null && modifier !== 'anyof')) return null
  if (operator === 'startswith' || operator === 'bstartswith')
    return right.values.map((text) => ({ text, isWhole: false }))
  if (operator === 'glob') return right.values.map((text) => ({ text: literalHead(text), isWhole: false }))
  return operator === 'pmatch' ? right.values.flatMap(ofPath) : null
}

/** Below a path, or the path itself. Of one with patterns only what stands before them is known. */
function ofPath(path: string): Beginning[] {
  const plain = path.replace(/\/$/, '')
  const head = literalHead(plain)
  if (head !== plain) return [{ text: head, isWhole: false }]
  return [
    { text: `${plain}/`, isWhole: false },
    { text: plain, isWhole: true },
  ]
}

function literalHead(pattern: string): string {
  return /^[^*?[\\]*/.exec(pattern)![0]
}

function tails({ operator, modifier, right }: Predicate): readonly string[] | null {
  if (right.kind !== 'strings' || (modifier !== null && modifier !== 'anyof')) return null
  if (operator === 'endswith') return right.values
  return operator === 'glob' ? right.values.map((text) => (/[[\\]/.test(text) ? '' : /[^*?]*$/.exec(text)![0])) : null
}
