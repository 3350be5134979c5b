/** Items as the scripts take them, and a claimed group as they give it. */
import { BATCH_CLASSES } from '../../../core/model/event.ts'
import type { Item } from '../../../core/model/queue.ts'

/** Where an item lies. */
export interface Place {
  group: string
  place: number
}

/** Id, class, head and payload, as the script that stores an offer takes them. */
export function asArguments({ payload, ...head }: Item): (string | number | Uint8Array)[] {
  return [head.id, classNumber(head), JSON.stringify(head), payload]
}

/** Group, place, class and id, as the scripts that finish or split take them. */
export function address({ group, place }: Place, item: Item): (string | number)[] {
  return [group, place, classNumber(item), item.id]
}

/** What is left of a group, in the order it was offered. An item that was evicted has an empty payload. */
export function itemsOf(group: string, fields: readonly Buffer[]): { at: Place; item: Item }[] {
  const heads: [place: number, head: Omit<Item, 'payload'>][] = []
  const payloads = new Map<number, Buffer>()
  for (let i = 0; i < fields.length; i += 2) {
    const [kind, ...numbers] = fields[i]!.toString('latin1').split(':')
    const place = Number(numbers.at(-1))
    if (kind === 'p') payloads.set(place, fields[i + 1]!)
    else heads.push([place, JSON.parse(fields[i + 1]!.toString('utf8')) as Omit<Item, 'payload'>])
  }
  heads.sort(([a], [b]) => a - b)
  return heads.map(([place, head]) => ({
    at: { group, place },
    item: { ...head, payload: payloads.get(place) ?? Buffer.alloc(0) },
  }))
}

function classNumber({ class: cls }: Pick<Item, 'class'>): number {
  return BATCH_CLASSES.indexOf(cls)
}
