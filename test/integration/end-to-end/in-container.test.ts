import { execFileSync } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../../collector/docker/engine.ts'
import {
  createContainer,
  DOCKER_SOCKET,
  dockerMissing,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'
import { captureMissing, type PrintedAlert } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const missing = (await dockerMissing()) ?? (await captureMissing())
const ROOT = fileURLToPath(new URL('../../..', import.meta.url)).replace(/\/$/, '')
/** Programs and libraries of this machine in a container that has none of its own. */
const BINDS = [
  ...['/usr', '/lib', '/lib64'].map((path) => `${path}:${path}:ro`),
  `${realpathSync(process.execPath)}:/node:ro`,
  `${ROOT}:${ROOT}:ro`,
  `${realpathSync(join(ROOT, 'node_modules'))}:${realpathSync(join(ROOT, 'node_modules'))}:ro`,
  '/sys/fs/cgroup:/sys/fs/cgroup:ro',
  `${DOCKER_SOCKET}:/var/run/docker.sock`,
]
const REQUESTS = 40

interface Page {
  hits: { body: { event: { action: string }; container?: { name?: string } } }[]
}

describe.skipIf(missing !== null)(
  `Seamark in a container of its own${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'seamark-inside-'))
    const containers: string[] = []
    let engine: Engine
    let image: string

    beforeAll(async () => {
      engine = testEngine()
      image = await testImage(engine)
    })
    afterEach(async () => {
      for (const id of containers.splice(0)) await removeContainer(engine, id)
    })
    afterAll(() => rmSync(dataDir, { recursive: true, force: true }))

    const start = async (spec: Record<string, unknown>) => {
      const made = await createContainer(engine, image, spec)
      containers.push(made.id)
      await startContainer(engine, made.id)
      return made
    }
    /** What a container wrote so far; alerts on the first, everything else on the second stream. */
    const logsOf = (id: string, stream: 'stdout' | 'stderr') =>
      execFileSync(
        'sh',
        [
          '-c',
          `docker -H unix://${DOCKER_SOCKET} logs ${id} ${stream === 'stdout' ? '2>/dev/null' : '2>&1 >/dev/null'}`,
        ],
        {
          encoding: 'utf8',
        },
      )

    for (const pidMode of ['host', '']) {
      const title = pidMode === 'host' ? 'with --pid=host' : 'in a pid namespace of its own'
      test(`${title} it names a shell in another container and never reports its own calls`, async () => {
        const own = await start({
          Cmd: ['/node', join(ROOT, 'app/main.ts'), 'up', '--json', '--port', '0', '--data-dir', '/data'],
          NetworkDisabled: false,
          HostConfig: {
            Binds: [...BINDS, `${mkdtempSync(join(dataDir, 'run-'))}:/data`],
            // Engines before 23 do not know BPF and PERFMON.
            CapAdd: ['SYS_ADMIN', 'SYS_PTRACE'],
            NetworkMode: 'host',
            CgroupnsMode: 'host',
            PidMode: pidMode,
          },
        })
        const address = await until(
          'it to watch',
          () => /REST API: (http:\/\/[^/]+)/.exec(logsOf(own.id, 'stderr'))?.[1],
          60_000,
        )
        const get = async <T>(path: string): Promise<T> => (await (await fetch(`${address}${path}`)).json()) as T

        const shell = await start({ Cmd: ['sh'], Tty: true, OpenStdin: true })
        const alert = await until('the alert', () =>
          logsOf(own.id, 'stdout')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line) as PrintedAlert)
            .find(({ output_fields: fields }) => fields['container.name'] === shell.name),
        )
        expect(alert).toMatchObject({
          rule: 'container.interactive-shell',
          output_fields: { 'user.name': 'root', 'proc.cmdline': 'sh', 'container.id': shell.id.slice(0, 12) },
        })
        expect(image).toContain(alert.output_fields['container.image'])

        for (let i = 0; i < REQUESTS; i++) await get('/api/v1/alerts')
        // Docker's own answers to us are accepted by dockerd: such calls are captured, only ours are not.
        const calls = 'event.action: (accept or accept4 or connect or listen)'
        const events = await until('calls of others', async () => {
          const { hits } = await get<Page>(`/api/v1/events?${new URLSearchParams({ filter: calls, limit: '1000' })}`)
          return hits.some(({ body }) => body.event.action.startsWith('accept')) ? hits : null
        })
        expect(events.filter(({ body }) => body.container?.name === own.name)).toEqual([])
        // Another Seamark on this machine, of another checkout, is one of the others.
        const isOwn = (program: string) => !program.startsWith('/') || program === join(ROOT, 'app/main.ts')
        const unnamed = events.filter(({ body }) =>
          JSON.stringify(body)
            .match(/[^\s"]*app\/main\.ts/g)
            ?.some(isOwn),
        )
        expect(unnamed).toEqual([])
      })
    }
  },
)
