/**
 * What a KQL query means for one document, as stated in core/language/kql/ast.ts: the reference that SQL and the
 * dictionary's code sets must agree with, and what decides wherever they cannot. Compiled once per query.
 */
import { isIP } from 'node:net'
import type { KqlNode, KqlValue } from './ast.ts'
import { type Fields, type FieldType, type Leaf, leavesOf } from './fields.ts'

export type Matcher = (body: Readonly<Record<string, unknown>>) => boolean
export type LeafTest = (value: Leaf) => boolean
export type ComparisonNode = Extract<KqlNode, { kind: 'is' | 'range' }>

const NEVER: LeafTest = () => false

export function compileMatcher(node: KqlNode, fields: Fields): Matcher {
  switch (node.kind) {
    case 'all':
      return () => true
    case 'not': {
      const child = compileMatcher(node.child, fields)
      return (body) => !child(body)
    }
    case 'and': {
      const children = node.children.map((child) => compileMatcher(child, fields))
      return (body) => children.every((child) => child(body))
    }
    case 'or': {
      const children = node.children.map((child) => compileMatcher(child, fields))
      return (body) => children.some((child) => child(body))
    }
    case 'exists':
      return (body) => leavesOf(body, node.field).length > 0
    case 'is':
    case 'range': {
      const { field } = node
      if (field === null) return textMatcher(node.value.text, fields)
      const test = leafTest(node, fields.find(field)?.type ?? 'keyword')
      return (body) => leavesOf(body, field).some(test)
    }
  }
}

/** The test of a single value of a field of this type. */
export function leafTest(node: ComparisonNode, type: FieldType): LeafTest {
  if (node.kind === 'range') return rangeTest(node.operator, node.value.text, type)
  const { value } = node
  if (type === 'keyword') return wildcardTest(value)
  if (type === 'ip') return addressTest(value)
  const wanted = convert(value.text, type)
  return wanted === undefined ? NEVER : (leaf) => convert(leaf, type) === wanted
}

/** Whether any keyword value contains the text; only ASCII letters are folded. */
function textMatcher(text: string, fields: Fields): Matcher {
  const wanted = foldAscii(text)
  return (body) => {
    let found = false
    fields.visit(body, (field, value) => {
      if (!found && field.type === 'keyword') found = foldAscii(String(value)).includes(wanted)
    })
    return found
  }
}

export function foldAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
}

/** The literal pieces between the wildcards; one piece when there are none. */
export function literalPieces({ text, quoted, wildcards }: KqlValue): string[] {
  if (quoted) return [text]
  const pieces: string[] = []
  let from = 0
  for (const at of wildcards) {
    pieces.push(text.slice(from, at))
    from = at + 1
  }
  pieces.push(text.slice(from))
  return pieces
}

/** Leftmost placement of each piece is enough, so that the time stays linear in pieces and value. */
function wildcardTest(value: KqlValue): LeafTest {
  const pieces = literalPieces(value)
  const first = pieces[0]!
  if (pieces.length === 1) return (leaf) => String(leaf) === first
  const last = pieces.at(-1)!
  const middle = pieces.slice(1, -1).filter((piece) => piece !== '')
  return (leaf) => {
    const text = String(leaf)
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false
    let from = first.length
    const end = text.length - last.length
    for (const piece of middle) {
      const at = text.indexOf(piece, from)
      if (at < 0 || at + piece.length > end) return false
      from = at + piece.length
    }
    return true
  }
}

function addressTest(value: KqlValue): LeafTest {
  if (!value.quoted && value.wildcards.length > 0) return wildcardTest(value)
  const [address, prefix, rest] = value.text.split('/')
  const wanted = addressBits(address!)
  if (wanted === undefined || rest !== undefined) return NEVER
  if (prefix === undefined) return (leaf) => addressBits(String(leaf)) === wanted
  const width = isIP(address!) === 4 ? 32 : 128
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > width) return NEVER
  const shift = BigInt(width - Number(prefix))
  return (leaf) => {
    const bits = addressBits(String(leaf))
    return bits !== undefined && bits >> shift === wanted >> shift
  }
}

/** 128 bits; an IPv4 address is its mapped form (::ffff:a.b.c.d, RFC 4291 2.5.5.2). */
export function addressBits(text: string): bigint | undefined {
  const version = isIP(text)
  if (version === 0) return undefined
  if (version === 4) return (0xffffn << 32n) | quadBits(text)
  let address = text.split('%')[0]!
  const quad = /(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1]
  if (quad !== undefined) {
    const bits = quadBits(quad)
    address = `${address.slice(0, -quad.length)}${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`
  }
  const [head = '', tail] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right]
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

function quadBits(text: string): bigint {
  return text.split('.').reduce((bits, part) => (bits << 8n) | BigInt(part), 0n)
}

const COMPARE = {
  '<': (order: number) => order < 0,
  '<=': (order: number) => order <= 0,
  '>': (order: number) => order > 0,
  '>=': (order: number) => order >= 0,
}

function rangeTest(operator: keyof typeof COMPARE, text: string, type: FieldType): LeafTest {
  const wanted = convert(text, type)
  if (wanted === undefined) return NEVER
  const holds = COMPARE[operator]
  return (leaf) => {
    const value = convert(leaf, type)
    return value !== undefined && holds(value < wanted ? -1 : value > wanted ? 1 : 0)
  }
}

/** A value or a query's text in the form in which its type is compared; undefined where it cannot be converted. */
export function convert(value: Leaf, type: FieldType): string | number | bigint | boolean | undefined {
  switch (type) {
    case 'keyword':
      return String(value)
    case 'ip':
      return addressBits(String(value))
    case 'boolean':
      return value === true || value === 'true' ? true : value === false || value === 'false' ? false : undefined
    case 'long':
    case 'double':
      return number(value)
    case 'date':
      return typeof value === 'string' && !/^-?\d+$/.test(value) ? time(value) : number(value)
  }
}

function number(value: Leaf): number | undefined {
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : value
  if (typeof value !== 'string' || !/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(value)) return undefined
  return Number(value)
}

/** ISO 8601; without a zone it is UTC, as Elasticsearch reads it. */
function time(text: string): number | undefined {
  if (!/^\d{4}-\d{2}(-\d{2})?([T ][\d:.,]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)) return undefined
  const zoned = /T|\s/.test(text) && !/(Z|[+-]\d{2}:?\d{2})$/.test(text) ? `${text}Z` : text
  const parsed = Date.parse(zoned)
  return Number.isNaN(parsed) ? undefined : parsed
}
