/**
 * What was given up, kept where it can be listed, shown and offered again: the topic `dead` is moved to documents, the
 * oldest of which go when there are too many.
 */
import { createHash } from 'node:crypto'
import type { Conditions } from '../core/health/conditions.ts'
import type { Envelope } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import type { Documents } from '../core/model/documents.ts'
import { AppError } from '../core/model/errors.ts'
import { ACTIVE_RULES, type ActiveRules, RULES_SPACE } from '../core/model/published-rules.ts'
import type { Delivery, Failure, Item, Queue } from '../core/model/queue.ts'
import { createBackground } from '../core/runtime/background.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'

export const DEAD_SPACE = 'dead'

/** A dead letter as it is kept; `payload` in base64. */
export interface DeadLetter extends Omit<Item, 'payload' | 'failure'> {
  failure: Failure
  payload: string
  /** Bytes of a payload that was too large to be kept. */
  leftOutBytes?: number
}

export interface DeadLettersOptions {
  queue: Queue
  documents: Documents
  conditions: Conditions
  metrics: Metrics
  logger: Logger
  /** How often it looks whether all were dealt with. Default 5 s. */
  everyMs?: number
  /** Default 10,000. */
  maxLetters?: number
}

const MAX_PAYLOAD_BYTES = 4 * 1024 * 1024
const TRIM_AT_ONCE = 100

export class DeadLetters implements Component {
  private readonly options: DeadLettersOptions
  private consumer: Component | null = null
  private timer: NodeJS.Timeout | undefined

  constructor(options: DeadLettersOptions) {
    this.options = options
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
    const { documents, metrics } = this.options
    for (const item of items) {
      if (item.failure === undefined) continue
      const letter = letterOf(item, item.failure)
      // Already there after a redelivery.
      if (await documents.put(DEAD_SPACE, keyOf(letter), letter, 0))
        metrics.add('seamark_dead_letters_total', 1, { topic: item.failure.topic.split('/')[0]! })
    }
    await this.trim()
  }

  /** Other processes put letters there and take them away. */
  private async look(): Promise<void> {
    const { documents, metrics, conditions } = this.options
    const looked = Promise.all([documents.count(DEAD_SPACE), documents.scan(DEAD_SPACE, '', 1)])
    const found = await looked.catch((error: unknown) => {
      // Where they are kept is away, which is a condition of its own: later.
      if (error instanceof AppError && error.retryable) return null
      throw error
    })
    if (found === null) return
    const [count, [oldest]] = found
    metrics.set('seamark_dead_letters', count)
    const { topic, code, message } = (oldest?.value as DeadLetter | undefined)?.failure ?? {}
    conditions.set(
      'deadletters.held',
      oldest === undefined ? null : `the oldest, of topic ${topic}: ${code}: ${message}`,
    )
  }

  private async trim(): Promise<void> {
    const { documents, metrics, maxLetters = 10_000 } = this.options
    let count = await documents.count(DEAD_SPACE)
    while (count > maxLetters) {
      const oldest = await documents.scan(DEAD_SPACE, '', Math.min(TRIM_AT_ONCE, count - maxLetters))
      for (const { key, version } of oldest) {
        if (await documents.remove(DEAD_SPACE, key, version)) metrics.add('seamark_dead_letters_dropped_total')
      }
      count = oldest.length === 0 ? 0 : await documents.count(DEAD_SPACE)
    }
    metrics.set('seamark_dead_letters', count)
  }
}

/** Oldest first when scanned. */
function keyOf({ id, failure }: DeadLetter): string {
  const digest = createHash('sha256').update(id).digest('hex').slice(0, 12)
  return `${String(failure.atMs).padStart(15, '0')}-${digest}`
}

function letterOf({ payload, failure: _, ...item }: Item, failure: Failure): DeadLetter {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength)
  if (bytes.length > MAX_PAYLOAD_BYTES) return { ...item, failure, payload: '', leftOutBytes: bytes.length }
  return { ...item, failure, payload: bytes.toString('base64') }
}

/**
 * Offers a dead letter to the topic it came from and forgets it. Its id there is a new one: the queue still remembers
 * the old one as done, and what follows from the payload has ids of its own. A batch is judged by the rules that are
 * active now: those it was stamped with may be what failed. Throws AppError for a payload that was not kept
 * (E_QUEUE_STORAGE) or a full topic (E_QUEUE_FULL).
 */
export async function replayLetter(queue: Queue, documents: Documents, key: string): Promise<boolean> {
  const found = await documents.get(DEAD_SPACE, key)
  if (found === null) return false
  const { failure, payload, leftOutBytes, ...item } = found.value as DeadLetter
  if (leftOutBytes !== undefined)
    throw new AppError('E_QUEUE_STORAGE', `${key} had ${leftOutBytes} bytes, more than is kept of a dead letter`)
  const id = `${item.id.slice(failure.topic.length + 1)}#${found.version}`
  const envelope = failure.topic === 'batches' ? await restamped(documents, item.envelope) : item.envelope
  const offered: Item = { ...item, id, payload: Buffer.from(payload, 'base64') }
  if (envelope !== undefined) offered.envelope = envelope
  const outcome = await queue.offer(failure.topic, [offered])
  if (outcome === 'full') throw new AppError('E_QUEUE_FULL', `The topic ${failure.topic} is full`, { retryable: true })
  await documents.remove(DEAD_SPACE, key, found.version)
  return true
}

/** Nothing of it was judged before, so no detection can come twice under two versions. */
async function restamped(documents: Documents, envelope: Envelope | undefined): Promise<Envelope | undefined> {
  const active = (await documents.get(RULES_SPACE, ACTIVE_RULES))?.value as ActiveRules | undefined
  return envelope === undefined || active === undefined ? envelope : { ...envelope, ruleset: active.version }
}
