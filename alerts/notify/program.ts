/**
 * Hands detections to a program on its standard input, a line each: started anew for every one, or kept running. The
 * command is the configuration's and goes to the shell; nothing of an event ever does.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { safeText } from '../../core/runtime/safe-text.ts'
import { type FalcoFormat, falcoLine } from './falco-format.ts'
import { OneByOne } from './one-by-one.ts'
import type { Destination, Notification } from './outbox.ts'

export interface ProgramDestinationConfig {
  /** For `sh -c`. */
  command: string
  /** One process for all, which reads line after line; what it took is delivered, whatever it does with it. */
  keepAlive: boolean
  format: FalcoFormat
}

type Program = ChildProcessByStdio<Writable, null, Readable>

/** Of what a program says on standard error, for the log. */
const MAX_SAID = 500

export class ProgramDestination implements Destination {
  readonly name = 'program'
  private readonly config: ProgramDestinationConfig
  private readonly oneByOne = new OneByOne()
  private kept: Program | null = null

  constructor(config: ProgramDestinationConfig) {
    this.config = config
  }

  /** A program that is missing may be there for the first alert. */
  async start(): Promise<void> {}

  async send(notifications: readonly Notification[], signal: AbortSignal): Promise<void> {
    await this.oneByOne.send(notifications, async ({ detection }) => {
      const line = `${falcoLine(detection, this.config.format)}\n`
      await (this.config.keepAlive ? this.write(line, signal) : this.runWith(line, signal))
    })
  }

  async stop(): Promise<void> {
    this.kept?.stdin.end()
    this.kept = null
  }

  /** Rejects unless it ends with 0. */
  private async runWith(line: string, signal: AbortSignal): Promise<void> {
    const program = this.spawn(signal)
    // One that does not read is no failure: its exit code tells.
    program.stdin.on('error', () => {})
    program.stdin.end(line)
    let said = ''
    program.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-MAX_SAID)
    })
    const [code, by] = (await once(program, 'close')) as [number | null, string | null]
    if (code !== 0)
      throw new Error(`the program ended with ${code ?? by}${said === '' ? '' : `: ${safeText(said.trim())}`}`)
  }

  private async write(line: string, signal: AbortSignal): Promise<void> {
    this.kept ??= this.keep()
    const { stdin } = this.kept
    await new Promise<void>((resolve, reject) => {
      const fail = () => reject(new Error('the program does not read'))
      signal.addEventListener('abort', fail, { once: true })
      stdin.write(line, (error) => {
        signal.removeEventListener('abort', fail)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  private keep(): Program {
    const program = this.spawn()
    const forget = () => {
      if (this.kept === program) this.kept = null
    }
    program.once('close', forget)
    program.stdin.on('error', forget)
    program.stderr.resume()
    return program
  }

  /** A group of its own, so that what the shell started ends with it. */
  private spawn(signal?: AbortSignal): Program {
    const program = spawn('/bin/sh', ['-c', this.config.command], { stdio: ['pipe', 'ignore', 'pipe'], detached: true })
    const end = () => {
      if (program.pid !== undefined && program.exitCode === null) process.kill(-program.pid, 'SIGKILL')
    }
    signal?.addEventListener('abort', end, { once: true })
    program.once('close', () => signal?.removeEventListener('abort', end))
    return program
  }
}
