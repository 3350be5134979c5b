/** A Redis of one's own, as safe as ours has to be, for tests that need the real one. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface RedisServer {
  url: string
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
    const where = ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory]
    server = spawn('redis-server', [...where, ...durable, ...settings], { stdio: ['ignore', 'pipe', 'inherit'] })
    let isReady = false
    for await (const chunk of server.stdout!) {
      isReady = String(chunk).includes('Ready to accept connections')
      if (isReady) break
    }
    if (!isReady) throw new Error(`redis-server did not start on port ${port}`)
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
    start,
    kill,
    async remove() {
      await kill()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Below the range from which the kernel gives out ports, so that a server that is started again finds its own free. */
const FIRST_PORT = 15_000
const PORTS = 16_000

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    server.close()
    await once(server, 'close')
    return port
  }
}
