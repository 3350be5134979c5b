/** What travels on the `index` topic: sealed batches as they are, and documents as JSON, one or several in an item. */
import { createHash } from 'node:crypto'
import type { Envelope } from './batch.ts'
import { BATCH_CLASSES } from './event.ts'
import type { Item } from './queue.ts'
import type { Doc } from './search-store.ts'

/** Of one item; a single larger document is an item of its own. */
const MAX_DOCS = 128
const MAX_CHARS = 512 * 1024

/** Of sealed batches that share an item; a larger one is an item of its own. */
const MAX_BATCHES = 64
const MAX_BATCHES_BYTES = 1024 * 1024
const MAX_SHARING_BYTES = 64 * 1024

/** `SMBS`; a sealed batch begins with `SMB1`. */
const BATCHES_MAGIC = 0x53424d53
const BATCHES_HEAD_BYTES = 8
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

/** How a batch is told in the head of an item that it shares. */
interface SharingBatch {
  id: string
  envelope: Envelope | null
  bytes: number
}

/**
 * Sealed batches of one delivery in as few items as hold them, each with the stamps of its envelope: what an item costs is
 * many times what a small batch does. Batches of different classes never share one, so that the lower is evicted first.
 */
export function batchItems(batches: readonly Item[]): Item[] {
  const items: Item[] = []
  for (const cls of BATCH_CLASSES) {
    let sharing: Item[] = []
    let bytes = 0
    const close = () => {
      if (sharing.length > 0) items.push(sharing.length === 1 ? sharing[0]! : sharedItem(sharing))
      sharing = []
      bytes = 0
    }
    for (const batch of batches) {
      const { length } = batch.payload
      if (batch.class !== cls) continue
      if (length > MAX_SHARING_BYTES) {
        items.push(batch)
        continue
      }
      if (sharing.length === MAX_BATCHES || bytes + length > MAX_BATCHES_BYTES) close()
      sharing.push(batch)
      bytes += length
    }
    close()
  }
  return items
}

function sharedItem(batches: readonly Item[]): Item {
  const told = batches.map(({ id, envelope, payload }): SharingBatch => {
    return { id, envelope: envelope ?? null, bytes: payload.length }
  })
  const text = Buffer.from(JSON.stringify(told))
  const head = Buffer.allocUnsafe(BATCHES_HEAD_BYTES)
  head.writeUInt32LE(BATCHES_MAGIC, 0)
  head.writeUInt32LE(text.length, 4)
  return {
    id: `batches:${digest(batches.map(({ id }) => id))}`,
    class: batches[0]!.class,
    ...sharedHeader(batches),
    payload: Buffer.concat([head, text, ...batches.map(({ payload }) => payload)]),
  }
}

/** Of no host: what stays of the item when it is evicted says how many rows went with it. */
function sharedHeader(batches: readonly Item[]): Pick<Item, 'header'> {
  const [first] = batches
  if (first?.header === undefined) return {}
  const rows = batches.reduce((sum, { header }) => sum + (header?.rows ?? 0), 0)
  return { header: { ...first.header, collector: '', lowMs: {}, dropped: {}, rows } }
}

/** The batches that share an item, each as an item of its own; the item itself where it holds anything else. */
export function batchesOf(item: Item): Item[] {
  const { payload } = item
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (bytes.length < BATCHES_HEAD_BYTES || bytes.readUInt32LE(0) !== BATCHES_MAGIC) return [item]
  let at = BATCHES_HEAD_BYTES + bytes.readUInt32LE(4)
  const told = JSON.parse(bytes.toString('utf8', BATCHES_HEAD_BYTES, at)) as SharingBatch[]
  return told.map(({ id, envelope, bytes: length }) => {
    const own = bytes.subarray(at, at + length)
    at += length
    return { id, class: item.class, payload: own, ...(envelope === null ? {} : { envelope }) }
  })
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
