/** A queue in memory for unit tests of stages: offers are remembered, deliveries are made when the test says so. */
import type { Component } from '../../core/model/component.ts'
import type { Checkpoint, Delivery, Depth, Item, Queue, Topic } from '../../core/model/queue.ts'

export class MemoryQueue implements Queue {
  readonly topics = new Map<Topic, Item[]>()
  readonly checkpoints = new Map<string, Checkpoint>()
  /** What the next offers answer; `stored` when empty. */
  readonly outcomes: ('stored' | 'full' | Error)[] = []
  private readonly handlers = new Map<Topic, (delivery: Delivery) => Promise<void>>()
  private readonly seen = new Set<string>()

  async offer(topic: Topic, items: readonly Item[], at: readonly Checkpoint[] = []): Promise<'stored' | 'full'> {
    const outcome = this.outcomes.shift() ?? 'stored'
    if (outcome instanceof Error) throw outcome
    if (outcome === 'full') return 'full'
    for (const item of items) {
      const key = `${topic}/${item.id}`
      if (this.seen.has(key)) continue
      this.seen.add(key)
      this.items(topic).push(item)
    }
    for (const checkpoint of at) this.checkpoints.set(checkpoint.source, checkpoint)
    return 'stored'
  }

  items(topic: Topic): Item[] {
    const items = this.topics.get(topic) ?? []
    this.topics.set(topic, items)
    return items
  }

  consume(topic: Topic, handle: (delivery: Delivery) => Promise<void>): Component {
    return {
      start: async () => void this.handlers.set(topic, handle),
      stop: async () => void this.handlers.delete(topic),
    }
  }

  /** Hands items to the consumer of a topic, as a delivery or a redelivery. */
  async deliver(topic: Topic, items: readonly Item[], attempt = 1): Promise<void> {
    await this.handlers.get(topic)!({ items, attempt })
  }

  async checkpoint(source: string): Promise<Checkpoint | null> {
    return this.checkpoints.get(source) ?? null
  }

  async depth(topic: Topic): Promise<Depth> {
    const items = this.items(topic)
    return { items: items.length, bytes: items.reduce((sum, item) => sum + item.payload.length, 0), oldestMs: 0 }
  }
}
