/** Checks of a text's beginning and end that cannot hold together. */
import type { Predicate } from '../language/condition/predicate.ts'

/** One way in which a check can hold: the text begins so, or is that and no more. */
interface Beginning {
  text: string
  isWhole: boolean
}

export function piecesConflict(a: Predicate, b: Predicate): boolean {
  const heads = [beginnings(a), beginnings(b)] as const
  if (heads[0] !== null && heads[1] !== null && !heads[0].some((one) => heads[1]!.some((two) => agree(one, two))))
    return true
  const tails = [ends(a), ends(b)] as const
  if (tails[0] === null || tails[1] === null) return false
  return !tails[0].some((one) => tails[1]!.some((two) => one.endsWith(two) || two.endsWith(one)))
}

function agree(a: Beginning, b: Beginning): boolean {
  if (a.isWhole && b.isWhole) return a.text === b.text
  if (a.isWhole) return a.text.startsWith(b.text)
  if (b.isWhole) return b.text.startsWith(a.text)
  return a.text.startsWith(b.text) || b.text.startsWith(a.text)
}

/** Null where a check says nothing of the beginning. */
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

function ends({ operator, modifier, right }: Predicate): readonly string[] | null {
  if (right.kind !== 'strings' || (modifier !== null && modifier !== 'anyof')) return null
  if (operator === 'endswith') return right.values
  return operator === 'glob' ? right.values.map((text) => (/[[\\]/.test(text) ? '' : /[^*?]*$/.exec(text)![0])) : null
}
