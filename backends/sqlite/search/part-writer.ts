/**
 * Writes documents into one part file. A write is one transaction: rows, blocks, dictionary and counts, so that the
 * counts stay exact however often the same documents come.
 */
import type { Field, Fields, Leaf } from '../../../core/language/kql/fields.ts'
import type { Doc, DocKind } from '../../../core/model/search-store.ts'
import type { Prepared } from '../../../core/search/prepare-document.ts'
import type { Database } from '../database.ts'
import { decodeBlock, decodeCodes, encodeBlock, encodeCodes } from './block.ts'
import { createDictionary } from './dictionary.ts'
import { addGrams, GRAMS_BYTES, mergeGrams } from './grams.ts'
import { partMeta, ROLLUP_MS, ROLLUPS, ROW_COLUMNS } from './schema.ts'

export interface PartWriter {
  /** Documents of one kind that belong here, already checked, with their JSON. Returns how many were new. */
  write(kind: DocKind, docs: readonly Prepared[]): number
  /** Alerts that are older than this, in ms since the Unix epoch, go. Returns how many. */
  removeBefore(kind: DocKind, timeMs: number): number
  /** Removes the oldest until the file is at most this large, and gives the space back. */
  shrink(kind: DocKind, maxBytes: number): void
  close(): void
}

const BLOCK_DOCS = 256
const SHRINK_ROWS = 500
const BLOCK_CHARS = 8 * 1024 * 1024

interface OpenBlock {
  first: number
  texts: string[]
  chars: number
  codes: Set<number>
  /** Made when a first value needs it; not kept for alerts, each of which is a block by itself. */
  grams: Uint8Array | null
  minTime: number
  maxTime: number
}

/** What one document says about itself in codes; reused from document to document. */
interface Coded {
  /** Per row column; null where absent. */
  columns: (number | null)[]
  strings: Set<number>
}

interface RollupCount {
  minute: number
  a: number
  b: number
  c: number
  count: number
}

export function createPartWriter(database: Database, fields: Fields): PartWriter {
  const { prepare } = database
  const dictionary = createDictionary(database)
  const meta = loadMeta(database, fields)
  const codedField = fields.list.map(({ name }) => meta.coded[name])
  const isHashed = fields.list.map(({ name }) => meta.hashed.includes(name))
  const columnOf = fields.list.map(({ name, type }) =>
    type === 'keyword' && meta.columns.includes(name) ? ROW_COLUMNS.findIndex(({ field }) => field === name) : -1,
  )
  const rollupColumns = ROLLUPS.map((names) =>
    names.map((name) => ROW_COLUMNS.findIndex(({ field }) => field === name)),
  )

  /** Values of the fields that are not coded, while a document is visited. */
  const hashed: string[] = []
  /** Values of the row columns while a document is visited: the common single one, and lists where there are several. */
  const single: (string | undefined)[] = ROW_COLUMNS.map(() => undefined)
  const several: (string[] | undefined)[] = ROW_COLUMNS.map(() => undefined)

  function encode({ body }: Doc): Coded {
    const strings = new Set<number>()
    const columns = new Array<number | null>(ROW_COLUMNS.length).fill(null)
    single.fill(undefined)
    several.fill(undefined)
    hashed.length = 0
    fields.visit(body, (field: Field, leaf: Leaf) => {
      if (isHashed[field.index]) {
        hashed.push(String(leaf))
        return
      }
      const number = codedField[field.index]
      if (number === undefined) return
      const value = typeof leaf === 'string' ? leaf : String(leaf)
      const code = dictionary.code(number, value)
      strings.add(code)
      const column = columnOf[field.index]!
      if (column < 0) return
      if (single[column] === undefined) {
        single[column] = value
        columns[column] = code
      } else {
        several[column] ??= [single[column]]
        several[column].push(value)
      }
    })
    several.forEach((values, column) => {
      if (values === undefined) return
      columns[column] = dictionary.listCode(meta.coded[ROW_COLUMNS[column]!.field]!, values)
    })
    return { columns, strings }
  }

  const placeholders = ROW_COLUMNS.map(() => '?').join(', ')

  function insertRow(kind: DocKind, seq: number, doc: Doc, columns: readonly (number | null)[]): boolean {
    const insert = prepare(`INSERT OR IGNORE INTO ${kind}_rows VALUES (?, ?, ?, ?, ${placeholders})`)
    return insert.run(seq, doc.timeMs, doc.id, doc.version ?? null, ...columns).changes === 1
  }

  /** The highest version wins: false when what is stored is at least as new; else the old one is gone. */
  function supersede(kind: DocKind, doc: Doc): boolean {
    const old = prepare(`SELECT seq, version FROM ${kind}_rows WHERE id = ?`).get(doc.id)
    if (old === undefined) return true
    if ((old.version as number) >= (doc.version ?? 0)) return false
    remove(kind, old.seq as number)
    return true
  }

  function remove(kind: DocKind, seq: number): void {
    prepare(`DELETE FROM ${kind}_rows WHERE seq = ?`).run(seq)
    prepare(`DELETE FROM ${kind}_blocks WHERE first = ?`).run(seq)
    prepare(`DELETE FROM ${kind}_data WHERE first = ?`).run(seq)
  }

  function flush(kind: DocKind, block: OpenBlock): void {
    const { first, texts, minTime, maxTime, codes } = block
    const insert = prepare(`INSERT INTO ${kind}_blocks VALUES (?, ?, ?, ?, ?, ?)`)
    const grams = kind === 'alert' ? null : (block.grams ?? new Uint8Array(0))
    insert.run(first, texts.length, minTime, maxTime, encodeCodes(codes), grams)
    prepare(`INSERT INTO ${kind}_data VALUES (?, ?)`).run(first, encodeBlock(texts))
  }

  /** Small writes would leave small blocks: equals are merged, as in a binary counter. */
  function mergeLast(kind: DocKind, block: OpenBlock): OpenBlock {
    for (;;) {
      const last = prepare(`SELECT * FROM ${kind}_blocks ORDER BY first DESC LIMIT 1`).get()
      if (last === undefined) return block
      const count = last.count as number
      if (count > block.texts.length || count + block.texts.length > BLOCK_DOCS) return block
      const data = prepare(`SELECT data FROM ${kind}_data WHERE first = ?`).get(last.first as number)?.data
      const texts = decodeBlock(data as Uint8Array).texts()
      for (const code of decodeCodes(last.codes as Uint8Array)) block.codes.add(code)
      const grams = last.grams as Uint8Array
      if (grams.length > 0) mergeGrams(gramsOfBlock(block), grams)
      block = {
        first: last.first as number,
        texts: [...texts, ...block.texts],
        chars: block.chars,
        codes: block.codes,
        grams: block.grams,
        minTime: Math.min(block.minTime, last.min_time as number),
        maxTime: Math.max(block.maxTime, last.max_time as number),
      }
      prepare(`DELETE FROM ${kind}_blocks WHERE first = ?`).run(block.first)
      prepare(`DELETE FROM ${kind}_data WHERE first = ?`).run(block.first)
    }
  }

  function addRollups(kind: DocKind, counts: readonly ReadonlyMap<string | number, RollupCount>[]): void {
    const add = prepare(`INSERT INTO ${kind}_rollups VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET count = count + excluded.count`)
    counts.forEach((sums, rollup) => {
      for (const { minute, a, b, c, count } of sums.values()) add.run(rollup, minute, a, b, c, count)
    })
  }

  function countRollups(
    counts: readonly Map<string | number, RollupCount>[],
    timeMs: number,
    columns: readonly (number | null)[],
  ): void {
    const minute = Math.floor(timeMs / ROLLUP_MS)
    for (let rollup = 0; rollup < rollupColumns.length; rollup++) {
      const [first, second, third] = rollupColumns[rollup]!
      const a = columns[first!] ?? 0
      const b = second === undefined ? 0 : (columns[second] ?? 0)
      const c = third === undefined ? 0 : (columns[third] ?? 0)
      // Numbers make quicker keys than text; 2^53 holds the minutes of four centuries beside 2^25 codes.
      const isSmall = second === undefined && minute < 2 ** 28 && a < 2 ** 25
      const key = isSmall ? minute * 2 ** 25 + a : `${minute},${a},${b},${c}`
      const sum = counts[rollup]!.get(key)
      if (sum === undefined) counts[rollup]!.set(key, { minute, a, b, c, count: 1 })
      else sum.count += 1
    }
  }

  function writeAll(kind: DocKind, docs: readonly Prepared[]): number {
    const mutable = kind === 'alert'
    let seq = (prepare(`SELECT max(seq) AS seq FROM ${kind}_rows`).get()?.seq as number | null) ?? 0
    const counts = ROLLUPS.map(() => new Map<string | number, RollupCount>())
    let block: OpenBlock | undefined
    let written = 0
    let merged = mutable
    for (const { doc, json } of docs) {
      if (mutable && !supersede(kind, doc)) continue
      const { columns, strings } = encode(doc)
      if (!insertRow(kind, seq + 1, doc, columns)) continue
      seq += 1
      written += 1
      if (!mutable) countRollups(counts, doc.timeMs, columns)
      block ??= openBlock(seq, doc.timeMs)
      block.texts.push(json)
      block.chars += json.length
      for (const code of strings) block.codes.add(code)
      if (!mutable) for (const value of hashed) addGrams(gramsOfBlock(block), value)
      block.minTime = Math.min(block.minTime, doc.timeMs)
      block.maxTime = Math.max(block.maxTime, doc.timeMs)
      if (mutable || block.texts.length >= BLOCK_DOCS || block.chars >= BLOCK_CHARS) {
        flush(kind, merged ? block : mergeLast(kind, block))
        merged = true
        block = undefined
      }
    }
    if (block !== undefined) flush(kind, merged ? block : mergeLast(kind, block))
    addRollups(kind, counts)
    return written
  }

  function removeRows(kind: DocKind, rows: readonly Record<string, unknown>[]): number {
    return database.transaction(() => {
      for (const { seq } of rows) remove(kind, seq as number)
      return rows.length
    })
  }

  return {
    write(kind, docs) {
      try {
        return database.transaction(() => writeAll(kind, docs))
      } catch (error) {
        dictionary.reset()
        throw error
      }
    },
    removeBefore(kind, timeMs) {
      return removeRows(kind, prepare(`SELECT seq FROM ${kind}_rows WHERE time < ?`).all(timeMs))
    },
    shrink(kind, maxBytes) {
      while (bytes(database) > maxBytes) {
        const oldest = prepare(`SELECT seq FROM ${kind}_rows ORDER BY time LIMIT ${SHRINK_ROWS}`).all()
        if (removeRows(kind, oldest) === 0) break
        giveBack(database)
      }
    },
    close: database.close,
  }
}

function openBlock(first: number, timeMs: number): OpenBlock {
  return { first, texts: [], chars: 0, codes: new Set(), grams: null, minTime: timeMs, maxTime: timeMs }
}

function gramsOfBlock(block: OpenBlock): Uint8Array {
  const grams = block.grams ?? new Uint8Array(GRAMS_BYTES)
  block.grams = grams
  return grams
}

function bytes({ prepare }: Database): number {
  const { page_count: pages } = prepare('PRAGMA page_count').get() as { page_count: number }
  const { page_size: size } = prepare('PRAGMA page_size').get() as { page_size: number }
  return pages * size
}

function giveBack({ handle }: Database): void {
  handle.exec('PRAGMA incremental_vacuum')
  handle.exec('PRAGMA wal_checkpoint(TRUNCATE)')
}

/** A part keeps the fields it was made with: old rows know nothing of newer ones. */
function loadMeta(database: Database, fields: Fields) {
  const stored = database.prepare("SELECT value FROM meta WHERE name = 'fields'").get()?.value
  if (typeof stored === 'string') return JSON.parse(stored) as ReturnType<typeof partMeta>
  const meta = partMeta(fields)
  database.prepare("INSERT INTO meta VALUES ('fields', ?)").run(JSON.stringify(meta))
  return meta
}
