/** The four classic threats, each carried out for real in a container that is thrown away afterwards. */
import type { Engine } from '../../collector/docker/engine.ts'

export interface Attack {
  title: string
  /** Name of the rule that must fire. */
  rule: string
  /** Stands in the container's name. */
  name: string
  /** What the Engine API takes to create the container. */
  container: Record<string, unknown>
  /** What is done once it runs, where its start is not the attack. */
  act?(engine: Engine, id: string): Promise<void>
}

export const ATTACKS: readonly Attack[] = [
  {
    title: 'an interactive shell in a container',
    rule: 'container.interactive-shell',
    name: 'shell',
    container: { Cmd: ['sh'], Tty: true, OpenStdin: true },
  },
  {
    title: 'a process nobody expects in a container',
    rule: 'container.unexpected-process',
    name: 'process',
    container: { Cmd: ['sleep', '20'] },
    act: (engine, id) => exec(engine, id, ['nc', '-w', '1', '127.0.0.1', '9']),
  },
  {
    title: 'a write below a directory that holds no user data',
    rule: 'container.write-in-system-directory',
    name: 'write',
    container: { Cmd: ['sh', '-c', 'echo planted > /bin/planted'] },
  },
  {
    title: 'a container started with a sensitive mount',
    rule: 'container.sensitive-mount',
    name: 'mount',
    container: { Cmd: ['sleep', '20'], HostConfig: { Binds: ['/etc:/host/etc:ro'] } },
  },
]

async function exec(engine: Engine, id: string, command: string[]): Promise<void> {
  const made = await engine.call<{ Id: string }>(`/containers/${id}/exec`, { method: 'POST', body: { Cmd: command } })
  await engine.call(`/exec/${made.Id}/start`, { method: 'POST', body: { Detach: true } })
}
