/**
 * A plain interpreter of checked conditions, written from the description of the language and on purpose without a line
 * of the compiler's: no shared operator code, no folding, no remembering. Slow and obvious; the compiler is held to it.
 */
import type { Predicate, RightValues, ValueSource } from '../../core/language/condition/predicate.ts'
import type { Value } from '../../core/model/event.ts'
import type { Expression } from '../../core/ruleset/expression.ts'

type Single = string | number | bigint | boolean

/** Answers what a field's value is; undefined when it is absent. */
export type Lookup = (name: string, argument: string | null) => Value | undefined

export function holds(node: Expression, lookup: Lookup): boolean {
  switch (node.kind) {
    case 'constant':
      return node.value
    case 'not':
      return !holds(node.child, lookup)
    case 'and':
      return !node.children.some((child) => !holds(child, lookup))
    case 'or':
      return node.children.some((child) => holds(child, lookup))
    case 'check':
      return checkHolds(node.predicate, lookup)
  }
}

function checkHolds(predicate: Predicate, lookup: Lookup): boolean {
  const value = operandValue(predicate.left, lookup)
  if (value === undefined) return false
  if (predicate.operator === 'exists') return true
  const values = Array.isArray(value) ? (value as Single[]) : [value as Single]
  const wanted = rightValues(predicate.right, lookup)
  if (wanted === undefined) return false
  const one = (v: Single) => single(predicate, v, wanted)
  const all =
    predicate.several === 'ends'
      ? predicate.operator === '!='
      : predicate.several === 'list' && predicate.operator === 'in'
  return all ? values.every(one) : values.some(one)
}

function rightValues(right: RightValues, lookup: Lookup): readonly unknown[] | undefined {
  if (right.kind === 'none') return []
  if (right.kind !== 'operand') return right.values
  const value = operandValue(right.operand, lookup)
  return value === undefined ? undefined : [value]
}

function single(predicate: Predicate, value: Single, wanted: readonly unknown[]): boolean {
  const { operator, modifier } = predicate
  if (modifier !== null) {
    const count = wanted.filter((w) => compare(operator, value, w)).length
    if (wanted.length === 0) return false
    return modifier === 'anyof' ? count > 0 : modifier === 'allof' ? count === wanted.length : count === 1
  }
  if (operator === 'in' || operator === 'intersects') return wanted.some((w) => equal(value, w))
  if (operator === 'pmatch') return wanted.some((w) => pathMatches(String(value), String(w)))
  return compare(operator, value, wanted[0])
}

function equal(value: unknown, wanted: unknown): boolean {
  if (typeof wanted === 'object' && wanted !== null)
    return inBlock(String(value), wanted as { groups: number[]; bits: number })
  // 5 and 5n are the same number.
  if (typeof value === 'bigint' && typeof wanted === 'number')
    return Number.isInteger(wanted) && value === BigInt(wanted)
  if (typeof value === 'number' && typeof wanted === 'bigint')
    return Number.isInteger(value) && wanted === BigInt(value)
  return value === wanted
}

function compare(operator: string, value: Single, wanted: unknown): boolean {
  const v = value as string
  const w = wanted as string
  if (operator === '=') return equal(value, wanted)
  if (operator === '!=') return !equal(value, wanted)
  if (operator === '<') return v < w
  if (operator === '<=') return v <= w
  if (operator === '>') return v > w
  if (operator === '>=') return v >= w
  if (operator === 'contains' || operator === 'bcontains') return v.indexOf(w) !== -1
  if (operator === 'icontains') return lower(v).indexOf(lower(w)) !== -1
  if (operator === 'startswith' || operator === 'bstartswith') return v.slice(0, w.length) === w
  if (operator === 'endswith') return w.length <= v.length && v.slice(v.length - w.length) === w
  if (operator === 'glob') return globExpression(w).test(v)
  if (operator === 'iglob') return globExpression(lower(w)).test(lower(v))
  if (operator === 'regex') {
    // Characters of UTF-8, or nothing.
    const [characters, pattern] = [v, w].map((bytes) => Buffer.from(bytes, 'latin1').toString('utf8'))
    return !characters!.includes('\ufffd') && new RegExp(`^(?:${pattern})$`, 'su').test(characters!)
  }
  throw new Error(`no such operator: ${operator}`)
}

function lower(text: string): string {
  return [...text].map((c) => (c >= 'A' && c <= 'Z' ? String.fromCharCode(c.charCodeAt(0) + 32) : c)).join('')
}

/** Only the patterns that tests use: stars, question marks and simple sets. */
function globExpression(pattern: string): RegExp {
  const source = pattern.replace(/\[!?[a-z0-9-]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '[\\s\\S]*'
    if (part === '?') return '[\\s\\S]'
    if (part.length > 1) return part.replace('[!', '[^')
    return part.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')
  })
  return new RegExp(`^${source}$`)
}

function pathMatches(value: string, pattern: string): boolean {
  const components = (path: string) => path.replace(/\/$/, '').split('/')
  const wanted = components(pattern)
  const given = components(value)
  return (
    given.length >= wanted.length &&
    wanted.every((w, i) => (/[*?[]/.test(w) ? globExpression(w).test(given[i]!) : w === given[i]))
  )
}

/** Both sides as one 128-bit number; IPv4 in its mapped form. */
function inBlock(address: string, block: { groups: readonly number[]; bits: number }): boolean {
  const own = toNumber(address)
  if (own === null) return false
  const net = block.groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)
  const shift = BigInt(128 - block.bits)
  return own >> shift === net >> shift
}

function toNumber(address: string): bigint | null {
  if (/^\d+\.\d+\.\d+\.\d+$/.test(address)) {
    return address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0xffffn)
  }
  if (!address.includes(':')) return null
  const [head = '', tail] = address.split('::')
  const groups = (text: string) => (text === '' ? [] : text.split(':'))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const middle = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0')
  return [...left, ...middle, ...right].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n)
}

export function operandValue(source: ValueSource | { kind: 'text'; text: string }, lookup: Lookup): Value | undefined {
  if (source.kind === 'text') return source.text
  if (source.kind === 'field') return lookup(source.field.name, source.argument)
  const inputs = source.inputs.map((input) => operandValue(input, lookup))
  const [first] = inputs
  if (inputs.includes(undefined)) return undefined
  if (source.name === 'concat') return inputs.join('')
  if (source.name === 'join') return inputs.slice(1).flat().join(String(first))
  if (source.name === 'len') return (first as string).length
  if (source.name === 'getopt') throw new Error('getopt is not interpreted')
  const change = (text: string): string | undefined => {
    if (source.name === 'tolower') return lower(text)
    if (source.name === 'toupper') return [...text].map((c) => (c >= 'a' && c <= 'z' ? c.toUpperCase() : c)).join('')
    if (source.name === 'basename') return text.split('/').at(-1)
    if (source.name === 'b64') {
      return /^[A-Za-z0-9+/]*$/.test(text) && text.length % 4 !== 1
        ? Buffer.from(text, 'base64').toString('latin1')
        : undefined
    }
    return text
  }
  if (typeof first === 'string') return change(first)
  if (!Array.isArray(first)) return undefined
  const changed = first.map((entry) => change(String(entry))).filter((entry) => entry !== undefined)
  return changed.length === 0 ? undefined : changed
}
