/** What travels on the `index` topic: sealed batches as they are, and documents as JSON, one or several in an item. */
import { createHash } from 'node:crypto'
import type { Item } from './queue.ts'
import type { Doc } from './search-store.ts'

/** Of one item; a single larger document is an item of its own. */
const MAX_DOCS = 128
const MAX_CHARS = 512 * 1024

const BRACE = 0x7b
const BRACKET = 0x5b

export function docItem(doc: Doc): Item {
  return { id: nameOf(doc), class: 'evidence', payload: Buffer.from(textOf(doc)) }
}

/** As few items as hold them; the same documents give the same items, with the same ids. */
export function docItems(docs: readonly Doc[]): Item[] {
  const items: Item[] = []
  let names: string[] = []
  let texts: string[] = []
  let chars = 0
  const close = () => {
    if (texts.length === 0) return
    const id = texts.length === 1 ? names[0]! : `documents:${digest(names)}`
    const payload = Buffer.from(texts.length === 1 ? texts[0]! : `[${texts.join(',')}]`)
    items.push({ id, class: 'evidence', payload })
    names = []
    texts = []
    chars = 0
  }
  for (const doc of docs) {
    const text = textOf(doc)
    if (texts.length === MAX_DOCS || chars + text.length > MAX_CHARS) close()
    names.push(nameOf(doc))
    texts.push(text)
    chars += text.length
  }
  close()
  return items
}

/** The documents in an item, or null when it holds a sealed batch. */
export function docsOf({ payload }: Item): Doc[] | null {
  // A sealed batch begins with its magic number, never with one of these.
  if (payload[0] !== BRACE && payload[0] !== BRACKET) return null
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
  const parsed = JSON.parse(text) as Doc | Doc[]
  return Array.isArray(parsed) ? parsed : [parsed]
}

function textOf({ kind, id, timeMs, day, part, version, body }: Doc): string {
  return JSON.stringify({ kind, id, timeMs, day, part, version, body })
}

function nameOf({ kind, id, version = 0 }: Doc): string {
  return `${kind}:${id}:${version}`
}

function digest(names: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 32)
}
