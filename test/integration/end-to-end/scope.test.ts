import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

describe.skipIf(missing !== null)(`the scope "containers"${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-scope-'))
  const config = join(scratch, 'seamark.yml')
  writeFileSync(config, 'capture: {scope: containers}\nstore: {keep: [execve, openat]}\n')
  const seamark = new RunningSeamark({ args: ['--config', config] })

  beforeAll(async () => {
    await seamark.start()
  })
  afterAll(async () => {
    await seamark.remove()
    rmSync(scratch, { recursive: true, force: true })
  })

  test("leaves out the host's files, but not its programs, and nothing of a container", async () => {
    // The first calls of a cgroup pass until it was judged; only then does the silence mean something.
    await until('the host to be judged', async () => {
      const marker = join(scratch, `before-${Date.now()}`)
      writeFileSync(marker, '')
      spawnSync('/bin/true')
      const seen = await until('the exec', () => seamark.all('events', 'event.action: execve and process.name: true'))
      return seen.length > 0 && (await seamark.all('events', `file.path: "${marker}"`)).length === 0
    })
    const marker = join(scratch, 'after')
    writeFileSync(marker, 'x')
    readFileSync(marker)
    spawnSync('/bin/ls', ['--', 'a-program-of-the-host'])
    const engine = testEngine()
    const { id, name } = await createContainer(engine, await testImage(engine), {
      Cmd: ['sh', '-c', '/bin/cat /etc/hosts; sleep 1'],
    })
    try {
      await startContainer(engine, id)
      const inside = await until('the open in the container', async () => {
        const hits = await seamark.all(
          'events',
          `container.name: "${name}" and event.action: openat and file.path: "/etc/hosts"`,
        )
        return hits.length > 0 ? hits : null
      })
      expect(inside).toHaveLength(1)
    } finally {
      await removeContainer(engine, id)
    }
    expect(await seamark.all('events', `file.path: "${marker}"`)).toEqual([])
    expect(await seamark.all('events', 'process.args: "a-program-of-the-host"')).toHaveLength(1)
  })
})
