/** The demo on a real engine: however it ends, nothing of it is left. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { runDemo } from '../../../app/demo/demo.ts'
import type { Engine } from '../../../collector/docker/engine.ts'
import { dockerMissing, testEngine, testImage } from '../../support/docker.ts'
import { captureMissing } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const missing = await dockerMissing()

async function demoContainers(engine: Engine): Promise<string[]> {
  const listed = await engine.call<{ Names: string[] }[]>('/containers/json?all=1')
  return listed.flatMap(({ Names }) => Names).filter((name) => name.startsWith('/seamark-demo-'))
}

test.skipIf(missing !== null)(
  'a tail that breaks off ends the demo with its reason, and no container is left',
  async () => {
    const engine = testEngine()
    const image = await testImage(engine)
    const tail = async function* (_parameters: unknown, _signal: AbortSignal, onOpen = () => {}) {
      onOpen()
      await until('a container', async () => (await demoContainers(engine)).length > 0)
      yield* []
      throw new Error('the connection was reset')
    }
    const running = runDemo({
      client: { tail },
      engine,
      image,
      onOutcome: () => {},
      signal: new AbortController().signal,
    })
    await expect(running).rejects.toThrow('the connection was reset')
    expect(await demoContainers(engine)).toEqual([])
  },
)

test.skipIf(missing !== null)('a container that cannot start is removed all the same', async () => {
  const engine = testEngine()
  const image = await testImage(engine)
  const refusing = Object.create(engine) as Engine
  refusing.call = (async (path: string, options: object) => {
    if (path.endsWith('/start')) throw new Error('no start today')
    return engine.call(path, options)
  }) as Engine['call']
  const tail = async function* (_parameters: unknown, signal: AbortSignal, onOpen = () => {}) {
    onOpen()
    await once(signal, 'abort')
    yield* []
  }
  const options = { client: { tail }, engine: refusing, image, onOutcome: () => {} }
  await expect(runDemo({ ...options, signal: new AbortController().signal })).rejects.toThrow('no start today')
  expect(await demoContainers(engine)).toEqual([])
})

const noCapture = missing ?? (await captureMissing())

test.skipIf(noCapture !== null)(
  'an interrupted demo leaves neither containers nor data behind',
  async () => {
    const engine = testEngine()
    await testImage(engine)
    const scratch = mkdtempSync(join(tmpdir(), 'seamark-demo-test-'))
    onTestFinished(() => rmSync(scratch, { recursive: true, force: true }))
    const child = spawn(process.execPath, ['app/main.ts', 'demo', '--data-dir', join(scratch, 'none')], {
      env: { ...process.env, TMPDIR: scratch, SEAMARK_API_PORT: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const told = text(child.stderr)
    await until('a container', async () => (await demoContainers(engine)).length > 0, 30_000)
    child.kill('SIGTERM')
    const [code] = (await once(child, 'exit')) as [number | null]
    expect(await told).toContain('E_DEMO_INTERRUPTED')
    expect(code).toBe(4)
    expect(await demoContainers(engine)).toEqual([])
    expect(readdirSync(scratch)).toEqual([])
  },
  60_000,
)
