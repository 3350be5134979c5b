/**
 * From the text of a rules file to a flat sequence of items, each a map of keys to scalars, sequences and maps with
 * their places. Everything a scalar says stays text; what it means is for the reader of the item. Never throws.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Node as YamlNode,
} from 'yaml'
import type { Problem } from '../model/problem.ts'
import { type RuleFile, Scalar } from './rule-file.ts'

/** UTF-16 units in one file. */
export const MAX_FILE_LENGTH = 4 * 1024 * 1024
/** Values in one file, those repeated by aliases counted each time. */
export const MAX_VALUES = 500_000
/** Of them, those that aliases repeat: a few lines can stand for as many as there are atoms. */
export const MAX_REPEATED_VALUES = 50_000
const MAX_DEPTH = 12

export type Item =
  | { kind: 'scalar'; scalar: Scalar; isNull: boolean }
  | { kind: 'sequence'; items: Item[]; at: Scalar }
  | { kind: 'map'; entries: Map<string, Entry>; at: Scalar }

export interface Entry {
  key: Scalar
  value: Item
}

export interface ItemMap {
  kind: 'map'
  entries: Map<string, Entry>
  at: Scalar
}

export function readItems(file: RuleFile): { items: ItemMap[]; problems: Problem[] } {
  if (file.text.length > MAX_FILE_LENGTH) {
    return { items: [], problems: [shapeProblem(file, 0, `a rules file has at most ${MAX_FILE_LENGTH} characters`)] }
  }
  let documents: Document.Parsed[]
  try {
    const parsed = parseAllDocuments(file.text, {
      schema: 'failsafe',
      uniqueKeys: false,
      stringKeys: true,
      logLevel: 'silent',
      lineCounter: new LineCounter(),
    })
    documents = Array.isArray(parsed) ? parsed : []
  } catch (error) {
    // The library recurses over nested flow collections: a hostile file ends in a RangeError, not in a crash.
    const what = error instanceof RangeError ? 'nested too deep' : String(error)
    return { items: [], problems: [yamlProblem(file, 0, what)] }
  }
  const walk = new Walk(file)
  const items: ItemMap[] = []
  for (const document of documents) {
    const [mistake] = document.errors
    if (mistake !== undefined) {
      const isTooDeep = mistake.message.includes('call stack')
      const what = isTooDeep ? 'nested too deep' : (mistake.message.split('\n')[0] ?? 'not YAML')
      walk.problems.push(yamlProblem(file, mistake.pos[0], what))
      break
    }
    items.push(...walk.document(document))
  }
  return { items, problems: walk.problems }
}

class Walk {
  readonly problems: Problem[] = []
  private readonly file: RuleFile
  private values = 0
  private aliases = 0
  private repeated = 0

  constructor(file: RuleFile) {
    this.file = file
  }

  document(document: Document.Parsed): ItemMap[] {
    const { contents } = document
    if (contents === null || (isScalar(contents) && isEmpty(contents))) return []
    if (isScalar(contents)) {
      this.problems.push(
        shapeProblem(this.file, offset(contents), 'a rules file is a list of items, and this is plain text'),
      )
      return []
    }
    if (!isSeq(contents)) {
      this.problems.push(
        shapeProblem(this.file, offset(contents), 'a rules file is a list of items (- rule: …), and this is a map'),
      )
      return []
    }
    const items: ItemMap[] = []
    for (const node of contents.items as YamlNode[]) {
      const item = this.item(node, document, 0)
      if (item === null) break
      if (item.kind === 'map') items.push(item)
      else if (item.kind !== 'scalar' || !item.isNull) {
        this.problems.push(
          shapeProblem(this.file, offset(node), 'every item is a map that begins with rule, macro or list'),
        )
      }
    }
    return items
  }

  /** Null ends the reading: too much was in the file. */
  private item(node: YamlNode | null, document: Document.Parsed, depth: number): Item | null {
    const tooMuch = this.tooMuch(depth)
    if (tooMuch !== null) {
      this.problems.push(shapeProblem(this.file, node === null ? 0 : offset(node), tooMuch))
      return null
    }
    if (node === null) return { kind: 'scalar', scalar: new Scalar(this.file, '', 0, 0), isNull: true }
    if (isAlias(node)) {
      const target = node.resolve(document)
      if (target !== undefined) {
        this.aliases += 1
        const item = this.item(target as YamlNode, document, depth + 1)
        this.aliases -= 1
        return item
      }
      this.problems.push(yamlProblem(this.file, offset(node), `nothing is called *${node.source}`))
      return null
    }
    const [start, end] = node.range ?? [0, 0]
    const at = new Scalar(this.file, '', start, end)
    if (isSeq(node)) {
      const items: Item[] = []
      for (const child of node.items as (YamlNode | null)[]) {
        const item = this.item(child, document, depth + 1)
        if (item === null) return null
        items.push(item)
      }
      return { kind: 'sequence', items, at }
    }
    if (isMap(node)) return this.map(node.items, document, depth, at)
    const text = isScalar(node) ? String(node.value ?? '') : ''
    return { kind: 'scalar', scalar: new Scalar(this.file, text, start, end), isNull: isScalar(node) && isEmpty(node) }
  }

  private tooMuch(depth: number): string | null {
    if (depth > MAX_DEPTH) return 'nested too deep'
    if (++this.values > MAX_VALUES) return `more than ${MAX_VALUES} values`
    if (this.aliases > 0 && ++this.repeated > MAX_REPEATED_VALUES)
      return `more than ${MAX_REPEATED_VALUES} values repeated by aliases`
    return null
  }

  private map(
    pairs: readonly { key: unknown; value: unknown }[],
    document: Document.Parsed,
    depth: number,
    at: Scalar,
  ): Item | null {
    const entries = new Map<string, Entry>()
    for (const pair of pairs) {
      if (!isScalar(pair.key)) continue
      const [start, end] = pair.key.range ?? [0, 0]
      const key = new Scalar(this.file, String(pair.key.value), start, end)
      const value = this.item(pair.value as YamlNode | null, document, depth + 1)
      if (value === null) return null
      if (entries.has(key.text)) {
        this.problems.push(
          this.file.problem(start, {
            code: 'W_RULE_KEY_REPEATED',
            falcoCode: 'LOAD_UNKNOWN_KEY',
            severity: 'warning',
            message: `key "${key.text}" stands here twice; the first counts`,
          }),
        )
      } else entries.set(key.text, { key, value })
    }
    return { kind: 'map', entries, at }
  }
}

/** An item as plain data, scalars as text; keys go into maps, never into object properties. */
export type Plain = string | null | Plain[] | Map<string, Plain>

export function plainValue(item: Item): Plain {
  if (item.kind === 'scalar') return item.isNull ? null : item.scalar.text
  if (item.kind === 'sequence') return item.items.map(plainValue)
  return new Map([...item.entries].map(([key, entry]) => [key, plainValue(entry.value)]))
}

function isEmpty(node: { value: unknown; type?: unknown }): boolean {
  const plain = node.type === undefined || node.type === 'PLAIN'
  return plain && (node.value === null || node.value === '' || node.value === '~' || node.value === 'null')
}

function offset(node: YamlNode): number {
  return node.range?.[0] ?? 0
}

function yamlProblem(file: RuleFile, at: number, message: string): Problem {
  return file.problem(at, { code: 'E_RULE_YAML', falcoCode: 'LOAD_ERR_YAML_PARSE', severity: 'error', message })
}

function shapeProblem(file: RuleFile, at: number, message: string): Problem {
  return file.problem(at, { code: 'E_RULE_SHAPE', falcoCode: 'LOAD_ERR_YAML_VALIDATE', severity: 'error', message })
}
