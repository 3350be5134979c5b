/**
 * What was given up, kept where it can be listed, shown and offered again: the topic `dead` is moved to documents, the
 * oldest of which go when there are too many.
 */
import type { Conditions } from '../core/health/conditions.ts'
import type { Envelope } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import { deadItem } from '../core/model/dead-item.ts'
import type { Documents } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import { ACTIVE_RULES, type ActiveRules, RULES_SPACE } from '../core/model/published-rules.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { batchesApart } from './batches-apart.ts'
import { type LetterBounds, LetterStore, payloadOf } from './letter-store.ts'

export interface DeadLettersOptions {
  queue: Queue
  documents: Documents
  conditions: Conditions
  metrics: Metrics
  logger: Logger
  /** How often it looks whether all were dealt with. Default 5 s. */
  everyMs?: number
  /** As in LetterStoreOptions. */
  bounds?: LetterBounds
}

/** So long a loss is told of. */
const DROPPED_MS = 600_000

export class DeadLetters implements Component {
  private readonly options: DeadLettersOptions
  private readonly store: LetterStore
  private consumer: Component | null = null
  private timer: NodeJS.Timeout | undefined

  constructor(options: DeadLettersOptions) {
    this.options = options
    const { documents, bounds } = options
    this.store = new LetterStore({ documents, ...(bounds === undefined ? {} : { all: bounds }) })
  }

  async start(): Promise<void> {
    this.consumer = this.options.queue.consume('dead', (delivery) => this.keep(delivery), { maxItems: 16 })
    await this.consumer.start()
    const inBackground = createBackground(this.options)
    this.timer = setInterval(
      () => inBackground('look-at-dead-letters', () => this.look()),
      this.options.everyMs ?? 5_000,
    )
    this.timer.unref()
  }

  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.timer)
    await this.consumer?.stop(deadlineMs)
  }

  private async keep({ items }: Delivery): Promise<void> {
    const { metrics } = this.options
    for (const item of items.flatMap(apart)) {
      if (item.failure === undefined) continue
      const outcome = await this.store.keep(item, item.failure)
      if (outcome === 'kept') metrics.add('seamark_dead_letters_total', 1, { topic: item.failure.topic.split('/')[0]! })
      if (outcome === 'refused') this.dropped(1, 'share', `${item.header?.collector} has as many as one host may have`)
    }
    const trimmed = await this.store.trim()
    if (trimmed > 0) this.dropped(trimmed, 'oldest', `the oldest ${trimmed} made room for others`)
    metrics.set('seamark_dead_letters', (await this.store.usage()).letters)
  }

  private dropped(count: number, reason: 'share' | 'oldest', why: string): void {
    const { metrics, conditions } = this.options
    metrics.add('seamark_dead_letters_dropped_total', count, { reason })
    conditions.set('deadletters.dropped', why, '', DROPPED_MS)
  }

  /** Other processes put letters there and take them away. */
  private async look(): Promise<void> {
    const { metrics, conditions } = this.options
    const found = await Promise.all([this.store.usage(), this.store.oldest()]).catch((error: unknown) => {
      // Where they are kept is away, which is a condition of its own: later.
      if (error instanceof AppError && error.retryable) return null
      throw error
    })
    if (found === null) return
    const [{ letters }, oldest] = found
    metrics.set('seamark_dead_letters', letters)
    const { topic, code, message } = oldest?.letter.failure ?? {}
    conditions.set(
      'deadletters.held',
      oldest === undefined ? null : `the oldest, of topic ${topic}: ${code}: ${message}`,
    )
  }
}

/** A queue gives up whole items: of one that batches share, each is a letter of its own and of its host. */
function apart(item: Item): Item[] {
  const { failure } = item
  const batches = failure?.topic === 'index' ? batchesApart(item) : [item]
  if (batches.length < 2 || failure === undefined) return [item]
  return batches.map((batch) => deadItem(batch, failure, failure.atMs))
}

/**
 * Offers a dead letter to the topic it came from and forgets it. Its id there is a new one: the queue still remembers
 * the old one as done, and what follows from the payload has ids of its own. Batches that share it are offered apart, so
 * that none is given up again for another. A batch is judged by the rules that are
 * active now: those it was stamped with may be what failed. Throws AppError for a payload that was not kept
 * (E_QUEUE_STORAGE) or a full topic (E_QUEUE_FULL).
 */
export async function replayLetter(queue: Queue, documents: Documents, key: string): Promise<boolean> {
  const store = new LetterStore({ documents })
  const found = await store.get(key)
  if (found === null) return false
  const { failure, payload: _, leftOutBytes: __, ...item } = found.letter
  const payload = payloadOf(key, found.letter)
  const id = `${item.id.slice(failure.topic.length + 1)}#${found.version}`
  const envelope = failure.topic === 'batches' ? await restamped(documents, item.envelope) : item.envelope
  const offered: Item = { ...item, id, payload }
  if (envelope !== undefined) offered.envelope = envelope
  const items = failure.topic === 'index' ? batchesApart(offered) : [offered]
  // Their ids are those of batches that the queue may remember as done.
  const again = items.length < 2 ? items : items.map((batch) => ({ ...batch, id: `${batch.id}#${found.version}` }))
  const outcome = await queue.offer(failure.topic, again)
  if (outcome === 'full') throw new AppError('E_QUEUE_FULL', `The topic ${failure.topic} is full`, { retryable: true })
  await store.remove(key)
  return true
}

/** Nothing of it was judged before, so no detection can come twice under two versions. */
async function restamped(documents: Documents, envelope: Envelope | undefined): Promise<Envelope | undefined> {
  const active = (await documents.get(RULES_SPACE, ACTIVE_RULES))?.value as ActiveRules | undefined
  return envelope === undefined || active === undefined ? envelope : { ...envelope, ruleset: active.version }
}
