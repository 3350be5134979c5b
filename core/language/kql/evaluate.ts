/** Whether a document matches a query; the meaning is written down in ast.ts. Used where documents pass by: live tail. */

import { type ComparedAs, comparedAs } from '../../fields/document-fields.ts'
import { asciiLower } from '../../fields/glob.ts'
import { inBlocks, parseBlock } from '../../fields/ip-address.ts'
import type { KqlNode, KqlValue } from './ast.ts'

/** How deep documents are searched. */
const MAX_DEPTH = 20

type Scalar = string | number | boolean

export function evaluate(node: KqlNode, document: Record<string, unknown>): boolean {
  switch (node.kind) {
    case 'all':
      return true
    case 'and':
      return node.children.every((child) => evaluate(child, document))
    case 'or':
      return node.children.some((child) => evaluate(child, document))
    case 'not':
      return !evaluate(node.child, document)
    case 'exists':
      return valuesAt(document, node.field).length > 0
    case 'is': {
      if (node.field === null) return containsAnywhere(document, node.value)
      const type = comparedAs(node.field)
      return valuesAt(document, node.field).some((value) => isEqual(value, node.value, type))
    }
    case 'range': {
      const type = comparedAs(node.field)
      return valuesAt(document, node.field).some((value) => isInRange(value, node.operator, node.value, type))
    }
  }
}

/** All scalars below a dotted path; arrays on the way are looked through. */
function valuesAt(document: unknown, path: string): Scalar[] {
  let current: unknown[] = [document]
  for (const key of path.split('.')) {
    const next: unknown[] = []
    for (const value of current.flatMap(elements)) {
      if (isObject(value) && Object.hasOwn(value, key)) next.push(value[key])
    }
    if (next.length === 0) return []
    current = next
  }
  return current.flatMap(elements).filter(isScalar)
}

function elements(value: unknown): unknown[] {
  return Array.isArray(value) ? value.flatMap((entry) => (Array.isArray(entry) ? [] : [entry])) : [value]
}

function isEqual(value: Scalar, wanted: KqlValue, type: ComparedAs): boolean {
  switch (kindOf(value, type)) {
    case 'number': {
      const number = toNumber(wanted.text)
      return number !== undefined && Number(value) === number
    }
    case 'boolean':
      return String(value) === wanted.text
    case 'date': {
      const date = toDate(wanted.text)
      return date !== undefined && toDate(String(value)) === date
    }
    case 'ip': {
      const text = String(value)
      if (wanted.wildcards.length > 0) return matchesPattern(text, wanted)
      const block = parseBlock(wanted.text)
      return block !== null && inBlocks(text, [block])
    }
    case 'keyword':
      return wanted.wildcards.length === 0 ? value === wanted.text : matchesPattern(String(value), wanted)
  }
}

function isInRange(value: Scalar, operator: '<' | '<=' | '>' | '>=', bound: KqlValue, type: ComparedAs): boolean {
  switch (kindOf(value, type)) {
    case 'number': {
      const number = toNumber(bound.text)
      return number !== undefined && compare(Number(value), operator, number)
    }
    case 'date': {
      const date = toDate(bound.text)
      const own = toDate(String(value))
      return date !== undefined && own !== undefined && compare(own, operator, date)
    }
    case 'keyword':
      return compare(String(value), operator, bound.text)
    default:
      return false
  }
}

/** A field without a type of its own has that of its value. */
function kindOf(value: Scalar, type: ComparedAs): ComparedAs {
  if (type !== 'keyword') return type
  return typeof value === 'number' ? 'number' : typeof value === 'boolean' ? 'boolean' : 'keyword'
}

function compare<T extends number | string>(a: T, operator: '<' | '<=' | '>' | '>=', b: T): boolean {
  switch (operator) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
  }
}

function toNumber(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined
}

/** ISO 8601 dates and times, or ms since the Unix epoch. */
function toDate(text: string): number | undefined {
  if (/^\d{5,16}$/.test(text)) return Number(text)
  if (!/^\d{4}-\d{2}-\d{2}/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** The text between the wildcards, in order, covering the whole value. */
function matchesPattern(value: string, { text, wildcards }: KqlValue): boolean {
  const pieces = piecesOf(text, wildcards)
  const first = pieces[0]!
  const last = pieces.at(-1)!
  if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last)) return false
  return containsInOrder(value.slice(first.length, value.length - last.length), pieces.slice(1, -1))
}

function containsInOrder(value: string, pieces: readonly string[]): boolean {
  let at = 0
  for (const piece of pieces) {
    const found = value.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return true
}

function piecesOf(text: string, wildcards: readonly number[]): string[] {
  const pieces: string[] = []
  let from = 0
  for (const at of wildcards) {
    pieces.push(text.slice(from, at))
    from = at + 1
  }
  pieces.push(text.slice(from))
  return pieces
}

function containsAnywhere(document: Record<string, unknown>, wanted: KqlValue): boolean {
  const pieces = piecesOf(asciiLower(wanted.text), wanted.wildcards)
  const search = (value: unknown, path: string, depth: number): boolean => {
    if (typeof value === 'string') return comparedAs(path) === 'keyword' && containsInOrder(asciiLower(value), pieces)
    if (depth >= MAX_DEPTH) return false
    if (Array.isArray(value)) return value.some((entry) => search(entry, path, depth + 1))
    if (!isObject(value)) return false
    return Object.entries(value).some(([key, entry]) => search(entry, path === '' ? key : `${path}.${key}`, depth + 1))
  }
  return search(document, '', 0)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
