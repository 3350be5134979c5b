/** The processes of a deployment, each started as a user starts it, on a real Redis and a real Elasticsearch. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type ElasticsearchServer, sharedElasticsearch, startElasticsearch } from './elasticsearch.ts'
import { freePort, type RedisServer, startRedis } from './redis.ts'
import { type Ended, runSeamark } from './seamark.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

export type ProcessName = 'ingest' | 'analyzer' | 'api' | 'collector'

export interface RunningProcess {
  name: ProcessName
  /** Standard output, line by line. */
  lines: string[]
  errors: string[]
  /** Where it serves what it serves: ingest, API, or health. */
  url: string
  /** Ends it and waits; the exit code, or the signal's name. */
  end(signal: NodeJS.Signals): Promise<number | string>
}

/** What each says when it is ready. */
const READY: Record<ProcessName, RegExp> = {
  ingest: /listens on/,
  analyzer: /judges with/,
  api: /Seamark API/,
  collector: /Seamark watches/,
}

export class Deployment {
  readonly directory = mkdtempSync(join(tmpdir(), 'seamark-deployment-'))
  readonly redis: RedisServer
  readonly elasticsearch: ElasticsearchServer
  private readonly running = new Set<RunningProcess>()
  private ingestUrl = ''
  private apiUrl = ''

  private constructor(redis: RedisServer, elasticsearch: ElasticsearchServer) {
    this.redis = redis
    this.elasticsearch = elasticsearch
  }

  /** `settings` are Elasticsearch's, which is then one of its own. */
  static async start(settings?: Readonly<Record<string, string>>): Promise<Deployment> {
    const [redis, elasticsearch] = await Promise.all([
      startRedis(),
      settings === undefined ? sharedElasticsearch() : startElasticsearch(settings),
    ])
    return new Deployment(redis, elasticsearch)
  }

  /** The environment of every process of it. */
  get env(): Record<string, string> {
    return { SEAMARK_REDIS_URL: this.redis.url, SEAMARK_ELASTICSEARCH_URL: this.elasticsearch.url }
  }

  get processes(): readonly RunningProcess[] {
    return [...this.running]
  }

  /** Resolves when it says that it is ready. */
  async run(
    name: ProcessName,
    env: Record<string, string> = {},
    args: readonly string[] = [],
  ): Promise<RunningProcess> {
    const port = await freePort()
    const url = `http://127.0.0.1:${port}`
    const ports = {
      ingest: 'SEAMARK_INGEST_PORT',
      api: 'SEAMARK_API_PORT',
      analyzer: 'SEAMARK_HEALTH_PORT',
      collector: 'SEAMARK_HEALTH_PORT',
    }
    const child = spawn(process.execPath, [join(ROOT, 'app/main.ts'), name, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...this.env, [ports[name]]: String(port), ...env },
    })
    const started: RunningProcess = {
      name,
      lines: [],
      errors: [],
      url,
      end: (signal) => this.end(started, child, signal),
    }
    this.running.add(started)
    createInterface({ input: child.stdout }).on('line', (line) => started.lines.push(line))
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code, by) =>
        reject(new Error(`${name} ended with ${code ?? by}: ${started.errors.join('\n')}`)),
      )
      createInterface({ input: child.stderr }).on('line', (line) => {
        started.errors.push(line)
        if (READY[name].test(line)) resolve()
      })
    })
    if (name === 'ingest') this.ingestUrl = url
    if (name === 'api') this.apiUrl = url
    return started
  }

  /** A host of its own name and data directory, enrolled with a fresh token. */
  async runHost(name: string, config = ''): Promise<RunningProcess> {
    const dataDir = join(this.directory, name)
    const tokenFile = join(this.directory, `${name}.token`)
    const configFile = join(this.directory, `${name}.yml`)
    writeFileSync(tokenFile, (await this.command('agents', 'token')).stdout)
    writeFileSync(configFile, config)
    return this.run(
      'collector',
      {
        SEAMARK_DATA_DIR: dataDir,
        SEAMARK_COLLECTOR_ID: name,
        SEAMARK_CENTRAL_URL: this.ingestUrl,
        SEAMARK_CENTRAL_TOKEN_FILE: tokenFile,
      },
      ['--config', configFile],
    )
  }

  command(...args: string[]): Promise<Ended> {
    return runSeamark(args, this.env)
  }

  /** Every stored document that matches, page by page. */
  async all(kind: 'events' | 'alerts', filter: string): Promise<{ id: string; body: Record<string, unknown> }[]> {
    const hits: { id: string; body: Record<string, unknown> }[] = []
    for (let cursor: string | undefined; ; ) {
      const query = new URLSearchParams({ filter, limit: '1000', ...(cursor === undefined ? {} : { cursor }) })
      const response = await fetch(`${this.apiUrl}/api/v1/${kind}?${query}`)
      if (!response.ok) throw new Error(`${kind}: ${response.status} ${await response.text()}`)
      const page = (await response.json()) as { hits: typeof hits; next?: string }
      hits.push(...page.hits)
      if (page.next === undefined) return hits
      cursor = page.next
    }
  }

  async remove(): Promise<void> {
    await Promise.all([...this.running].map((one) => one.end('SIGKILL')))
    await Promise.all([this.redis.remove(), this.elasticsearch.remove()])
    rmSync(this.directory, { recursive: true, force: true })
  }

  private async end(one: RunningProcess, child: ChildProcess, signal: NodeJS.Signals): Promise<number | string> {
    this.running.delete(one)
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode ?? child.signalCode ?? 0
    const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
    child.kill(signal)
    const [code, by] = await ended
    return code ?? by ?? 0
  }
}
