/** What was given up, as an item of the topic `dead`. */
import type { Failure, Item } from './queue.ts'

/** `atMs` is now unless given. The id says where it came from, so that giving it up twice is giving it up once. */
export function deadItem(item: Item, failure: Omit<Failure, 'atMs'>, atMs: number = Date.now()): Item {
  return { ...item, id: `${failure.topic}/${item.id}`, failure: { ...failure, atMs } }
}
