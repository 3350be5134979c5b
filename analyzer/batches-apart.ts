/** Takes apart what batches of several hosts share on the topic `index`, each with the header that says whose it is. */
import { readHeader } from '../core/batch/seal.ts'
import { batchesOf } from '../core/model/index-item.ts'
import type { Item } from '../core/model/queue.ts'

/** The item itself where it holds one thing only, or cannot be taken apart. */
export function batchesApart(item: Item): Item[] {
  let batches: Item[]
  try {
    batches = batchesOf(item)
  } catch {
    return [item]
  }
  return batches.length < 2 ? [item] : batches.map(withHeader)
}

function withHeader(batch: Item): Item {
  try {
    return { ...batch, header: readHeader(batch.payload) }
  } catch {
    return batch
  }
}
