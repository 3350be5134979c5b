/**
 * Tables of a part file. Every document is a short row (`…_rows`) with codes of its frequent fields, and a place in a
 * compressed block (`…_data`). A block also lists the codes of all its strings (`…_blocks`), which tells at once where
 * a string cannot be. Strings stand once in `dictionary`; its trigrams are searched, not those of the rows.
 */
import type { Field, Fields } from '../../../core/language/kql/fields.ts'
import type { DocKind } from '../../../core/model/search-store.ts'

/** Fields with a column of codes in every row; `indexed` ones are found by (value, time). Order is part of stored data. */
export const ROW_COLUMNS = [
  { field: 'container.id', indexed: true },
  { field: 'process.name', indexed: true },
  { field: 'rule.name', indexed: true },
  { field: 'user.name', indexed: true },
  { field: 'event.action', indexed: true },
  { field: 'container.name', indexed: false },
  { field: 'log.level', indexed: false },
  { field: 'event.type', indexed: false },
  { field: 'event.category', indexed: false },
  { field: 'host.name', indexed: false },
] as const

/** Counts kept per minute, at most three fields together. Order is part of stored data. */
export const ROLLUPS: readonly (readonly string[])[] = [
  ['rule.name', 'log.level', 'container.id'],
  ['rule.name', 'log.level'],
  ['process.name'],
  ['event.action'],
  ['user.name'],
  ['host.name'],
  ['container.name'],
]

/**
 * Fields whose values hardly ever repeat. Codes for them would make the dictionary as large as the documents, so that
 * blocks hold hashed trigrams of their values instead (`grams.ts`).
 */
const UNIQUE_FIELDS: ReadonlySet<string> = new Set([
  'event.id',
  'file.inode',
  'seamark.alert.detections',
  'seamark.args',
  'seamark.evidence',
  'seamark.time_ns',
])

export const ROLLUP_MS = 60_000

/** Longer strings are not in the dictionary; they share one code per field that says "look at the document". */
export const MAX_CODED_CHARS = 1024

/** `form` of a dictionary entry. */
export const FORM = {
  single: 0,
  /** A list of values as one: JSON of the array. Row columns only. */
  list: 1,
  /** Stands for every string that is too long. */
  long: 2,
} as const

/** What a part was written with; later fields are not in its dictionary. */
export interface PartMeta {
  columns: string[]
  /** Fields whose strings have codes in the blocks: name → number used in the dictionary. */
  coded: Record<string, number>
  /** Keyword fields whose trigrams are in the blocks instead. */
  hashed: string[]
}

export function partMeta(fields: Fields): PartMeta {
  const isHashed = ({ name, type }: Field) => type === 'keyword' && UNIQUE_FIELDS.has(name)
  const coded = fields.list.filter((field) => (field.type === 'keyword' || field.type === 'ip') && !isHashed(field))
  const isKeyword = new Set(fields.list.filter(({ type }) => type === 'keyword').map(({ name }) => name))
  return {
    columns: ROW_COLUMNS.filter(({ field }) => isKeyword.has(field)).map(({ field }) => field),
    coded: Object.fromEntries(coded.map(({ name, index }) => [name, index])),
    hashed: fields.list.filter(isHashed).map(({ name }) => name),
  }
}

export function partSchema(kinds: readonly DocKind[]): string {
  const columns = ROW_COLUMNS.map((_, i) => `c${i} INTEGER`).join(', ')
  const perKind = kinds.map(
    (kind) => `
    CREATE TABLE IF NOT EXISTS ${kind}_rows (seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, id TEXT NOT NULL,
      version INTEGER, ${columns});
    CREATE UNIQUE INDEX IF NOT EXISTS ${kind}_id ON ${kind}_rows (id);
    CREATE INDEX IF NOT EXISTS ${kind}_time ON ${kind}_rows (time);
    ${ROW_COLUMNS.map(({ indexed }, i) =>
      indexed ? `CREATE INDEX IF NOT EXISTS ${kind}_c${i} ON ${kind}_rows (c${i}, time) WHERE c${i} IS NOT NULL;` : '',
    ).join('\n')}
    CREATE TABLE IF NOT EXISTS ${kind}_blocks (first INTEGER PRIMARY KEY, count INTEGER NOT NULL,
      min_time INTEGER NOT NULL, max_time INTEGER NOT NULL, codes BLOB NOT NULL, grams BLOB);
    CREATE TABLE IF NOT EXISTS ${kind}_data (first INTEGER PRIMARY KEY, data BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS ${kind}_rollups (rollup INTEGER, minute INTEGER, a INTEGER, b INTEGER, c INTEGER,
      count INTEGER NOT NULL, PRIMARY KEY (rollup, minute, a, b, c)) WITHOUT ROWID;`,
  )
  return `
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS dictionary (code INTEGER PRIMARY KEY, field INTEGER NOT NULL, form INTEGER NOT NULL, value TEXT NOT NULL);
    CREATE UNIQUE INDEX IF NOT EXISTS dictionary_value ON dictionary (field, form, value);
    CREATE VIRTUAL TABLE IF NOT EXISTS trigrams USING fts5(value, content = '', detail = none, tokenize = 'trigram');
    ${perKind.join('\n')}`
}

/** The tokenizer stops at a NUL character; both sides of a search replace it alike. */
export function trigramText(value: string): string {
  return value.includes('\0') ? value.replaceAll('\0', '\u0001') : value
}
