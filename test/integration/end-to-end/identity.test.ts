import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../../collector/docker/engine.ts'
import {
  createContainer,
  dockerMissing,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'
import { captureMissing, RunningSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const missing = (await dockerMissing()) ?? (await captureMissing())
const CONTAINERS = 100
const EXECS_EACH = 20
const AT_ONCE = 8

interface ExecDocument {
  process: { name: string; executable: string }
  container?: { name?: string; image?: { name?: string } }
}

describe.skipIf(missing !== null)(
  `identity of short-lived containers${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    let engine: Engine
    let image: string
    const seamark = new RunningSeamark()

    beforeAll(async () => {
      engine = testEngine()
      image = await testImage(engine)
      await seamark.start()
    })
    afterAll(() => seamark.remove())

    test(`every exec in ${CONTAINERS} containers with --rm carries its container's name and image`, async () => {
      const script = `i=0; while [ $i -lt ${EXECS_EACH} ]; do /bin/true; i=$((i+1)); done`
      const names: string[] = []
      const worker = async () => {
        while (names.length < CONTAINERS) {
          const spec = { Cmd: ['sh', '-c', script], HostConfig: { AutoRemove: true } }
          const at = names.push('') - 1
          const { id, name } = await createContainer(engine, image, spec)
          names[at] = name
          await startContainer(engine, id)
          await until(
            'the container to end',
            () =>
              engine.call(`/containers/${id}/json`).then(
                () => false,
                () => true,
              ),
            30_000,
          )
        }
      }
      await Promise.all(Array.from({ length: AT_ONCE }, worker))

      const expected = names.length * EXECS_EACH
      const execs = await until(
        'all execs in the store',
        async () => {
          const found = await seamark.all(
            'events',
            'event.action: execve and process.executable: (*/true or */busybox) and process.name: true',
          )
          const inside = found.filter(({ body }) => (body as unknown as ExecDocument).container !== undefined)
          return inside.length >= expected ? inside : null
        },
        30_000,
      )
      const byContainer = new Map<string, number>()
      for (const { body } of execs) {
        const { container } = body as unknown as ExecDocument
        expect(container?.image?.name).toBe(image)
        byContainer.set(container?.name ?? '(none)', (byContainer.get(container?.name ?? '(none)') ?? 0) + 1)
      }
      expect(byContainer).toEqual(new Map(names.map((name) => [name, EXECS_EACH])))
    })

    test('a process that moves itself to a cgroup of the host stays in its container', async () => {
      const { id, name } = await createContainer(engine, image, {
        // Root of the host's cgroups, as a container with too many rights has it.
        Cmd: [
          'sh',
          '-c',
          'sleep 1; for f in /cg/*/cgroup.procs /cg/cgroup.procs; do echo $$ > $f; done; /bin/cat /etc/hostname; sleep 1',
        ],
        HostConfig: { Binds: ['/sys/fs/cgroup:/cg:rw'] },
      })
      try {
        await startContainer(engine, id)
        const found = await until('its exec', async () => {
          const hits = await seamark.all(
            'events',
            'event.action: execve and process.name: cat and process.args: "/etc/hostname"',
          )
          return hits.length > 0 ? hits : null
        })
        expect((found[0]!.body as unknown as ExecDocument).container?.name).toBe(name)
      } finally {
        await removeContainer(engine, id)
      }
    })
  },
)
