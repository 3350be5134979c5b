/**
 * A real Elasticsearch for tests, in a directory of its own, as the unprivileged user it insists on. The server comes
 * from scripts/fetch-elasticsearch.sh; SEAMARK_ELASTICSEARCH_HOME names another one.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './redis.ts'

const HOME = process.env.SEAMARK_ELASTICSEARCH_HOME ?? '/var/cache/seamark-tests/elasticsearch-9.2.8'
const MIN_JAVA = 21
const START_MS = 120_000
/** Ends with the server; and ends it, with its files, when nobody holds the other end of standard input any more. */
const UNTIL_ORPHANED = '("$0"; kill -9 0) & cat; rm -rf "$1"; kill -9 0'
/** Elasticsearch refuses to run as root. */
const NOBODY = 65_534

export interface ElasticsearchServer {
  url: string
  kill(): Promise<void>
  /** Does nothing when it runs. */
  start(): Promise<void>
  remove(): Promise<void>
}

/** The reason why no Elasticsearch can run here, or null. */
export function elasticsearchMissing(): string | null {
  if (!existsSync(join(HOME, 'bin/elasticsearch')))
    return 'no Elasticsearch: scripts/fetch-elasticsearch.sh /var/cache/seamark-tests brings one'
  if (javaHome() === null) return `no Java ${MIN_JAVA} or newer below /usr/lib/jvm`
  return null
}

function javaHome(): string | null {
  const found = existsSync('/usr/lib/jvm') ? readdirSync('/usr/lib/jvm').map((name) => join('/usr/lib/jvm', name)) : []
  const homes = [process.env.ES_JAVA_HOME, process.env.JAVA_HOME, ...found]
  return homes.find((home) => home !== undefined && majorOf(home) >= MIN_JAVA) ?? null
}

function majorOf(home: string): number {
  try {
    const text = execFileSync(join(home, 'bin/java'), ['--version'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return Number(/^\S+ (\d+)/.exec(text)?.[1] ?? 0)
  } catch {
    return 0
  }
}

export async function startElasticsearch(
  settings: Readonly<Record<string, string>> = {},
): Promise<ElasticsearchServer> {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-elasticsearch-'))
  const config = join(directory, 'config')
  cpSync(join(HOME, 'config'), config, { recursive: true })
  mkdirSync(join(directory, 'tmp'))
  const [port, transport] = [await freePort(), await freePort()]
  const lines = {
    'discovery.type': 'single-node',
    'xpack.security.enabled': 'false',
    'cluster.routing.allocation.disk.threshold_enabled': 'false',
    'network.host': '127.0.0.1',
    'http.port': String(port),
    'transport.port': String(transport),
    'path.data': join(directory, 'data'),
    'path.logs': join(directory, 'logs'),
    ...settings,
  }
  writeFileSync(
    join(config, 'elasticsearch.yml'),
    Object.entries(lines)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join(''),
  )
  const asRoot = process.getuid?.() === 0
  if (asRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, directory])
  const url = `http://127.0.0.1:${port}`
  let server: ChildProcess | undefined

  const isRunning = () => server?.pid !== undefined && server.exitCode === null && server.signalCode === null

  async function start(): Promise<void> {
    if (isRunning()) return
    const started = spawn('/bin/sh', ['-c', UNTIL_ORPHANED, join(HOME, 'bin/elasticsearch'), directory], {
      cwd: directory,
      stdio: ['pipe', 'ignore', 'ignore'],
      env: {
        PATH: process.env.PATH ?? '',
        ES_JAVA_HOME: javaHome() ?? '',
        ES_PATH_CONF: config,
        // Neither around nor inside the configuration, which the server may not write.
        ES_TMPDIR: join(directory, 'tmp'),
        // The program that starts the server is one of Java too.
        CLI_JAVA_OPTS: `-Djava.io.tmpdir=${join(directory, 'tmp')}`,
        ES_JAVA_OPTS: '-Xms512m -Xmx512m',
      },
      // A group of its own: the script starts Java as a child, and both have to end.
      detached: true,
      ...(asRoot ? { uid: NOBODY, gid: NOBODY } : {}),
    })
    server = started
    const deadline = performance.now() + START_MS
    while (!(await answers(url))) {
      if (!isRunning()) throw new Error(`Elasticsearch ended; see ${lines['path.logs']}`)
      if (performance.now() > deadline) throw new Error('Elasticsearch did not answer in time')
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }

  async function kill(): Promise<void> {
    if (server === undefined || !isRunning()) return
    const ended = once(server, 'exit')
    process.kill(-server.pid!, 'SIGKILL')
    await ended
  }

  await start()
  return {
    url,
    start,
    kill,
    async remove() {
      await kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

const SHARED = Symbol.for('seamark.test.elasticsearch')

/**
 * One server for all test files that run in this process, one after another: to start one takes longer than many of
 * their tests. `remove` leaves it running, empty, for the next.
 */
export async function sharedElasticsearch(): Promise<ElasticsearchServer> {
  // A module is loaded anew for each file; what is global stays.
  const holder = globalThis as { [SHARED]?: Promise<ElasticsearchServer> }
  holder[SHARED] ??= startElasticsearch()
  const server = await holder[SHARED]
  return {
    ...server,
    async remove() {
      await server.start()
      await empty(server.url)
    },
  }
}

async function empty(url: string): Promise<void> {
  const get = async (path: string) => (await fetch(`${url}${path}`)).text()
  const names = (await get('/_cat/indices/seamark*?h=index&expand_wildcards=all')).split('\n').filter(Boolean)
  for (const path of [...names, '_index_template/seamark*']) {
    const { ok, status } = await fetch(`${url}/${path}`, { method: 'DELETE' })
    if (!ok && status !== 404) throw new Error(`Elasticsearch keeps ${path}: ${status}`)
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/_cluster/health?wait_for_status=yellow&timeout=1s`)).ok
  } catch {
    return false
  }
}
