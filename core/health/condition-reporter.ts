/**
 * Tells of conditions: one health event when one begins and one when it ends, and a document with all that hold, which
 * `doctor` and the API read. What the queue does not take now is told when it does, with the time at which it happened.
 */
import { randomBytes } from 'node:crypto'
import type { Component } from '../model/component.ts'
import type { Documents } from '../model/documents.ts'
import { AppError } from '../model/errors.ts'
import { createBackground } from '../runtime/background.ts'
import { doneOrLate } from '../runtime/deadline.ts'
import type { Logger } from '../runtime/logging.ts'
import type { Metrics } from '../runtime/metrics.ts'
import { type Change, CONDITIONS, type ConditionSpec, type Conditions } from './conditions.ts'
import type { HealthEvent } from './health-event.ts'
import { publishConditions, removeStaleConditions, withdrawConditions } from './published-conditions.ts'

export interface ConditionReporterOptions {
  conditions: Conditions
  /** The process or thread that finds them, as in `ingest@web-1`. */
  part: string
  /** False: it was not taken, and comes again. */
  emit: (event: HealthEvent) => Promise<boolean>
  /** Where the conditions that hold are published; without it they are told of as events alone. */
  documents?: Documents
  metrics: Metrics
  logger: Logger
  nowMs?: () => number
  /** Default 1 s. */
  everyMs?: number
}

/** So often at least, so that readers can tell what holds from what a process left behind that was killed. */
const PUBLISH_MS = 5_000

export class ConditionReporter implements Component {
  private readonly options: ConditionReporterOptions
  private timer: NodeJS.Timeout | undefined
  private working: Promise<void> = Promise.resolve()
  private isWorking = false
  private published = { text: '[]', atMs: 0 }
  private readonly key: string

  constructor(options: ConditionReporterOptions) {
    this.options = options
    // Several of a kind may run on one machine.
    this.key = `${options.part}/${randomBytes(6).toString('hex')}`
  }

  async start(): Promise<void> {
    const { documents, nowMs = Date.now } = this.options
    const inBackground = createBackground(this.options)
    if (documents !== undefined) inBackground('report-conditions', () => removeStaleConditions(documents, nowMs()))
    this.timer = setInterval(() => {
      if (!this.isWorking) inBackground('report-conditions', () => this.work())
    }, this.options.everyMs ?? 1_000)
    this.timer.unref()
  }

  /** What was not told by now goes with the process; its conditions do as well. */
  async stop(deadlineMs: number): Promise<void> {
    if (this.timer === undefined) return
    clearInterval(this.timer)
    this.timer = undefined
    const { documents } = this.options
    const last = this.working
      .then(() => (documents === undefined ? undefined : withdrawConditions(documents, this.key)))
      .catch(() => {})
    await doneOrLate(deadlineMs, last)
  }

  private work(): Promise<void> {
    this.isWorking = true
    this.working = this.report().finally(() => {
      this.isWorking = false
    })
    return this.working
  }

  private async report(): Promise<void> {
    const { conditions, emit } = this.options
    for (const change of conditions.untold()) {
      const spec: ConditionSpec = CONDITIONS[change.condition.name]
      if (spec.hasOwnEvents !== true && !(await emit(this.eventOf(change)))) break
      const { name, subject, message } = change.condition
      this.options.logger.warn({ condition: name, subject, reason: message }, `A condition ${change.state}`)
      conditions.told(change)
    }
    await this.publish()
  }

  private async publish(): Promise<void> {
    const { conditions, documents, part, nowMs = Date.now } = this.options
    if (documents === undefined) return
    const current = conditions.current()
    const text = JSON.stringify(current)
    const age = nowMs() - this.published.atMs
    const isDue = text !== this.published.text || (current.length > 0 && (age >= PUBLISH_MS || age < 0))
    if (!isDue) return
    try {
      await publishConditions(documents, this.key, part, current, nowMs())
    } catch (error) {
      // Where they are kept is away, which is a condition of its own: later.
      if (error instanceof AppError && error.retryable) return
      throw error
    }
    this.published = { text, atMs: nowMs() }
  }

  private eventOf({ condition, state, atMs }: Change): HealthEvent {
    const { name, subject, message, sinceMs } = condition
    const { means } = CONDITIONS[name]
    const about = subject === '' ? '' : ` (${subject})`
    const seconds = Math.max(0, Math.round((atMs - sinceMs) / 1_000))
    return {
      kind: `${name}.${state}`,
      message: state === 'began' ? `${means}${about}: ${message}` : `Over after ${seconds} s: ${means}${about}`,
      count: 1,
      attributes: { condition: name, part: this.options.part, ...(subject === '' ? {} : { subject }) },
      atNs: BigInt(Math.round(atMs)) * 1_000_000n,
    }
  }
}
