/** Fields whose values are of a known set, and what lies outside of it. */
import { FD_TYPE_NAMES } from '../fields/fd.ts'
import { findField } from '../fields/index.ts'
import { ARGUMENT_WORDS, isErrorName } from '../fields/kernel-names.ts'
import type { FieldOperand, Operator } from '../language/condition/ast.ts'
import { nearestName } from '../language/nearest-name.ts'

const WHOLE: readonly Operator[] = ['=', 'in', 'intersects']
const PIECES: readonly Operator[] = [...WHOLE, 'startswith', 'endswith', 'contains']
const MAX_PORT = 65_535
const TYPE_FIELDS = new Set(['fd.type', 'fd.types', 'proc.stdin.type', 'proc.stdout.type', 'proc.stderr.type'])
/** Of descriptors that are nothing else. */
const OTHER_TYPE = 'other'

export interface ValueMistake {
  /** Why the value can never match. */
  why: string
  /** What to do. */
  hint: string
}

/** What is outside of the values that a field can have; null where all is well or nothing is known. */
export function domainMistake(left: FieldOperand, operator: Operator, text: string): ValueMistake | null {
  const found = findField(left.name, left.argument)
  if (found === undefined) return null
  const { field, argument } = found
  if (field.type === 'port') return rangeMistake(operator, text, 'a port', 0, MAX_PORT)
  if (field.name === 'evt.arg') return argument === null ? null : wordMistake(argument, operator, text)
  if (field.name === 'fd.filename' && PIECES.includes(operator) && text.includes('/'))
    return { why: 'fd.filename has no slashes', hint: 'use fd.name for paths' }
  if (!WHOLE.includes(operator)) return null
  if (field.name === 'fd.typechar' && !FD_TYPE_NAMES.has(text)) {
    const character = [...FD_TYPE_NAMES].find(([, name]) => name === text)?.[0]
    const all = `one of ${[...FD_TYPE_NAMES.keys()].join(' ')}`
    return {
      why: 'fd.typechar has no such value',
      hint: character === undefined ? all : `compare with ${character}, or use fd.type`,
    }
  }
  const types = [...FD_TYPE_NAMES.values(), OTHER_TYPE]
  if (TYPE_FIELDS.has(field.name) && !types.includes(text)) return noSuch(field.name, text, types)
  if (field.name !== 'evt.res' || text === 'SUCCESS' || isErrorName(text)) return null
  return { why: 'evt.res is SUCCESS or the name of an error', hint: 'such as ENOENT; numbers are in evt.rawres' }
}

/** Of a number that lies between two others. */
export function rangeMistake(
  operator: Operator,
  text: string,
  what: string,
  least: number,
  most: number,
): ValueMistake | null {
  if (!/^[+-]?\d{1,20}$/.test(text)) return null
  const value = Number(text)
  const isOutside =
    operator === '<' || operator === '<='
      ? operator === '<'
        ? value <= least
        : value < least
      : operator === '>'
        ? value >= most
        : operator === '>='
          ? value > most
          : WHOLE.includes(operator) && (value < least || value > most)
  if (!isOutside) return null
  const range = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `from ${least} to ${most}`
  return { why: `${what} is ${range}`, hint: 'compare with a value that it can have' }
}

const prefixOf = (word: string): string => word.slice(0, word.indexOf('_') + 1)
/** Of all arguments whose names are known to the last one: a word that begins otherwise may be some call's own. */
const PREFIXES: ReadonlySet<string> = new Set([...ARGUMENT_WORDS.values()].flat().map(prefixOf))

/** Names of flags and of the like; what holds no such name is a number, or means something else. */
function wordMistake(argument: string, operator: Operator, text: string): ValueMistake | null {
  const words = ARGUMENT_WORDS.get(argument)
  if (words === undefined || !PIECES.includes(operator)) return null
  for (const word of text.split('|')) {
    if (!/^[A-Z][A-Z0-9]*_[A-Z0-9_]+$/.test(word) || !PREFIXES.has(prefixOf(word))) continue
    const isThere = WHOLE.includes(operator) ? words.includes(word) : words.some((known) => known.includes(word))
    if (!isThere) return noSuch(`evt.arg.${argument}`, word, words)
  }
  return null
}

function noSuch(field: string, text: string, known: readonly string[]): ValueMistake {
  const near = nearestName(text, known)
  const all = known.length > 20 ? 'look at the names that the field has' : `one of ${known.join(' ')}`
  return { why: `${field} has no value ${text.slice(0, 40)}`, hint: near === undefined ? all : `did you mean ${near}?` }
}
