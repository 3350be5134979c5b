/** A recording names the containers of its events, wherever it is replayed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../../app/config.ts'
import { buildRecorder } from '../../../app/roles/recorder.ts'
import { buildReplayHost, surveyRecording } from '../../../app/roles/replay-host.ts'
import { loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { readRecording } from '../../../collector/sources/syscalls/recording.ts'
import { containerRow, readText } from '../../../core/batch/batch.ts'
import {
  createContainer,
  DOCKER_SOCKET,
  dockerMissing,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'

const reason =
  (await dockerMissing()) ??
  (process.getuid?.() !== 0 ? 'needs root' : null) ??
  (loadAddon().addon === null ? 'no capture addon' : null)
if (reason !== null) console.warn(`recorded containers not tested: ${reason}`)

/** Path of each open in a container → the container's name, image and first label, as replayed. */
async function replayedOpens(path: string): Promise<Map<string, string>> {
  const host = buildReplayHost(surveyRecording(path))
  const opens = new Map<string, string>()
  for (const { batch: raw } of readRecording(path)) {
    const batch = await host.join(raw)
    const files = batch.tables.file
    for (let row = 0; row < (files?.rowCount ?? 0); row++) {
      const container = containerRow(batch, files!, row)
      const opened = readText(batch, files!, row, 'path')
      if (container < 0 || opened === undefined) continue
      const facts = (['containerName', 'imageName', 'labels'] as const).map((column) =>
        readText(batch, batch.tables.container!, container, column),
      )
      opens.set(opened.slice(opened.lastIndexOf('/') + 1), facts.join(' '))
    }
  }
  return opens
}

describe.skipIf(reason !== null)('a recording', () => {
  const engine = testEngine()
  const cleanUp: (() => unknown)[] = []
  afterEach(async () => {
    for (const undo of cleanUp.splice(0).reverse()) await undo()
  })

  test('names containers that ran before it, and ones that lived and died while it was made', async () => {
    const image = await testImage(engine)
    const folder = mkdtempSync(join(tmpdir(), 'seamark-recorded-'))
    cleanUp.push(() => rmSync(folder, { recursive: true }))
    const run = async (file: string, seconds: string) => {
      const Cmd = ['sh', '-c', `for i in $(seq ${seconds}); do : > /${file}; sleep 0.2; done`]
      const made = await createContainer(engine, image, { Cmd, Labels: { team: file } })
      cleanUp.push(() => removeContainer(engine, made.id).catch(() => {}))
      await startContainer(engine, made.id)
      return made
    }
    const before = await run('seamark-before', '100')
    const recorder = buildRecorder({
      config: { docker: { ...readConfig(undefined).docker, socket: DOCKER_SOCKET } },
      plan: { version: 'test', eventTypes: ['open', 'openat'], scope: 'all', environment: false },
      onWarning: (message) => expect.fail(message),
    })
    const path = join(folder, 'run.smrec')
    cleanUp.push(() => recorder.stop())
    await recorder.start(path, 64 * 1024 * 1024)
    const during = await run('seamark-during', '1')
    await delay(1_500)
    await removeContainer(engine, during.id)
    await delay(200)
    expect(await recorder.stop()).toEqual({ cut: 0 })
    const opens = await replayedOpens(path)
    expect(opens.get('seamark-before')).toBe(`${before.name} ${image} team=seamark-before`)
    expect(opens.get('seamark-during')).toBe(`${during.name} ${image} team=seamark-during`)
  })
})
