/**
 * The central processes of a deployment on a Redis of their own, and hosts that only send: what benches of the centre
 * share. Batches are sealed beforehand; sending them is the bench's own cost and not counted, though it shares the cores.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { readConfig } from '../../app/config.ts'
import { publishRules } from '../../app/rules/published-rules.ts'
import { createRedisDocuments } from '../../backends/redis/documents.ts'
import { createRedisQueue, type RedisQueue } from '../../backends/redis/queue.ts'
import type { Batch } from '../../core/batch/batch.ts'
import { joinFrames } from '../../core/batch/frames.ts'
import { sealBatch } from '../../core/batch/seal.ts'
import { BATCHES_TYPE, INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import type { Topic } from '../../core/model/queue.ts'
import { newSecretKey } from '../../core/runtime/secret-key.ts'
import { Agents } from '../../ingest/agents.ts'
import { freePort, type RedisServer, startRedis } from '../../test/support/redis.ts'
import { ruleFiles } from '../rules.ts'
import { cpuSeconds } from './process-usage.ts'
import { RawClient } from './raw-client.ts'

const ROOT = join(import.meta.dirname, '../..')
const POLL_MS = 20
const BUSY_MS = 50
const TOKEN_MS = 3_600_000
const RULES = 93
/** Where each process and thread leaves its profile, to be read with Chrome's tools; none are made without. */
const PROFILES = process.env.BENCH_CPU_PROF

/** A sealed batch and the host that sends it. */
export interface Message {
  host: number
  bytes: Uint8Array
  events: number
}

export interface SendResult {
  /** How long each message waited for its answer, in ms, by host. */
  waitedMs: number[][]
}

export class Central {
  readonly redis: RedisServer
  private readonly children = new Map<string, ChildProcess>()
  private readonly env: Record<string, string>
  private readonly queue: RedisQueue
  /** By host; each keeps its connection. */
  private readonly clients: RawClient[] = []
  private ingest = { host: '127.0.0.1', port: 0 }

  private constructor(redis: RedisServer, env: Record<string, string>) {
    this.redis = redis
    this.env = { SEAMARK_REDIS_URL: redis.url, SEAMARK_LOG_LEVEL: 'silent', ...env }
    this.queue = createRedisQueue({ url: redis.url })
  }

  /** Ingest, and so many analyzers. Without an address of Elasticsearch what is to be indexed stays on Redis. */
  static async start(analyzers: number, hosts: readonly string[], elasticsearchUrl?: string): Promise<Central> {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    const redis = await startRedis()
    const central = new Central(redis, { SEAMARK_ELASTICSEARCH_URL: elasticsearchUrl ?? nowhere })
    process.once('exit', central.endAll)
    await central.queue.start()
    await central.publish()
    const port = await freePort()
    central.ingest.port = port
    await central.run('ingest', 'ingest', { SEAMARK_INGEST_PORT: String(port) }, /listens on/)
    for (let i = 0; i < analyzers; i++) {
      const env = { SEAMARK_HEALTH_PORT: String(await freePort()) }
      await central.run(`analyzer-${i}`, 'analyzer', env, /judges with/)
    }
    await central.enrol(hosts)
    return central
  }

  /** Seconds of CPU so far: of ingest, of all analyzers, of Redis. */
  cpu(): { ingest: number; analyzers: number; redis: number } {
    let [ingest, analyzers] = [0, 0]
    for (const [name, { pid }] of this.children) {
      if (name === 'ingest') ingest += cpuSeconds(pid!)
      else analyzers += cpuSeconds(pid!)
    }
    return { ingest, analyzers, redis: cpuSeconds(this.redis.pid()) }
  }

  /** Sends in the order given, so many at a time; what ingest cannot take now is sent again, as hosts do. */
  async send(messages: readonly Message[], concurrency: number): Promise<SendResult> {
    const waitedMs: number[][] = this.clients.map(() => [])
    const next = messages[Symbol.iterator]()
    const sendOne = async ({ host, bytes }: Message) => {
      const startMs = performance.now()
      const body = joinFrames([bytes])
      for (;;) {
        const status = await this.clients[host]!.post(body)
        if (status === 200) break
        if (status !== 429 && status !== 503) throw new Error(`ingest answered ${status}`)
        await sleep(BUSY_MS)
      }
      waitedMs[host]!.push(performance.now() - startMs)
    }
    const workers = Array.from({ length: concurrency }, async () => {
      for (let one = next.next(); one.done !== true; one = next.next()) await sendOne(one.value)
    })
    await Promise.all(workers)
    return { waitedMs }
  }

  async empty(...topics: Topic[]): Promise<void> {
    for (;;) {
      const depths = await Promise.all(topics.map((topic) => this.queue.depth(topic)))
      if (depths.every(({ items }) => items === 0)) return
      await sleep(POLL_MS)
    }
  }

  /** When the bench itself ends before its time. */
  private readonly endAll = () => {
    for (const child of this.children.values()) child.kill('SIGKILL')
    endProcess(this.redis.pid())
  }

  async remove(): Promise<void> {
    process.off('exit', this.endAll)
    for (const client of this.clients) client.close()
    for (const child of this.children.values()) {
      const ended = once(child, 'exit')
      // Profiles are written by those that end by themselves.
      child.kill(PROFILES === undefined ? 'SIGKILL' : 'SIGTERM')
      await ended
    }
    await this.queue.stop(1_000)
    await this.redis.remove()
  }

  private async publish(): Promise<void> {
    const documents = createRedisDocuments({ url: this.redis.url })
    await documents.start()
    const { files } = ruleFiles().find(({ rules }) => rules === RULES)!
    await publishRules(documents, files, readConfig(undefined, {}))
    await documents.stop(1_000)
  }

  private async enrol(hosts: readonly string[]): Promise<void> {
    const documents = createRedisDocuments({ url: this.redis.url })
    await documents.start()
    const agents = new Agents({ documents })
    for (const host of hosts) {
      const key = newSecretKey()
      await agents.enrol(await agents.createToken(TOKEN_MS), host, key)
      const secret = `${key.id}.${key.secret}`
      this.clients.push(new RawClient({ ...this.ingest, path: INGEST_PATHS.batches, type: BATCHES_TYPE, key: secret }))
    }
    await documents.stop(1_000)
  }

  private async run(name: string, command: string, env: Record<string, string>, ready: RegExp): Promise<void> {
    const profile = PROFILES === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${join(PROFILES, name)}`]
    const child = spawn(process.execPath, [...profile, join(ROOT, 'app/main.ts'), command], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.env, ...env },
    })
    this.children.set(name, child)
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)))
      createInterface({ input: child.stderr }).on('line', (line) => ready.test(line) && resolve())
    })
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended already.
  }
}

/** Seals batches in turn for each host; a host's sequence goes on where `sequences` says it is. */
export function sealFor(hosts: readonly string[], batches: Iterable<Batch>, sequences: number[]): Message[] {
  const messages: Message[] = []
  for (const batch of batches) {
    const host = messages.length % hosts.length
    const sequence = (sequences[host] ?? 0) + 1
    sequences[host] = sequence
    const events = Object.values(batch.tables).reduce((sum, table) => sum + (table.columns.ordinal?.length ?? 0), 0)
    const header = {
      collector: hosts[host]!,
      epoch: 'bench',
      sequence,
      lowMs: {},
      dropped: {},
      plan: '',
      edgeRuleset: '',
      class: 'routine' as const,
      rows: events,
    }
    messages.push({ host, bytes: sealBatch(header, batch).bytes, events })
  }
  return messages
}
