/** What travels on the `index` topic: sealed batches as they are, and documents as JSON. */
import type { Item } from './queue.ts'
import type { Doc } from './search-store.ts'

export function docItem(doc: Doc): Item {
  return {
    id: `${doc.kind}:${doc.id}:${doc.version ?? 0}`,
    class: 'evidence',
    payload: Buffer.from(JSON.stringify(doc)),
  }
}

/** The document in an item, or null when it holds a sealed batch. */
export function docOf(item: Item): Doc | null {
  // A sealed batch begins with its magic number, never with a brace.
  if (item.payload[0] !== 0x7b) return null
  return JSON.parse(Buffer.from(item.payload).toString('utf8')) as Doc
}
