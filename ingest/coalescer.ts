/**
 * Many hosts send small batches often; the queue likes few large offers. What comes within a few milliseconds, or while
 * an offer is under way, is offered together and becomes one job, in which every batch keeps its own id, class and
 * envelope.
 */
import type { Item, Queue } from '../core/model/queue.ts'

export interface CoalescerOptions {
  queue: Queue
  /** How long the first of a group waits for others. */
  lingerMs: number
  maxItems: number
  maxBytes: number
  /** Told of each offer: how many batches it held. */
  onOffer?: (batches: number) => void
}

interface Posting {
  items: readonly Item[]
  resolve(outcome: 'stored' | 'full'): void
  reject(error: unknown): void
}

export class Coalescer {
  private readonly options: CoalescerOptions
  private group: Posting[] = []
  private items = 0
  private bytes = 0
  private timer: NodeJS.Timeout | undefined
  private underWay = 0

  constructor(options: CoalescerOptions) {
    this.options = options
  }

  /** Resolves when the items are durable, or with `full` when none of them is. Rejects as `Queue.offer` does. */
  offer(items: readonly Item[]): Promise<'stored' | 'full'> {
    return new Promise((resolve, reject) => {
      this.group.push({ items, resolve, reject })
      this.items += items.length
      this.bytes += items.reduce((sum, { payload }) => sum + payload.length, 0)
      if (this.items >= this.options.maxItems || this.bytes >= this.options.maxBytes) void this.flush()
      else if (this.underWay === 0) this.timer ??= setTimeout(() => void this.flush(), this.options.lingerMs)
    })
  }

  /** Never rejects: each posting hears of its own outcome. */
  private async flush(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    const group = this.group.splice(0)
    this.items = 0
    this.bytes = 0
    this.underWay += 1
    await this.store(group)
    this.underWay -= 1
    if (this.underWay === 0 && this.group.length > 0) void this.flush()
  }

  private async store(group: readonly Posting[]): Promise<void> {
    const items = group.flatMap((posting) => posting.items)
    try {
      if ((await this.offerTogether(items)) === 'stored') {
        for (const { resolve } of group) resolve('stored')
        return
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
      return
    }
    // No room for all of them: the more important ones may still find some by themselves.
    for (const { items: own, resolve, reject } of group) {
      await this.offerTogether(own).then(resolve, reject)
    }
  }

  private async offerTogether(items: readonly Item[]): Promise<'stored' | 'full'> {
    if (items.length === 0) return 'stored'
    const outcome = await this.options.queue.offer('batches', [...items])
    if (outcome === 'stored') this.options.onOffer?.(items.length)
    return outcome
  }
}
