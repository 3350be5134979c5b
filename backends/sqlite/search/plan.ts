/**
 * Turns a query into what one part file can answer by itself: a condition on row columns, and a condition on the codes
 * of whole blocks. Both may let too much through, never too little; `exact` says that the rows need no second look.
 */
import type { KqlNode } from '../../../core/language/kql/ast.ts'
import type { Fields } from '../../../core/language/kql/fields.ts'
import {
  type ComparisonNode,
  foldAscii,
  type LeafTest,
  leafTest,
  literalPieces,
} from '../../../core/language/kql/matcher.ts'
import type { Database } from '../database.ts'
import { type CodeSet, codeSet, hasAnyCode } from './block.ts'
import { gramsOf, hasGrams } from './grams.ts'
import { FORM, type PartMeta, ROW_COLUMNS, trigramText } from './schema.ts'

/** `null` lets every block through. */
export type BlockTest =
  | null
  | { kind: 'any'; codes: CodeSet }
  | { kind: 'grams'; grams: ReadonlySet<number> }
  | { kind: 'and' | 'or'; children: readonly Exclude<BlockTest, null>[] }

/** A row column that must hold one of few codes: a way in through its index. */
export interface Driver {
  column: number
  codes: readonly number[]
}

export interface Plan {
  /** SQL on the columns of a row; null lets every row through, `0` none. */
  rows: string | null
  exact: boolean
  blocks: BlockTest
  drivers: readonly Driver[]
}

const ALL: Plan = { rows: null, exact: true, blocks: null, drivers: [] }
const NONE: Plan = { rows: '0', exact: true, blocks: { kind: 'any', codes: codeSet([]) }, drivers: [] }
const UNKNOWN: Plan = { rows: null, exact: false, blocks: null, drivers: [] }

const MAX_DRIVER_CODES = 16

export function planQuery(node: KqlNode, database: Database, meta: PartMeta, fields: Fields): Plan {
  const context: Context = { database, meta, fields }
  return plan(node, context)
}

interface Context {
  database: Database
  meta: PartMeta
  fields: Fields
}

function plan(node: KqlNode, context: Context): Plan {
  switch (node.kind) {
    case 'all':
      return ALL
    case 'and':
      return planAnd(node.children.map((child) => plan(child, context)))
    case 'or':
      return planOr(node.children.map((child) => plan(child, context)))
    case 'not': {
      const child = plan(node.child, context)
      if (!child.exact) return UNKNOWN
      return {
        rows: child.rows === null ? '0' : `NOT coalesce(${child.rows}, 0)`,
        exact: true,
        blocks: null,
        drivers: [],
      }
    }
    case 'exists': {
      const column = columnOf(node.field, context)
      return column < 0 ? UNKNOWN : { rows: `c${column} IS NOT NULL`, exact: true, blocks: null, drivers: [] }
    }
    case 'is':
    case 'range':
      return node.field === null ? planText(node.value.text, context) : planComparison(node, node.field, context)
  }
}

function planAnd(children: readonly Plan[]): Plan {
  if (children.some(({ rows }) => rows === '0')) return NONE
  const rows = children.flatMap(({ rows }) => (rows === null ? [] : [`(${rows})`]))
  const blocks = children.flatMap(({ blocks }) => (blocks === null ? [] : [blocks]))
  return {
    rows: rows.length === 0 ? null : joined(rows, 'AND'),
    exact: children.every(({ exact }) => exact),
    blocks: blocks.length === 0 ? null : { kind: 'and', children: blocks },
    drivers: children.flatMap(({ drivers }) => drivers),
  }
}

function planOr(all: readonly Plan[]): Plan {
  const children = all.filter(({ rows, exact }) => !(exact && rows === '0'))
  if (children.length === 0) return NONE
  if (children.length === 1) return children[0]!
  const rows = children.flatMap(({ rows }) => (rows === null ? [] : [`(${rows})`]))
  const blocks = children.flatMap(({ blocks }) => (blocks === null ? [] : [blocks]))
  return {
    rows: rows.length < children.length ? null : joined(rows, 'OR'),
    exact: children.every(({ exact }) => exact),
    blocks: blocks.length < children.length ? null : { kind: 'or', children: blocks },
    drivers: [],
  }
}

/** Balanced, since SQLite bounds the depth of an expression and a flat chain is as deep as it is long. */
function joined(terms: readonly string[], operator: 'AND' | 'OR'): string {
  if (terms.length === 1) return terms[0]!
  const half = terms.length >> 1
  return `(${joined(terms.slice(0, half), operator)} ${operator} ${joined(terms.slice(half), operator)})`
}

function planComparison(node: ComparisonNode, field: string, context: Context): Plan {
  const known = context.fields.find(field)
  if (known?.type === 'keyword' && context.meta.hashed.includes(field)) {
    return node.kind === 'is' ? planGrams(literalPieces(node.value), null) : UNKNOWN
  }
  const number = Object.hasOwn(context.meta.coded, field) ? context.meta.coded[field] : undefined
  if (known === undefined || number === undefined) return UNKNOWN
  const test = leafTest(node, known.type)
  const codes = codesOf(node, known.type === 'keyword', number, test, context)
  const long = codeOf(context, number, FORM.long, '')
  const all = new Set(long === undefined ? codes : [...codes, long])
  const blocks: BlockTest = { kind: 'any', codes: codeSet(all) }
  const column = columnOf(field, context)
  if (column < 0) return all.size === 0 ? NONE : { rows: null, exact: false, blocks, drivers: [] }
  const inRow = [...all, ...listCodes(number, test, context)]
  if (inRow.length === 0) return NONE
  return {
    rows: inRow.length === 1 ? `c${column} = ${inRow[0]}` : `c${column} IN (${inRow.join(',')})`,
    exact: long === undefined,
    blocks,
    drivers: inRow.length <= MAX_DRIVER_CODES ? [{ column, codes: inRow }] : [],
  }
}

/** What only trigrams in the blocks tell; `codes` are of other fields that would do as well. */
function planGrams(pieces: readonly string[], codes: ReadonlySet<number> | null): Plan {
  const grams = new Set(pieces.flatMap((piece) => [...gramsOf(piece)]))
  if (grams.size === 0) return UNKNOWN
  const test = { kind: 'grams', grams } as const
  const blocks =
    codes === null ? test : ({ kind: 'or', children: [{ kind: 'any', codes: codeSet(codes) }, test] } as const)
  return { rows: null, exact: false, blocks, drivers: [] }
}

/** Text anywhere: the dictionary knows every string of every coded field, so that blocks without it can be skipped. */
function planText(text: string, context: Context): Plan {
  const { hashed } = context.meta
  const listed = context.fields.list.filter(({ type }) => type === 'keyword')
  const keywords = listed.filter(({ name }) => !hashed.includes(name))
  if (hashed.length > 0 && text.length < 3) return UNKNOWN
  if (keywords.some(({ name }) => !Object.hasOwn(context.meta.coded, name))) return UNKNOWN
  const numbers = new Set(keywords.map(({ name }) => context.meta.coded[name]!))
  const wanted = foldAscii(text)
  const codes = new Set<number>()
  for (const { code, field, value } of candidates(context, [text], null)) {
    if (numbers.has(field) && foldAscii(value).includes(wanted)) codes.add(code)
  }
  const long = context.database.prepare(`SELECT code, field FROM dictionary WHERE form = ${FORM.long}`).all()
  for (const { code, field } of long) if (numbers.has(field as number)) codes.add(code as number)
  if (keywords.length < listed.length) return planGrams([text], codes)
  return codes.size === 0
    ? NONE
    : { rows: null, exact: false, blocks: { kind: 'any', codes: codeSet(codes) }, drivers: [] }
}

/** Codes of the single values that pass. */
function codesOf(node: ComparisonNode, keyword: boolean, number: number, test: LeafTest, context: Context): number[] {
  const pieces = node.kind === 'is' && keyword ? literalPieces(node.value) : []
  if (pieces.length === 1) {
    const code = codeOf(context, number, FORM.single, pieces[0]!)
    return code === undefined ? [] : [code]
  }
  const codes: number[] = []
  for (const { code, value } of candidates(context, pieces, number)) if (test(value)) codes.push(code)
  return codes
}

function listCodes(number: number, test: LeafTest, { database }: Context): number[] {
  const lists = database
    .prepare(`SELECT code, value FROM dictionary WHERE field = ? AND form = ${FORM.list}`)
    .all(number)
  return lists
    .filter(({ value }) => (JSON.parse(value as string) as string[]).some(test))
    .map(({ code }) => code as number)
}

function codeOf({ database }: Context, number: number, form: number, value: string): number | undefined {
  const text = 'SELECT code FROM dictionary WHERE field = ? AND form = ? AND value = ?'
  return database.prepare(text).get(number, form, value)?.code as number | undefined
}

interface Entry {
  code: number
  field: number
  value: string
}

/** Dictionary entries that may contain all pieces, of one field or of all; through the trigrams where a piece has one. */
function candidates({ database }: Context, pieces: readonly string[], number: number | null): Iterable<Entry> {
  const trigrams = new Set<string>()
  for (const piece of pieces) {
    const letters = [...trigramText(piece.toWellFormed())]
    // Every third suffices, with the last: what they let through is tested anyway.
    for (let at = 0; at + 3 <= letters.length; at += 3) trigrams.add(letters.slice(at, at + 3).join(''))
    if (letters.length >= 3) trigrams.add(letters.slice(-3).join(''))
  }
  const single = `form = ${FORM.single}`
  if (trigrams.size === 0) {
    const statement =
      number === null
        ? database.prepare(`SELECT code, field, value FROM dictionary WHERE ${single}`)
        : database.prepare(`SELECT code, field, value FROM dictionary WHERE ${single} AND field = ?`)
    return statement.iterate(...(number === null ? [] : [number])) as unknown as Iterable<Entry>
  }
  const match = [...trigrams]
    .slice(0, 32)
    .map((trigram) => `"${trigram.replaceAll('"', '""')}"`)
    .join(' AND ')
  const found = database
    .prepare(
      `SELECT code, field, value FROM dictionary WHERE code IN (SELECT rowid FROM trigrams WHERE trigrams MATCH ?)`,
    )
    .all(match) as unknown as Entry[]
  return number === null ? found : found.filter(({ field }) => field === number)
}

function columnOf(field: string, { meta, fields }: Context): number {
  if (!meta.columns.includes(field) || fields.find(field)?.type !== 'keyword') return -1
  return ROW_COLUMNS.findIndex((column) => column.field === field)
}

/** Whether the test looks at trigrams, which are large and otherwise left unread. */
export function readsGrams(test: BlockTest): boolean {
  if (test === null || test.kind === 'any') return false
  return test.kind === 'grams' || test.children.some(readsGrams)
}

/** Whether a block satisfies the test; without bits of its own it may hold anything. */
export function passes(test: BlockTest, block: { codes: Uint8Array; grams: Uint8Array | null }): boolean {
  if (test === null) return true
  if (test.kind === 'any') return test.codes.size > 0 && hasAnyCode(block.codes, test.codes)
  if (test.kind === 'grams') return block.grams === null || hasGrams(block.grams, test.grams)
  return test.kind === 'and'
    ? test.children.every((child) => passes(child, block))
    : test.children.some((child) => passes(child, block))
}
