/**
 * What a check of an event's path asks of its bytes, in atoms: pieces of text at the start, at the end or anywhere. One
 * pass over a path finds all atoms of all rules in it, which answers most checks without looking at the path again.
 */
import { argumentsOfType } from '../fields/event-arguments.ts'
import { DESCRIPTOR_CALLS, TWO_PATH_CALLS } from '../fields/event-path.ts'
import type { EventTypeName } from '../fields/event-types.ts'
import { parseGlob } from '../fields/glob.ts'
import type { Predicate, ValueSource } from '../language/condition/predicate.ts'

export interface Atom {
  text: string
  /** Whether the text is at the start, at the end, or both. */
  atStart: boolean
  atEnd: boolean
  /** The text is a directory with its slash, and the last slash of the path is that one. */
  isDirectory: boolean
}

/** The first or the second path of an event: what a rename had and what it made. */
export type PathSlot = 'first' | 'second'

/** The check holds only if all atoms of one alternative are there; `exact`: and always then. */
export interface TextCheck {
  slot: PathSlot
  alternatives: Atom[][]
  exact: boolean
}

const start = (text: string): Atom => ({ text, atStart: true, atEnd: false, isDirectory: false })
const end = (text: string): Atom => ({ text, atStart: false, atEnd: true, isDirectory: false })
const whole = (text: string): Atom => ({ text, atStart: true, atEnd: true, isDirectory: false })
const inside = (text: string): Atom => ({ text, atStart: false, atEnd: false, isDirectory: false })
const directory = (text: string): Atom => ({ text, atStart: true, atEnd: false, isDirectory: true })

/** Null where a check of an event in the file table is about anything but a path, or asks what atoms cannot say. */
export function textCheckOf(predicate: Predicate, type: EventTypeName): TextCheck | null {
  const { left, right, operator, modifier } = predicate
  if (right.kind !== 'strings' || modifier !== null) return null
  const subject = subjectOf(left, type)
  if (subject === null) return null
  const asked = ASKED[subject.part](operator, right.values)
  const alternatives = asked?.alternatives
  // The empty text is everywhere: it tells nothing apart.
  if (alternatives === undefined || alternatives.some((atoms) => atoms.some(isEmpty))) return null
  return { slot: subject.slot, alternatives, exact: asked!.exact }
}

function isEmpty({ text, atStart, atEnd }: Atom): boolean {
  return text === '' && !(atStart && atEnd)
}

type Part = 'whole' | 'directory' | 'base'

function subjectOf(source: ValueSource, type: EventTypeName): { slot: PathSlot; part: Part } | null {
  if (source.kind === 'call') {
    const input = source.name === 'basename' ? source.inputs[0] : undefined
    const inner = input === undefined || input.kind === 'text' ? null : subjectOf(input, type)
    return inner?.part === 'whole' ? { slot: inner.slot, part: 'base' } : null
  }
  const { name } = source.field
  if (name.startsWith('fd.') && !DESCRIPTOR_CALLS.has(type)) return null
  const hasTwo = TWO_PATH_CALLS.has(type)
  switch (name) {
    case 'fd.name':
      return { slot: 'first', part: 'whole' }
    case 'fd.directory':
      return { slot: 'first', part: 'directory' }
    case 'fd.filename':
      return { slot: 'first', part: 'base' }
    case 'fs.path.name':
      return hasTwo ? null : { slot: type === 'mount' ? 'second' : 'first', part: 'whole' }
    case 'fs.path.source':
      return hasTwo ? { slot: 'first', part: 'whole' } : null
    case 'fs.path.target':
      return hasTwo ? { slot: 'second', part: 'whole' } : null
    case 'evt.arg': {
      const slot = argumentsOfType(type).find((argument) => argument.name === source.argument)?.path
      return slot === undefined ? null : { slot, part: 'whole' }
    }
    default:
      return null
  }
}

type Asked = Pick<TextCheck, 'alternatives' | 'exact'> | null

const oneOf = (atoms: Atom[], exact: boolean): Asked => ({ alternatives: atoms.map((atom) => [atom]), exact })

/** By the part of the path that is looked at. */
const ASKED: Record<Part, (operator: Predicate['operator'], values: readonly string[]) => Asked> = {
  whole(operator, values) {
    switch (operator) {
      case '=':
      case 'in':
      case 'intersects':
        return oneOf(values.map(whole), true)
      case 'startswith':
        return oneOf(values.map(start), true)
      case 'endswith':
        return oneOf(values.map(end), true)
      case 'contains':
        return oneOf(values.map(inside), true)
      case 'glob':
        return { alternatives: values.map(atomsOfGlob), exact: false }
      case 'pmatch':
        return oneOf(values.flatMap(atomsOfPathPrefix), values.every(isPlainPath))
      default:
        return null
    }
  },
  directory(operator, values) {
    if (operator === '=' || operator === 'in' || operator === 'intersects') {
      // No directory is the empty text; with a slash behind it, it would be the root.
      const possible = values.filter((value) => value !== '')
      return oneOf(
        possible.map((value) => directory(value === '/' ? '/' : `${value}/`)),
        true,
      )
    }
    // Paths without any slash are in `/`, which is thus not at their start.
    return operator === 'startswith' && values.every((value) => value.length > 1)
      ? oneOf(values.map(start), false)
      : null
  },
  base(operator, values) {
    if (operator !== '=' && operator !== 'in' && operator !== 'intersects') return null
    if (values.some((value) => value.includes('/'))) return null
    return oneOf(
      values.flatMap((value) => [end(`/${value}`), whole(value)]),
      true,
    )
  },
}

/** The pieces of text between what is open. */
function atomsOfGlob(pattern: string): Atom[] {
  const atoms: Atom[] = []
  let text = ''
  let isFirst = true
  const finish = (isLast: boolean) => {
    if (text !== '' || (isFirst && isLast)) {
      atoms.push({ text, atStart: isFirst, atEnd: isLast, isDirectory: false })
    }
    text = ''
    isFirst = false
  }
  for (const part of parseGlob(pattern)) {
    if (part.kind === 'text') text += part.text
    else finish(false)
  }
  finish(true)
  return atoms
}

/** A path is below its prefix, or the prefix itself. Of a prefix with patterns only the text before them is known. */
function atomsOfPathPrefix(pattern: string): Atom[] {
  if (isPlainPath(pattern)) return [start(`${pattern}/`), whole(pattern)]
  return [start((/^[^*?[\\]*/.exec(pattern)?.[0] ?? '').replace(/\/+$/, ''))]
}

function isPlainPath(pattern: string): boolean {
  return !/[*?[\\]|\/$/.test(pattern) && pattern !== ''
}
