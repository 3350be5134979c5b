/**
 * Hands detections to a program on its standard input, a line each: started anew for every one, or kept running. The
 * command is the configuration's and goes to the shell; nothing of an event ever does.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { safeText } from '../../core/runtime/safe-text.ts'
import type { Destination, Notification } from './destination.ts'
import { type FalcoFormat, falcoLine } from './falco-format.ts'
import { OneByOne } from './one-by-one.ts'

export interface ProgramDestinationConfig {
  /** For `sh -c`. */
  command: string
  /** One process for all, which reads line after line; what it took is delivered, whatever it does with it. */
  keepAlive: boolean
  /** Whatever it ends with, the detection is delivered. */
  ignoreExitCode?: boolean
  format: FalcoFormat
  /** For one line. Default 30 s. */
  timeoutMs?: number
}

type Program = ChildProcessByStdio<Writable, null, Readable>

/** Of what a program says on standard error, for the log. */
const MAX_SAID = 500
/** What a program said reaches us a little after its end. */
const LAST_WORDS_MS = 100
/** For a kept program to end with its input. */
const STOP_MS = 1_000

export class ProgramDestination implements Destination {
  readonly name = 'program'
  readonly isOneByOne = true
  private readonly config: ProgramDestinationConfig
  private readonly oneByOne: OneByOne
  private kept: Program | null = null

  constructor(config: ProgramDestinationConfig) {
    this.config = config
    this.oneByOne = new OneByOne(config)
  }

  /** A program that is missing may be there for the first alert. */
  async start(): Promise<void> {}

  async send(notifications: readonly Notification[], signal: AbortSignal): Promise<void> {
    await this.oneByOne.send(notifications, signal, async ({ detection }, limit) => {
      const line = `${falcoLine(detection, this.config.format)}\n`
      await (this.config.keepAlive ? this.write(line, limit) : this.runWith(line, limit))
    })
  }

  /** A kept program that does not end with its input is ended. */
  async stop(): Promise<void> {
    const program = this.kept
    this.kept = null
    if (program !== null) await end(program)
  }

  /** Rejects unless it ends with 0. What it leaves running behind itself is its own affair. */
  private async runWith(line: string, signal: AbortSignal): Promise<void> {
    const program = await this.started()
    // One that does not read is no failure: its exit code tells.
    program.stdin.on('error', () => {})
    program.stdin.end(line)
    let said = ''
    program.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString('utf8')).slice(-MAX_SAID)
    })
    const closed = once(program, 'close')
    closed.catch(() => {})
    try {
      const [code, by] = (await once(program, 'exit', { signal })) as [number | null, string | null]
      // What it started may keep its standard error open for ever.
      await Promise.race([closed, sleep(LAST_WORDS_MS)])
      if (code !== 0 && this.config.ignoreExitCode !== true)
        throw new Error(`the program ended with ${code ?? by}${said === '' ? '' : `: ${safeText(said.trim())}`}`)
    } catch (error) {
      if (!signal.aborted) throw error
      endGroup(program)
      throw new Error('the program did not end in time')
    } finally {
      program.stderr.destroy()
    }
  }

  /** One that does not read is ended: what it was given twice it would find twice. */
  private async write(line: string, signal: AbortSignal): Promise<void> {
    this.kept ??= await this.keep()
    const program = this.kept
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const fail = () => {
        endGroup(program)
        if (this.kept === program) this.kept = null
        reject(new Error('the program does not read'))
      }
      signal.addEventListener('abort', fail, { once: true })
      program.stdin.write(line, (error) => {
        signal.removeEventListener('abort', fail)
        if (error) reject(error)
        else resolve()
      })
    })
  }

  private async keep(): Promise<Program> {
    const program = await this.started()
    const forget = () => {
      if (this.kept === program) this.kept = null
    }
    program.once('close', forget)
    // One that closed its input is of no use any more, but may go on for ever.
    program.stdin.on('error', () => {
      forget()
      void end(program)
    })
    program.stderr.resume()
    return program
  }

  /** Rejects where no process can be had. A group of its own, so that what the shell started ends with it. */
  private async started(): Promise<Program> {
    const { command } = this.config
    const program = spawn('/bin/sh', ['-c', command], { stdio: ['pipe', 'ignore', 'pipe'], detached: true })
    // Without file descriptors to spare it has not even streams.
    await once(program, 'spawn')
    return program
  }
}

/** Resolves when it has ended with its input, or was ended. */
async function end(program: Program): Promise<void> {
  program.stdin.end()
  if (program.exitCode !== null || program.signalCode !== null) return
  const isOver = once(program, 'exit', { signal: AbortSignal.timeout(STOP_MS) })
  await isOver.catch(() => endGroup(program))
}

/** Everything that the program started and that is still in its group. */
function endGroup({ pid }: Program): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}
