/** A process that is started again whenever it ends, as a supervisor of services does. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const RESTART_MS = 300
/** Lines of a process's messages that are kept to explain a failure. */
const MAX_MESSAGES = 200

export interface SupervisedOptions {
  name: string
  /** Module below the root, and its arguments. */
  args: readonly string[]
  env?: Record<string, string>
  onLine?: (line: string) => void
}

export class Supervised {
  readonly name: string
  readonly messages: string[] = []
  /** How often it ended without being killed: it could not do without what had been killed. */
  ends = 0
  private readonly options: SupervisedOptions
  private child: ChildProcess | null = null
  private stopped = false
  private timer: NodeJS.Timeout | undefined

  constructor(options: SupervisedOptions) {
    this.name = options.name
    this.options = options
  }

  start(): void {
    const { args, env, onLine } = this.options
    const [module, ...rest] = args
    const child = spawn(process.execPath, [join(ROOT, module!), ...rest], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    })
    this.child = child
    createInterface({ input: child.stdout }).on('line', (line) => onLine?.(line))
    createInterface({ input: child.stderr }).on('line', (line) => {
      this.messages.push(line)
      if (this.messages.length > MAX_MESSAGES) this.messages.shift()
    })
    child.once('exit', (_, signal) => {
      if (signal !== 'SIGKILL') this.ends += 1
      this.child = null
      if (!this.stopped) this.timer = setTimeout(() => this.start(), RESTART_MS)
    })
  }

  get isRunning(): boolean {
    return this.child !== null
  }

  /** False when it does not run just now. */
  kill(): boolean {
    return this.child?.kill('SIGKILL') ?? false
  }

  /** Ends it for good; the exit code, or the signal's name; null when it did not run. */
  async stop(signal: NodeJS.Signals): Promise<number | string | null> {
    this.stopped = true
    clearTimeout(this.timer)
    const child = this.child
    if (child === null) return null
    const ended = once(child, 'exit') as Promise<[number | null, string | null]>
    child.kill(signal)
    const [code, by] = await ended
    return code ?? by
  }
}
