/** Prints detections on standard output: readable lines, or Falco's JSON. */
import type { Writable } from 'node:stream'
import { alertLine } from './alert-line.ts'
import { falcoJson } from './falco-json.ts'
import type { Destination, Notification } from './outbox.ts'

export interface TerminalDestinationOptions {
  out: Writable
  format: 'line' | 'json'
  colours: boolean
}

export class TerminalDestination implements Destination {
  readonly name = 'terminal'
  private readonly options: TerminalDestinationOptions

  constructor(options: TerminalDestinationOptions) {
    this.options = options
  }

  async start(): Promise<void> {}

  async send(notifications: readonly Notification[]): Promise<void> {
    const { out, format, colours } = this.options
    const lines = notifications.map(({ detection }) =>
      format === 'json' ? falcoJson(detection) : alertLine(detection, colours),
    )
    await new Promise<void>((resolve, reject) => {
      out.write(`${lines.join('\n')}\n`, (error) => (error ? reject(error) : resolve()))
    })
  }

  async stop(): Promise<void> {}
}
