/** The documents of an item of the topic `index`, made one by one, and whose they are. */
import { openBatch, readHeader } from '../core/batch/seal.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import { docsOf } from '../core/model/index-item.ts'
import type { Item } from '../core/model/queue.ts'
import type { Doc } from '../core/model/search-store.ts'
import { documentsOf } from './event-documents.ts'

/** Of an item that holds documents or one batch. Throws where they cannot be made. */
export function* documentsIn(item: Item): Iterable<Doc> {
  const docs = docsOf(item)
  if (docs !== null) {
    yield* docs
    return
  }
  const { header, batch } = openBatch(item.payload)
  yield* documentsOf(header, batch, envelopeOf(item))
}

/** Tells what went wrong before it is thrown, so that it is not taken for a failure of the store. */
export function* documentsOr(item: Item, tell: (error: unknown) => void): Iterable<Doc> {
  const documents = documentsIn(item)[Symbol.iterator]()
  for (;;) {
    let next: IteratorResult<Doc>
    try {
      next = documents.next()
    } catch (error) {
      tell(error)
      throw error
    }
    if (next.done === true) return
    yield next.value
  }
}

export function envelopeOf({ envelope }: Item): Envelope {
  return envelope ?? { receivedMs: Date.now(), ruleset: '', parts: {} }
}

/** Of the batch in it; undefined where it holds none, or none that can be read. */
export function headerOf({ header, payload }: Item): BatchHeader | undefined {
  if (header !== undefined) return header
  try {
    return readHeader(payload)
  } catch {
    return undefined
  }
}
