/** A Redis of one's own, as safe as ours has to be, for tests that need the real one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RedisServer {
  url: string
  /** Of the process that runs, or ran last. */
  pid(): number
  /** Ends it like a power cut would, as far as a process can. */
  kill(): Promise<void>
  /** Starts it again on the same port and files. */
  start(): Promise<void>
  /** Ends it and removes its files. */
  remove(): Promise<void>
}

/** Null, with the reason, where Redis cannot run. */
export function redisMissing(): string | null {
  try {
    execFileSync('redis-server', ['--version'], { stdio: 'ignore' })
    return null
  } catch {
    return 'redis-server is not installed'
  }
}

export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-redis-'))
  const port = await freePort()
  let server: ChildProcess | undefined

  async function start(): Promise<void> {
    const durable = ['--appendonly', 'yes', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction', '--save', '']
    const rewritten = ['--auto-aof-rewrite-min-size', '256mb', '--rdbcompression', 'no']
    const where = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory]
    server = spawn('redis-server', [...where, ...durable, ...rewritten, ...settings], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    for await (const chunk of server.stdout!) {
      said += String(chunk)
      if (said.includes('Ready to accept connections')) break
    }
    if (!said.includes('Ready to accept connections')) throw new Error(`Redis did not start: ${said}`)
    server.stdout!.resume()
  }

  async function kill(): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return
    const ended = once(server, 'exit')
    server.kill('SIGKILL')
    await ended
  }

  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: () => server?.pid ?? 0,
    start,
    kill,
    async remove() {
      await kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Where systems take the ports of outgoing connections from begins at 32,768 at the lowest. */
const PORTS = { from: 20_000, to: 32_000 }
const MAX_TRIES = 100

/**
 * A port that is free now and that no outgoing connection will be given: a server that is killed finds it free when it
 * starts again, and a client that tries to reach it meanwhile does not reach itself.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from))
    if (await isFree(port)) return port
  }
  throw new Error(`no free port from ${PORTS.from} to ${PORTS.to}`)
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}
