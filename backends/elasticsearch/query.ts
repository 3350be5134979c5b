/**
 * KQL as Elasticsearch's query DSL, with the meaning that core/language/kql/ast.ts states. Values that the index could
 * not take are not decided here: their documents carry `_ignored`, and the search judges those by itself.
 */
import type { KqlNode, KqlValue } from '../../core/language/kql/ast.ts'
import type { FieldTypes } from '../../core/language/kql/fields.ts'
import { addressBits, convert, foldAscii, literalPieces } from '../../core/language/kql/matcher.ts'
import { AppError } from '../../core/model/errors.ts'
import { ALL_TEXT } from './template.ts'

export type Dsl = Record<string, unknown>

export interface CompiledQuery {
  dsl: Dsl
  /** Fields that are not indexed and are read from the documents, as `runtime_mappings`. */
  runtime: Record<string, { type: 'keyword' }>
}

export interface QueryContext {
  fields: FieldTypes
  openObjects: readonly string[]
}

const NOTHING: Dsl = { match_none: {} }
const EVERYTHING: Dsl = { match_all: {} }
/** Elasticsearch refuses deeper trees (indices.query.bool.max_nested_depth is 30). */
const MAX_DEPTH = 24

/** Throws E_STORE_QUERY for a tree that alternates between `and` and `or` more deeply than Elasticsearch reads. */
export function compileQuery(node: KqlNode, context: QueryContext): CompiledQuery {
  const runtime: CompiledQuery['runtime'] = {}
  const dsl = compile(normalise(node, false), { ...context, runtime }, 0)
  return { dsl, runtime }
}

/** Negation only around leaves, nothing nested in its own kind: what is left of depth is meant. */
function normalise(node: KqlNode, negated: boolean): KqlNode {
  let current = node
  let not = negated
  while (current.kind === 'not') {
    current = current.child
    not = !not
  }
  if (current.kind !== 'and' && current.kind !== 'or') return not ? { kind: 'not', child: current } : current
  const kind = (current.kind === 'and') === not ? 'or' : 'and'
  const children: KqlNode[] = []
  for (const child of current.children) {
    const plain = normalise(child, not)
    if (plain.kind === kind) for (const inner of plain.children) children.push(inner)
    else children.push(plain)
  }
  return { kind, children }
}

type Context = QueryContext & Pick<CompiledQuery, 'runtime'>

function compile(node: KqlNode, context: Context, depth: number): Dsl {
  if (depth > MAX_DEPTH) throw new AppError('E_STORE_QUERY', 'the query is nested too deeply; write it flatter')
  switch (node.kind) {
    case 'all':
      return EVERYTHING
    case 'not':
      return { bool: { must_not: [compile(node.child, context, depth + 1)] } }
    case 'and':
      return { bool: { filter: node.children.map((child) => compile(child, context, depth + 1)) } }
    case 'or':
      return node.children.length === 0 ? NOTHING : anyOf(node.children, context, depth)
    case 'exists':
      return { exists: { field: indexed(node.field, context) } }
    case 'range':
      return range(node.field, node.operator, node.value.text, context)
    case 'is':
      return node.field === null ? anywhere(node.value.text) : is(node.field, node.value, context)
  }
}

/** Exact values of one keyword field become one list: thousands of them are no thousands of clauses. */
function anyOf(children: readonly KqlNode[], context: Context, depth: number): Dsl {
  const lists = new Map<string, string[]>()
  const clauses: Dsl[] = []
  for (const child of children) {
    const exact = child.kind === 'is' && child.field !== null && literalPieces(child.value).length === 1
    if (exact && typeOf(child.field, context) === 'keyword') {
      const list = lists.get(child.field) ?? []
      list.push(child.value.text)
      lists.set(child.field, list)
    } else clauses.push(compile(child, context, depth + 1))
  }
  for (const [field, values] of lists) clauses.push({ terms: { [indexed(field, context)]: values } })
  return { bool: { should: clauses, minimum_should_match: 1 } }
}

function typeOf(field: string, { fields }: Context) {
  return Object.hasOwn(fields, field) ? fields[field]! : 'keyword'
}

/** The field as it is; one that has no index is read from the documents. */
function indexed(field: string, { fields, openObjects, runtime }: Context): string {
  const known = Object.hasOwn(fields, field) || openObjects.some((object) => field.startsWith(`${object}.`))
  if (!known) runtime[field] = { type: 'keyword' }
  return field
}

function is(field: string, value: KqlValue, context: Context): Dsl {
  const type = typeOf(field, context)
  const pattern = !value.quoted && value.wildcards.length > 0
  if (type === 'keyword' || (type === 'ip' && pattern)) {
    const name = type === 'ip' ? `${field}.text` : field
    if (!pattern) return { term: { [indexed(name, context)]: { value: value.text } } }
    const pieces = literalPieces(value)
    if (pieces.every((piece) => piece === '')) return { exists: { field: indexed(name, context) } }
    return { wildcard: { [patternField(name, context)]: { value: pieces.map(escapePattern).join('*') } } }
  }
  if (type === 'ip') return addresses(field, value.text)
  const wanted = convert(value.text, type)
  if (wanted === undefined || (typeof wanted === 'number' && !Number.isFinite(wanted))) return NOTHING
  if (type === 'date') return { range: { [field]: { gte: wanted, lte: wanted, format: 'epoch_millis' } } }
  return { term: { [field]: { value: wanted } } }
}

/** Flattened objects answer no patterns: their keys are read from the documents then. */
function patternField(field: string, context: Context): string {
  if (context.openObjects.some((object) => field.startsWith(`${object}.`))) context.runtime[field] = { type: 'keyword' }
  return field.endsWith('.text') && Object.hasOwn(context.fields, field.slice(0, -5)) ? field : indexed(field, context)
}

/** Only ASCII letters are folded, here and in Elasticsearch. */
function anywhere(text: string): Dsl {
  if (text === '') return { exists: { field: ALL_TEXT } }
  return { wildcard: { [ALL_TEXT]: { value: `*${escapePattern(foldAscii(text))}*`, case_insensitive: true } } }
}

function escapePattern(text: string): string {
  return text.replace(/[\\*?]/g, '\\$&')
}

const BOUND = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const

function range(field: string, operator: keyof typeof BOUND, text: string, context: Context): Dsl {
  const type = typeOf(field, context)
  const wanted = convert(text, type)
  if (wanted === undefined || Number.isNaN(wanted)) return NOTHING
  const bound = BOUND[operator]
  switch (type) {
    case 'boolean': {
      const values = [false, true].filter((value) => compare(Number(value), operator, Number(wanted)))
      return values.length === 0 ? NOTHING : { terms: { [field]: values } }
    }
    case 'ip':
      return { range: { [field]: { [bound]: addressText(wanted as bigint) } } }
    case 'date':
      return { range: { [field]: { [bound]: wanted, format: 'epoch_millis' } } }
    case 'keyword':
      return { range: { [indexed(field, context)]: { [bound]: wanted } } }
    default:
      // JSON has no infinity; nothing stored lies beyond it.
      return { range: { [field]: { [bound]: Number.isFinite(wanted) ? wanted : Number(wanted) > 0 ? 1e308 : -1e308 } } }
  }
}

function compare(value: number, operator: keyof typeof BOUND, wanted: number): boolean {
  return { '<': value < wanted, '<=': value <= wanted, '>': value > wanted, '>=': value >= wanted }[operator]
}

/** An address or a CIDR block, as bounds: Elasticsearch's own reading of blocks has no mapped addresses. */
function addresses(field: string, text: string): Dsl {
  const [address = '', prefix, rest] = text.split('/')
  const bits = addressBits(address)
  if (bits === undefined || rest !== undefined) return NOTHING
  const width = address.includes(':') ? 128 : 32
  if (prefix !== undefined && (!/^\d{1,3}$/.test(prefix) || Number(prefix) > width)) return NOTHING
  const free = BigInt(prefix === undefined ? 0 : width - Number(prefix))
  const first = (bits >> free) << free
  const last = first | ((1n << free) - 1n)
  return { range: { [field]: { gte: addressText(first), lte: addressText(last) } } }
}

/** Eight groups of RFC 4291, IPv4 in its mapped form. */
function addressText(bits: bigint): string {
  return Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':')
}
