/** A real Seamark in a process of its own, as a user starts it, with a data directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { loadAddon } from '../../collector/sources/syscalls/addon.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** What `--json` prints. */
export interface PrintedAlert {
  id: string
  rule: string
  priority: string
  output: string
  output_fields: Record<string, unknown>
  time: string
}

export interface StartOptions {
  args?: string[]
  env?: Record<string, string>
  dataDir?: string
  /** `json` fills `alerts`; `line` is what a person sees. Default json. */
  format?: 'json' | 'line'
  /** Runs as this user and group. */
  uid?: number
}

/** How a command that ends by itself ended. */
export interface Ended {
  code: number | string
  stdout: string
  stderr: string
}

export class RunningSeamark {
  readonly alerts: PrintedAlert[] = []
  /** Standard output, line by line. */
  readonly lines: string[] = []
  readonly errors: string[] = []
  readonly dataDir: string
  address = ''
  private readonly options: StartOptions
  private child: ChildProcess | null = null

  constructor(options: StartOptions = {}) {
    this.options = options
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'seamark-test-'))
  }

  /** Resolves when it says that it watches. */
  async start(): Promise<this> {
    const { format = 'json' } = this.options
    const args = [
      '--max-semi-space-size=4', // as bin/seamark has it, like the arenas below
      join(ROOT, 'app/main.ts'),
      'up',
      ...(format === 'json' ? ['--json'] : []),
      '--port',
      '0',
      '--data-dir',
      this.dataDir,
      ...(this.options.args ?? []),
    ]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, MALLOC_ARENA_MAX: '2', ...this.options.env },
      ...identity(this.options.uid),
    })
    this.child = child
    createInterface({ input: child.stdout! }).on('line', (line) => {
      this.lines.push(line)
      if (format === 'json') this.alerts.push(JSON.parse(line) as PrintedAlert)
    })
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code, signal) =>
        reject(new Error(`seamark ended with ${code ?? signal}: ${this.errors.join('\n')}`)),
      )
      createInterface({ input: child.stderr! }).on('line', (line) => {
        this.errors.push(line)
        const found = /REST API: (http:\/\/[^/]+)/.exec(line)
        if (found !== null) {
          this.address = found[1]!
          resolve()
        }
      })
    })
    return this
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(`${this.address}${path}`)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return (await response.json()) as T
  }

  /** Every stored document that matches, oldest request first page by page. */
  async all(kind: 'events' | 'alerts', filter: string): Promise<{ id: string; body: Record<string, unknown> }[]> {
    const hits: { id: string; body: Record<string, unknown> }[] = []
    let cursor: string | undefined
    do {
      const query = new URLSearchParams({ filter, limit: '1000', ...(cursor === undefined ? {} : { cursor }) })
      const page = await this.get<{ hits: typeof hits; next?: string }>(`/api/v1/${kind}?${query}`)
      hits.push(...page.hits)
      cursor = page.next
    } while (cursor !== undefined)
    return hits
  }

  /** One metric's value as /metrics prints it, such as `seamark_queue_items{topic="dead"}`; 0 where it is missing. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`${this.address}/metrics`)).text()
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${series} `))
    return line === undefined ? 0 : Number(line.slice(series.length + 1))
  }

  /** Runs a command of the command line against this Seamark. */
  command(...args: string[]): Promise<Ended> {
    return runSeamark(args, { SEAMARK_API_PORT: new URL(this.address).port, SEAMARK_DATA_DIR: this.dataDir })
  }

  get pid(): number {
    return this.child?.pid ?? 0
  }

  /** Ends it and waits; the exit code, or the signal's name. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> {
    const child = this.child
    if (child === null) return 0
    this.child = null
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode ?? 0
    const ended = new Promise<number | string>((resolve) => child.once('exit', (code, by) => resolve(code ?? by ?? 0)))
    child.kill(signal)
    return ended
  }

  async remove(): Promise<void> {
    await this.end('SIGKILL')
    rmSync(this.dataDir, { recursive: true, force: true })
  }
}

/** Runs the program until it ends by itself, at most a minute. */
export async function runSeamark(
  args: readonly string[],
  env: Record<string, string> = {},
  uid?: number,
): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'app/main.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    timeout: 60_000,
    ...identity(uid),
  })
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>,
  ])
  return { code: code ?? signal ?? 0, stdout, stderr }
}

function identity(uid: number | undefined): { uid?: number; gid?: number } {
  return uid === undefined ? {} : { uid, gid: uid }
}

/** Why system calls cannot be captured here, or null when they can. */
export async function captureMissing(): Promise<string | null> {
  const loaded = loadAddon()
  if (loaded.addon === null) return `no capture addon: ${loaded.reason}`
  const { hasCapabilities, hasBtf, objects } = await loaded.addon.probe()
  if (!hasCapabilities) return 'no privileges to load kernel programs (run as root)'
  if (!hasBtf) return 'the kernel has no BTF'
  const failed = objects.find((object) => object.errno !== 0)
  return failed === undefined ? null : `${failed.name}: ${failed.reason}`
}
