/** What can never be written, as dead letters: as little as possible of what it came with, each with its reason. */
import { type Batch, eventRows } from '../core/batch/batch.ts'
import { isolate } from '../core/batch/isolate.ts'
import { openBatch, sealBatch } from '../core/batch/seal.ts'
import type { BatchHeader } from '../core/model/batch.ts'
import { deadItem } from '../core/model/dead-item.ts'
import type { AppError } from '../core/model/errors.ts'
import { docItem, docsOf } from '../core/model/index-item.ts'
import type { Item } from '../core/model/queue.ts'
import type { Doc, Refused } from '../core/model/search-store.ts'
import { documentsOf } from './event-documents.ts'
import { documentsIn, envelopeOf, headerOf } from './item-documents.ts'

/** What can be written of some items, and the rest as dead letters. Trying again would not make it readable. */
export function withoutUnreadable(items: readonly Item[], attempts: number): [readable: Item[], dead: Item[]] {
  const readable: Item[] = []
  const dead: Item[] = []
  for (const item of items) {
    try {
      for (const _ of documentsIn(item));
      readable.push(item)
    } catch (error) {
      const { good, bad } = unreadableEvents(item) ?? { good: null, bad: [{ item, error }] }
      if (good !== null) readable.push(good)
      for (const one of bad) dead.push(deadOf(one.item, one.error, attempts))
    }
  }
  return [readable, dead]
}

/** The item itself as a dead letter; it counts against the host that it is of. */
export function deadOf(item: Item, error: unknown, attempts: number): Item {
  const { code, name, message } = error as Partial<AppError>
  const reason = { topic: 'index' as const, code: code ?? name ?? 'Error', message: String(message), attempts }
  return deadItem({ ...item, ...ownedBy(headerOf(item)) }, reason)
}

/**
 * Only the refused document, whatever it came with; its id differs with each try, as its origin's does. It counts
 * against the host of `header`, or the one that the document names.
 */
export function refusedDoc(
  doc: Doc,
  origin: Item,
  header: BatchHeader | undefined,
  { reason }: Refused,
  attempts: number,
): Item {
  const item = docItem(doc)
  const id = docsOf(origin)?.length === 1 ? origin.id : `${origin.id}/${item.id}`
  const own = ownedBy(header === undefined ? headerFrom(doc) : { ...header, rows: 1 })
  return deadItem({ ...item, ...own, id }, { topic: 'index', code: 'E_STORE_REFUSED', message: reason, attempts })
}

function ownedBy(header: BatchHeader | undefined): Pick<Item, 'header'> {
  return header === undefined ? {} : { header }
}

/** Documents that come as such have no batch any more: those of detections name their collector. */
function headerFrom({ body }: Doc): BatchHeader | undefined {
  const collector = (body.seamark as { collector?: unknown } | undefined)?.collector
  if (typeof collector !== 'string' || collector === '') return undefined
  const nothing = { epoch: '', sequence: 0, lowMs: {}, dropped: {}, plan: '', edgeRuleset: '' }
  return { ...nothing, collector, class: 'evidence', rows: 1 }
}

/** Null where the item holds no batch that opens, so that no event of it is to blame. */
function unreadableEvents(item: Item): { good: Item | null; bad: { item: Item; error: unknown }[] } | null {
  let opened: { header: BatchHeader; batch: Batch }
  try {
    opened = openBatch(item.payload)
  } catch {
    return null
  }
  const { header, batch } = opened
  const envelope = envelopeOf(item)
  const { good, bad } = isolate(batch, (part) => {
    for (const _ of documentsOf(header, part, envelope));
  })
  // All of it: it stays as it came.
  if (good === null && bad.length === 1) return { good, bad: [{ item, error: bad[0]!.error }] }
  // Ordinals are kept, and so are the ids of events.
  const part = (some: Batch, id: string): Item => {
    const own = { ...header, rows: eventRows(some) }
    return { ...item, id, header: own, payload: sealBatch(own, some).bytes }
  }
  return {
    good: good === null ? null : part(good, item.id),
    bad: bad.map(({ batch: some, error }, i) => ({ item: part(some, `${item.id}.${i}`), error })),
  }
}
