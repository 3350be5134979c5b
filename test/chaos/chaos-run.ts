/**
 * A whole deployment under supervision, on real servers, and what kills its parts at random. Kinds: `ingest`,
 * `analyzer`, `host` (numbered hosts), `collector` (a host that watches its kernel), `redis`, `elasticsearch`.
 */
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ElasticsearchServer, startElasticsearch } from '../support/elasticsearch.ts'
import { seeded } from '../support/random.ts'
import { freePort, type RedisServer, startRedis } from '../support/redis.ts'
import { runSeamark } from '../support/seamark.ts'
import { until } from '../support/wait.ts'
import { chaosRules, fileNameOf } from './numbered-events.ts'
import type { NumberedHostConfig, NumberedHostLine } from './numbered-host.ts'
import { Supervised } from './supervised.ts'

export type Kind = 'ingest' | 'analyzer' | 'host' | 'collector' | 'redis' | 'elasticsearch'

/** How often each is chosen, of ten. Elasticsearch takes a quarter of a minute to come back. */
const WEIGHTS: readonly Kind[] = [
  ...(['ingest', 'ingest', 'analyzer', 'analyzer', 'analyzer'] as const),
  ...(['host', 'collector', 'redis', 'redis', 'elasticsearch'] as const),
]
const ANALYZERS = 2
const OPEN_EVERY_MS = 50

export interface ChaosOptions {
  hosts: number
  eventsPerHost: number
  rowsPerBatch: number
  pauseMs: number
  /** Whether a collector with capture runs too. */
  capture: boolean
  /** The same seed kills the same parts in the same order. */
  seed: number
}

export interface NumberedHost {
  config: NumberedHostConfig
  process: Supervised
  shipped: boolean
  /** Numbers that were made and not acknowledged when it was killed; it made them again. */
  lost: number
  madeTo: number
}

export class ChaosRun {
  readonly directory = mkdtempSync(join(tmpdir(), 'seamark-chaos-'))
  readonly watchedFolder = join(this.directory, 'watched')
  readonly kills = new Map<Kind, number>()
  readonly hosts: NumberedHost[] = []
  readonly processes: Supervised[] = []
  /** Files opened for the collector to see. */
  opened = 0
  private readonly options: ChaosOptions
  private readonly random: () => number
  private readonly redisServer: RedisServer
  private elasticsearchServer: ElasticsearchServer | null = null
  private readonly restarting = new Set<Promise<void>>()
  private readonly down = new Set<Kind>()
  private ingestUrl = ''
  private opener: NodeJS.Timeout | undefined

  private constructor(options: ChaosOptions, redis: RedisServer) {
    this.options = options
    this.random = seeded(options.seed)
    this.redisServer = redis
  }

  /** Rejects, with nothing left running, when a part does not start. */
  static async start(options: ChaosOptions): Promise<ChaosRun> {
    const run = new ChaosRun(options, await startRedis())
    try {
      await run.startAll()
      return run
    } catch (error) {
      await run.remove()
      throw error
    }
  }

  get redisUrl(): string {
    return this.redisServer.url
  }

  get elasticsearchUrl(): string {
    return this.elasticsearch().url
  }

  /** Of what needs no Elasticsearch. */
  private get redisEnv(): Record<string, string> {
    // Short, so that a run does not mostly wait for what dead analyzers held.
    return { SEAMARK_REDIS_URL: this.redisUrl, SEAMARK_REDIS_LEASE_SECONDS: '10', SEAMARK_LOG_LEVEL: 'error' }
  }

  /** Kills at random until it has killed so many; each kind at least once. */
  async killMany(count: number, pauseMs: { least: number; most: number }): Promise<void> {
    const kinds = new Set(WEIGHTS.filter((kind) => kind !== 'collector' || this.options.capture))
    for (let killed = 0; killed < count; ) {
      await sleep(pauseMs.least + this.random() * (pauseMs.most - pauseMs.least))
      const unkilled = [...kinds].filter((kind) => !this.kills.has(kind))
      const choices = unkilled.length > 0 ? unkilled : WEIGHTS.filter((kind) => kinds.has(kind))
      const kind = choices[Math.floor(this.random() * choices.length)]!
      if (!(await this.kill(kind))) continue
      this.kills.set(kind, (this.kills.get(kind) ?? 0) + 1)
      killed += 1
    }
    while (this.restarting.size > 0) await Promise.all(this.restarting)
  }

  /** Resolves when every number was made and taken by ingest. Throws with what each process said last. */
  async allShipped(timeoutMs: number): Promise<void> {
    clearInterval(this.opener)
    try {
      await until('all hosts to ship', () => this.hosts.every(({ shipped }) => shipped), timeoutMs)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.describe()}`)
    }
  }

  /** How far each host is, how often each process ended by itself, and what it said last. */
  describe(): string {
    const hosts = this.hosts.map(
      ({ config, madeTo, shipped, lost }) => `${config.collector}: ${madeTo} made, ${lost} again, shipped: ${shipped}`,
    )
    const processes = this.processes.map(
      ({ name, ends, isRunning, messages }) =>
        `${name}: running: ${isRunning}, ended ${ends} times\n  ${messages.slice(-4).join('\n  ')}`,
    )
    return [...hosts, ...processes, `down: ${[...this.down].join(' ')}`].join('\n')
  }

  /** After it nothing new comes in: a watched host would send a heartbeat each second for as long as it runs. */
  async stopHosts(): Promise<void> {
    const hosts = this.processes.filter(({ name }) => name === 'host' || name === 'collector')
    await Promise.all(hosts.map((process) => process.stop('SIGKILL')))
  }

  async remove(): Promise<void> {
    clearInterval(this.opener)
    await Promise.all(this.processes.map((process) => process.stop('SIGKILL')))
    await Promise.all(this.restarting)
    await Promise.all([this.redisServer.remove(), this.elasticsearchServer?.remove()])
    rmSync(this.directory, { recursive: true, force: true })
  }

  private async kill(kind: Kind): Promise<boolean> {
    if (kind === 'redis') return this.killServer(kind, this.redisServer)
    if (kind === 'elasticsearch') return this.killServer(kind, this.elasticsearch())
    const candidates = this.processes.filter(({ name }) => name === kind)
    return candidates[Math.floor(this.random() * candidates.length)]?.kill() ?? false
  }

  private async killServer(kind: Kind, server: RedisServer | ElasticsearchServer): Promise<boolean> {
    if (this.down.has(kind)) return false
    this.down.add(kind)
    await server.kill()
    const awayMs = this.random() * 2_000
    const restart = sleep(awayMs)
      .then(() => server.start())
      .finally(() => {
        this.down.delete(kind)
        this.restarting.delete(restart)
      })
    this.restarting.add(restart)
    return true
  }

  private elasticsearch(): ElasticsearchServer {
    if (this.elasticsearchServer === null) throw new Error('Elasticsearch has not started')
    return this.elasticsearchServer
  }

  private async startAll(): Promise<void> {
    const port = String(await freePort())
    this.ingestUrl = `http://127.0.0.1:${port}`
    const rules = join(this.directory, 'rules.yaml')
    mkdirSync(this.watchedFolder)
    writeFileSync(rules, chaosRules(this.watchedFolder))
    const hosts = Array.from({ length: this.options.hosts }, (_, i) => `numbered-${i + 1}`)
    // Elasticsearch takes longest, and these need none.
    const [elasticsearch, tokens] = await Promise.all([
      startElasticsearch().then((server) => {
        this.elasticsearchServer = server
        return server
      }),
      Promise.all([...hosts, 'watched'].map(() => this.command('agents', 'token'))),
      this.command('rules', 'push', '--rules', rules),
    ])
    this.supervise('ingest', ['app/main.ts', 'ingest'], { SEAMARK_INGEST_PORT: port })
    for (let i = 0; i < ANALYZERS; i++) {
      this.supervise('analyzer', ['app/main.ts', 'analyzer'], {
        SEAMARK_ELASTICSEARCH_URL: elasticsearch.url,
        SEAMARK_HEALTH_PORT: String(await freePort()),
      })
    }
    await until(
      'ingest',
      () =>
        fetch(`${this.ingestUrl}/readyz`)
          .then(({ ok }) => ok)
          .catch(() => false),
      60_000,
    )
    for (const [i, host] of hosts.entries()) this.startHost(host, tokens[i]!.trim())
    if (this.options.capture) await this.startCollector(tokens.at(-1)!)
    // A host is enrolled once and before the first kill: a token works once.
    await until(
      'all hosts to be enrolled',
      async () => {
        const { length } = (await this.command('agents', 'list', '--json')).trim().split('\n')
        return length === this.options.hosts + (this.options.capture ? 1 : 0)
      },
      60_000,
    )
  }

  private startHost(collector: string, token: string): void {
    const { eventsPerHost, rowsPerBatch, pauseMs } = this.options
    const directory = join(this.directory, collector)
    mkdirSync(directory)
    const config = { collector, directory, url: this.ingestUrl, token, total: eventsPerHost, rowsPerBatch, pauseMs }
    const host: NumberedHost = {
      config,
      shipped: false,
      lost: 0,
      madeTo: 0,
      process: new Supervised({
        name: 'host',
        args: ['test/chaos/numbered-host.ts', JSON.stringify(config)],
        onLine: (text) => {
          const line = JSON.parse(text) as NumberedHostLine
          if (line.kind === 'made') host.madeTo = line.to
          else if (line.kind === 'resumed') host.lost += Math.max(0, host.madeTo - line.at)
          else host.shipped = true
        },
      }),
    }
    this.hosts.push(host)
    this.processes.push(host.process)
    host.process.start()
  }

  private async startCollector(token: string): Promise<void> {
    const tokenFile = join(this.directory, 'collector.token')
    const configFile = join(this.directory, 'collector.yml')
    writeFileSync(tokenFile, token)
    writeFileSync(configFile, 'docker: {enabled: false}\n')
    this.supervise('collector', ['app/main.ts', 'collector', '--config', configFile], {
      SEAMARK_DATA_DIR: join(this.directory, 'collector'),
      SEAMARK_COLLECTOR_ID: 'watched',
      SEAMARK_CENTRAL_URL: this.ingestUrl,
      SEAMARK_CENTRAL_TOKEN_FILE: tokenFile,
      SEAMARK_HEALTH_PORT: String(await freePort()),
    })
    this.opener = setInterval(() => {
      this.opened += 1
      closeSync(openSync(join(this.watchedFolder, fileNameOf(this.opened)), 'w'))
    }, OPEN_EVERY_MS)
  }

  private supervise(name: Kind, args: readonly string[], env: Record<string, string>): void {
    const process = new Supervised({ name, args, env: { ...this.redisEnv, ...env } })
    this.processes.push(process)
    process.start()
  }

  private async command(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await runSeamark(args, this.redisEnv)
    if (code !== 0) throw new Error(`seamark ${args.join(' ')} ended with ${code}: ${stderr}`)
    return stdout
  }
}
