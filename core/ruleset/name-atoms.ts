/**
 * What the name of a descriptor must look like for a condition to hold. From a condition a set of atoms is taken, pieces
 * of text at the start, at the end or anywhere, of which at least one is in the name whenever the condition holds; so a
 * name with none of them needs no closer look.
 */
import type { Predicate } from '../language/condition/predicate.ts'
import type { Expression } from './expression.ts'

export interface Atom {
  text: string
  /** Whether the text is at the start, at the end, or both. */
  atStart: boolean
  atEnd: boolean
}

/** More alternatives than this are not worth it. */
const MAX_ATOMS = 2000

/** Null when the condition can hold whatever the name is. */
export function necessaryAtoms(
  node: Expression,
  done: Map<Expression, readonly Atom[] | null> = new Map(),
): readonly Atom[] | null {
  const known = done.get(node)
  if (known !== undefined) return known
  let atoms: readonly Atom[] | null = null
  if (node.kind === 'constant') atoms = node.value ? null : []
  else if (node.kind === 'check') atoms = atomsOf(node.predicate)
  else if (node.kind === 'and') {
    for (const child of node.children) {
      const found = necessaryAtoms(child, done)
      if (found !== null && (atoms === null || selectivity(found) > selectivity(atoms))) atoms = found
    }
  } else if (node.kind === 'or') {
    const all = node.children.map((child) => necessaryAtoms(child, done))
    const joined = all.every((found) => found !== null) ? all.flat() : null
    atoms = joined !== null && joined.length <= MAX_ATOMS ? joined : null
  }
  done.set(node, atoms)
  return atoms
}

function textBeforePattern(pattern: string): string {
  return (/^[^*?[\\]*/.exec(pattern)?.[0] ?? '').replace(/\/$/, '')
}

/** The shortest text decides how much a set lets through. */
function selectivity(atoms: readonly Atom[]): number {
  return atoms.reduce(
    (least, { text, atStart, atEnd }) => Math.min(least, text.length + (atStart || atEnd ? 2 : 0)),
    1000,
  )
}

function atomsOf(predicate: Predicate): Atom[] | null {
  const { left, right, operator, modifier } = predicate
  if (right.kind !== 'strings' || modifier !== null) return null
  const { values } = right
  const isBaseName = left.kind === 'call' && left.name === 'basename'
  const source = isBaseName ? left.inputs[0] : left
  if (source?.kind !== 'field') return null
  const isEqual = operator === '=' || operator === 'in' || operator === 'intersects'
  const { name } = source.field
  if (isBaseName ? name === 'fd.name' : name === 'fd.filename') {
    return isEqual ? values.map((text) => ({ text: `/${text}`, atStart: false, atEnd: true })) : null
  }
  if (name === 'fd.directory') {
    if (!isEqual && operator !== 'startswith') return null
    const end = isEqual ? '/' : ''
    return values.map((text) => ({ text: text === '/' ? '/' : text + end, atStart: true, atEnd: false }))
  }
  if (name !== 'fd.name') return null
  if (isEqual) return values.map((text) => ({ text, atStart: true, atEnd: true }))
  if (operator === 'startswith') return values.map((text) => ({ text, atStart: true, atEnd: false }))
  if (operator === 'endswith') return values.map((text) => ({ text, atStart: false, atEnd: true }))
  if (operator === 'contains') return values.map((text) => ({ text, atStart: false, atEnd: false }))
  if (operator !== 'pmatch' && operator !== 'glob') return null
  // Up to the first component that is a pattern, whose text is not known.
  return values.map((text) => ({
    text: textBeforePattern(text),
    atStart: true,
    atEnd: false,
  }))
}
