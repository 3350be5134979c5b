/** Notices what waits in the queue for too long: consumers cannot tell when there are none, or when they are too slow. */
import type { Component } from '../model/component.ts'
import type { Queue, Topic } from '../model/queue.ts'
import { createBackground } from '../runtime/background.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Metrics } from '../runtime/metrics.ts'
import type { ConditionName, Conditions } from './conditions.ts'

export interface QueueWatchOptions {
  queue: Queue
  topics: readonly Topic[]
  conditions: Conditions
  /** What it is when something waits. */
  condition: ConditionName
  metrics: Metrics
  logger: Logger
  /** Default 5 s. */
  everyMs?: number
  /** What waits longer is told of. Default 60 s. */
  maxWaitMs?: number
}

export class QueueWatch implements Component {
  private readonly options: QueueWatchOptions
  private timer: NodeJS.Timeout | undefined

  constructor(options: QueueWatchOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    const inBackground = createBackground(this.options)
    this.timer = setInterval(() => inBackground('watch-queue', () => this.look()), this.options.everyMs ?? 5_000)
    this.timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
  }

  private async look(): Promise<void> {
    const { queue, topics, conditions, condition, maxWaitMs = 60_000 } = this.options
    for (const topic of topics) {
      // A queue that does not answer is a condition of its own.
      const depth = await queue.depth(topic).catch(() => null)
      if (depth === null) continue
      const { items, oldestMs } = depth
      const isLate = items > 0 && oldestMs > maxWaitMs
      const why = `${items} wait in topic ${topic}, the first for ${Math.round(oldestMs / 1_000)} s`
      conditions.set(condition, isLate ? why : null, topic)
    }
  }
}
