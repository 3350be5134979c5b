/** Where attacks run: containers that stay up, copies of the intruder's program under every name, a folder on the host. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, linkSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Engine } from '../../../collector/docker/engine.ts'
import { createContainer, removeContainer, startContainer, testEngine, testImage } from '../../support/docker.ts'
import { until } from '../../support/wait.ts'
import { ADDRESSES, CONTAINERS, type Program, type Start, TOOLS, tool } from './attack.ts'

/** Folders and files that attacks are about, so that they succeed. */
const SCENE = `set -e
mkdir -p /tmp /var/log /root/.ssh /root/ssh /etc/cron.d /etc/other.d /etc/apt/sources.list.d /lib /var/lib/rpm /var/lib/other /host
for f in /root/.ssh/id /root/ssh/id /root/.bash_history /root/.bash_other /root/.bashrc /var/log/syslog /tmp/mode \\
  /lib/liblzma.so.5.6.1 /lib/liblzma.so.5.4.1 /host/secret /bin/evil /var/evil; do echo x > $f; done
cp ${tool('app')} /tmp/dropped
echo 'root:x:0:0::/root:/bin/sh' > /etc/passwd
echo 'daemon:x:1:1::/:/bin/false' >> /etc/passwd
echo 'root::0:' > /etc/shadow
echo 'root:x:0:' > /etc/group
`
const NETWORK = [
  'ip link set lo up',
  ...Object.values(ADDRESSES).map((address) => `ip addr add ${address}/32 dev lo`),
].join('; ')

export class Laboratory {
  private readonly engine: Engine = testEngine()
  private readonly folder = mkdtempSync(join(tmpdir(), 'seamark-attacks-'))
  private readonly containers = new Map<string, string>()
  private readonly made: string[] = []
  /** Outside of the folder. */
  private readonly copies: string[] = []
  private image = ''

  /** `names`: of all programs that will run. */
  async build(names: Iterable<string>): Promise<void> {
    this.image = await testImage(this.engine)
    chmodSync(this.folder, 0o755)
    const program = join(this.folder, 'intruder')
    const source = fileURLToPath(new URL('intruder.c', import.meta.url))
    // Static: it runs in containers without libraries, and a loader would open files of its own.
    execFileSync('gcc', ['-O1', '-static', '-w', source, '-o', program])
    for (const name of new Set(['app', ...names])) {
      if (name.startsWith('/')) {
        copyFileSync(program, name)
        this.copies.push(name)
      } else linkSync(program, join(this.folder, name))
    }
    const Binds = [`${this.folder}:${TOOLS}:ro`]
    for (const [name, host] of Object.entries(CONTAINERS)) {
      const HostConfig = { ...host, Binds }
      const { id } = await createContainer(this.engine, this.image, { HostConfig, Cmd: ['sleep', '600'] })
      this.made.push(id)
      await startContainer(this.engine, id)
      this.containers.set(name, id)
    }
    for (const name of this.containers.keys()) await this.prepare(name, SCENE)
    await this.prepare('net', NETWORK)
  }

  async remove(): Promise<void> {
    for (const id of this.made) await removeContainer(this.engine, id)
    for (const path of [this.folder, ...this.copies]) rmSync(path, { recursive: true, force: true })
  }

  /** Resolves when it has ended. */
  async run(what: Program | Start): Promise<void> {
    if ('start' in what) await this.start(what)
    else if (what.in === 'host') this.runOnHost(what)
    else await this.exec(what.in, [pathOf(what), ...(what.args ?? [])], what)
  }

  private runOnHost({ as, args = [], user }: Program): void {
    const path = as.startsWith('/') ? as : join(this.folder, as)
    const identity = user === undefined ? {} : { uid: Number(user), gid: Number(user) }
    const { error } = spawnSync(path, [...args], { stdio: 'ignore', ...identity })
    if (error !== undefined) throw error
  }

  private async start({ start, user }: Start): Promise<void> {
    const spec = { Cmd: ['true'], HostConfig: { NetworkMode: 'none', ...start } }
    const { id } = await createContainer(this.engine, this.image, user === undefined ? spec : { ...spec, User: user })
    this.made.push(id)
    await startContainer(this.engine, id)
    await until(`container ${id} to end`, async () => !(await this.isRunning(`/containers/${id}/json`)))
  }

  private async prepare(container: string, script: string): Promise<void> {
    const exitCode = await this.exec(container, ['sh', '-c', script])
    if (exitCode !== 0) throw new Error(`the container ${container} cannot be prepared: ${exitCode}`)
  }

  /** Its exit code. */
  private async exec(container: string, Cmd: readonly string[], how: Partial<Program> = {}): Promise<number> {
    const { user, env, terminal: Tty = false } = how
    const { Id } = await this.engine.call<{ Id: string }>(`/containers/${this.containers.get(container)}/exec`, {
      method: 'POST',
      body: {
        Cmd,
        Tty,
        ...(user === undefined ? {} : { User: user }),
        ...(env === undefined ? {} : { Env: env }),
      },
    })
    await this.engine.call(`/exec/${Id}/start`, { method: 'POST', body: { Detach: true, Tty } })
    await until(`${basename(Cmd[0]!)} to end`, async () => !(await this.isRunning(`/exec/${Id}/json`)), 30_000)
    return (await this.engine.call<{ ExitCode: number }>(`/exec/${Id}/json`)).ExitCode
  }

  private async isRunning(path: string): Promise<boolean> {
    const { Running, State } = await this.engine.call<{ Running?: boolean; State?: { Running: boolean } }>(path)
    return Running ?? State?.Running ?? false
  }
}

function pathOf({ as }: Program): string {
  return as.startsWith('/') ? as : tool(as)
}
