/** The deployment under test: docker-compose.yml as it is, under a project name and on ports of its own. */
import { execFile, execFileSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Engine } from '../../collector/docker/engine.ts'
import { freePort } from '../support/redis.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const PROJECT = 'seamark-test'
const run = promisify(execFile)

export interface Inspected {
  Name: string
  Config: { User: string; Env: string[]; Cmd: string[] | null }
  HostConfig: {
    ReadonlyRootfs: boolean
    CapDrop: string[] | null
    CapAdd: string[] | null
    Privileged: boolean
    Memory: number
    SecurityOpt: string[] | null
    PortBindings: Record<string, { HostIp: string }[]> | null
    LogConfig: { Type: string; Config: Record<string, string> }
  }
  State: { Status: string; Pid: number; ExitCode: number; Health?: { Status: string } }
}

export class Deployment {
  readonly engine = new Engine({ socketPath: '/var/run/docker.sock', timeoutMs: 60_000 })
  private environment: Record<string, string> = {}
  private known: Map<string, string> | null = null

  /** Chooses ports and what this machine's engine needs; says so. */
  async prepare(): Promise<void> {
    this.environment = {
      SEAMARK_API_PORT: String(await freePort()),
      SEAMARK_INGEST_PORT: String(await freePort()),
      ...oldEngine(),
    }
  }

  get api(): string {
    return `http://127.0.0.1:${this.environment.SEAMARK_API_PORT}`
  }

  /** Standard output of `docker compose …`; rejects with what it said on standard error. */
  async compose(...args: string[]): Promise<string> {
    const [command, ...first] = (process.env.SEAMARK_TEST_COMPOSE ?? 'docker compose').split(' ')
    const { stdout } = await run(command!, [...first, '-p', PROJECT, ...args], {
      cwd: ROOT,
      env: { ...process.env, ...this.environment },
      maxBuffer: 64 * 1024 * 1024,
    })
    return stdout
  }

  /** Runs the command line inside a service's container. */
  seamark(service: string, ...args: string[]): Promise<string> {
    return this.compose('exec', '-T', service, 'seamark', ...args)
  }

  /** All secrets by name, as only set-up's own volume holds them. */
  async secrets(): Promise<Map<string, string>> {
    const volume = `${PROJECT}_setup-state:/setup/state:ro`
    const read = ['--entrypoint', 'grep', 'seamark:local', '-r', '', '/setup/state']
    const { stdout } = await run('docker', ['run', '--rm', '-v', volume, ...read])
    const lines = stdout.trimEnd().split('\n')
    return new Map(lines.map((line) => line.slice('/setup/state/'.length).split(':') as [string, string]))
  }

  /** Asks Elasticsearch from where it can be reached, as a service would; the password goes in by standard input. */
  async elasticsearch(method: string, path: string, user: string | null, body?: unknown): Promise<Answer> {
    const request = { method, path, user, body: body === undefined ? undefined : JSON.stringify(body) }
    const password = user === null ? '' : await this.passwordOf(user)
    const script = `
      const { method, path, user, body, password } = JSON.parse(require('node:fs').readFileSync(0, 'utf8'))
      const authorization = 'Basic ' + Buffer.from(user + ':' + password).toString('base64')
      const headers = { 'content-type': 'application/json', ...(user === null ? {} : { authorization }) }
      fetch('http://elasticsearch:9200' + path, { method, headers, body }).then(async (answer) =>
        console.log(JSON.stringify({ status: answer.status, body: await answer.json().catch(() => null) })))`
    const id = await this.containerOf('analyzer')
    const input = JSON.stringify({ ...request, password })
    const output = execFileSync('docker', ['exec', '-i', id, 'node', '-e', script], { input, encoding: 'utf8' })
    return JSON.parse(output) as Answer
  }

  private async passwordOf(user: string): Promise<string> {
    this.known ??= await this.secrets()
    return this.known.get(PASSWORD_OF[user]!)!
  }

  /** Waits out the moment in which a new index has no shard that answers yet. */
  async get<T>(path: string): Promise<T> {
    for (let tries = 1; ; tries++) {
      const answer = await fetch(`${this.api}${path}`)
      if (answer.ok) return (await answer.json()) as T
      if (answer.status !== 503 || tries === 20) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
      await sleep(500)
    }
  }

  async containersOf(...services: string[]): Promise<string[]> {
    return (await this.compose('ps', '--all', '--quiet', ...services)).split('\n').filter((line) => line !== '')
  }

  async containerOf(service: string): Promise<string> {
    return (await this.containersOf(service))[0]!
  }

  inspect(id: string): Promise<Inspected> {
    return this.engine.call<Inspected>(`/containers/${id}/json`)
  }

  /** As a crash: the process ends, and it is Docker that has to bring the container back. */
  async crash(id: string): Promise<void> {
    const { Pid } = (await this.inspect(id)).State
    if (Pid <= 0) throw new Error(`${id} does not run`)
    process.kill(Pid, 'SIGKILL')
  }
}

export interface Answer {
  status: number
  body: Record<string, unknown> | null
}

const PASSWORD_OF: Record<string, string> = {
  seamark_api: 'elasticsearch-api',
  seamark_indexer: 'elasticsearch-indexer',
  seamark_admin: 'elasticsearch-admin',
}

/** Engines before 23 do not know CAP_BPF; the compose file has a variable for them. */
function oldEngine(): Record<string, string> {
  const version = execFileSync('docker', ['version', '--format', '{{.Server.Version}}'], { encoding: 'utf8' }).trim()
  if (Number(version.split('.')[0]) >= 23) return {}
  console.log(
    `Docker Engine ${version} does not know CAP_BPF: the collector runs with SEAMARK_BPF_CAPABILITY=SYS_ADMIN`,
  )
  return { SEAMARK_BPF_CAPABILITY: 'SYS_ADMIN' }
}
