/**
 * Prints detections on standard output: readable lines, or Falco's. A person sees the first firing of an alert at once
 * and is told how often it came again, so that one noisy container does not scroll everything else away; Falco's lines
 * are for programs and have every firing.
 */
import type { Writable } from 'node:stream'
import { alertLine, repeatLine } from './alert-line.ts'
import type { Destination, Notification } from './destination.ts'
import { type FalcoFormat, falcoLine } from './falco-format.ts'

export interface TerminalDestinationOptions {
  out: Writable
  /** `line` is for people. */
  format: 'line' | FalcoFormat
  colours: boolean
  /** How often a person is told of repetitions of the same alert. Default 10 s. */
  repeatMs?: number
}

/** Alerts whose repetitions are counted; beyond them each firing is a line again. */
const MAX_ALERTS = 1_000

interface Shown {
  last: Notification
  /** Firings since the line. */
  repeats: number
  atMs: number
}

export class TerminalDestination implements Destination {
  readonly name = 'terminal'
  private readonly options: TerminalDestinationOptions
  private readonly shown = new Map<string, Shown>()
  private timer: NodeJS.Timeout | undefined

  constructor(options: TerminalDestinationOptions) {
    this.options = options
  }

  async start(): Promise<void> {
    if (this.options.format !== 'line') return
    const { repeatMs = 10_000 } = this.options
    this.timer = setInterval(() => this.tellRepeats(performance.now() - repeatMs), repeatMs / 2)
    this.timer.unref()
  }

  async send(notifications: readonly Notification[]): Promise<void> {
    const { format, colours } = this.options
    if (format !== 'line') return this.print(notifications.map(({ detection }) => falcoLine(detection, format)))
    const lines: string[] = []
    for (const notification of notifications) {
      const shown = this.shown.get(notification.alert.id)
      if (shown !== undefined) {
        shown.repeats += 1
        shown.last = notification
        continue
      }
      lines.push(alertLine(notification.detection, colours))
      this.shown.set(notification.alert.id, { last: notification, repeats: 0, atMs: performance.now() })
      const [oldest] = this.shown.keys()
      if (this.shown.size > MAX_ALERTS && oldest !== undefined) this.tell(oldest)
    }
    await this.print(lines)
  }

  async stop(): Promise<void> {
    clearInterval(this.timer)
    this.tellRepeats(Number.POSITIVE_INFINITY)
  }

  /** Of alerts whose last line is older than this. */
  private tellRepeats(beforeMs: number): void {
    for (const [id, { atMs }] of [...this.shown]) if (atMs < beforeMs) this.tell(id)
  }

  /** The next firing after this is a line again, should it have been quiet. */
  private tell(id: string): void {
    const shown = this.shown.get(id)
    this.shown.delete(id)
    if (shown === undefined || shown.repeats === 0) return
    this.options.out.write(`${repeatLine(shown.last.detection, shown.repeats, this.options.colours)}\n`)
    this.shown.set(id, { ...shown, repeats: 0, atMs: performance.now() })
  }

  private print(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.options.out.write(`${lines.join('\n')}\n`, (error) => (error ? reject(error) : resolve()))
    })
  }
}
