/** The four classic threats, each carried out for real in a container that is thrown away afterwards. */
import { randomBytes } from 'node:crypto'
import type { Engine } from '../../collector/docker/engine.ts'

export interface Attack {
  title: string
  /** Name of the rule that must fire. */
  rule: string
  /** Returns the container's id. */
  run(engine: Engine, image: string): Promise<string>
}

export const ATTACKS: readonly Attack[] = [
  {
    title: 'an interactive shell in a container',
    rule: 'container.interactive-shell',
    run: async (engine, image) => {
      const id = await create(engine, image, 'shell', { Cmd: ['sh'], Tty: true, OpenStdin: true })
      await start(engine, id)
      return id
    },
  },
  {
    title: 'a process nobody expects in a container',
    rule: 'container.unexpected-process',
    run: async (engine, image) => {
      const id = await create(engine, image, 'process', { Cmd: ['sleep', '20'] })
      await start(engine, id)
      await exec(engine, id, ['nc', '-w', '1', '127.0.0.1', '9'])
      return id
    },
  },
  {
    title: 'a write below a directory that holds no user data',
    rule: 'container.write-in-system-directory',
    run: async (engine, image) => {
      const id = await create(engine, image, 'write', { Cmd: ['sh', '-c', 'echo planted > /bin/planted'] })
      await start(engine, id)
      return id
    },
  },
  {
    title: 'a container started with a sensitive mount',
    rule: 'container.sensitive-mount',
    run: async (engine, image) => {
      const id = await create(engine, image, 'mount', {
        Cmd: ['sleep', '20'],
        HostConfig: { Binds: ['/etc:/host/etc:ro'] },
      })
      await start(engine, id)
      return id
    },
  },
]

export async function remove(engine: Engine, id: string): Promise<void> {
  await engine.call(`/containers/${id}?force=1&v=1`, { method: 'DELETE' })
}

async function create(engine: Engine, image: string, name: string, spec: Record<string, unknown>): Promise<string> {
  const query = new URLSearchParams({ name: `seamark-demo-${name}-${randomBytes(3).toString('hex')}` })
  const body = { Image: image, NetworkDisabled: true, ...spec }
  return (await engine.call<{ Id: string }>(`/containers/create?${query}`, { method: 'POST', body })).Id
}

async function start(engine: Engine, id: string): Promise<void> {
  await engine.call(`/containers/${id}/start`, { method: 'POST' })
}

async function exec(engine: Engine, id: string, command: string[]): Promise<void> {
  const made = await engine.call<{ Id: string }>(`/containers/${id}/exec`, { method: 'POST', body: { Cmd: command } })
  await engine.call(`/exec/${made.Id}/start`, { method: 'POST', body: { Detach: true } })
}
