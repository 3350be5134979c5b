import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../../collector/docker/engine.ts'
import { factsOfContainer } from '../../../collector/docker/inspect.ts'
import { Containers } from '../../../collector/host/containers.ts'
import { DockerEventsSource } from '../../../collector/sources/docker-events/docker-events-source.ts'
import { readText } from '../../../core/batch/batch.ts'
import { RowIds } from '../../../core/batch/event-id.ts'
import type { Checkpoint } from '../../../core/model/queue.ts'
import type { Emission } from '../../../core/model/source.ts'
import {
  createContainer,
  dockerMissing,
  execInContainer,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'
import { until } from '../../support/wait.ts'

const missing = await dockerMissing()

/** What a source emitted, as `type action object`. */
class Recorder {
  readonly events: {
    id: string
    type: string
    action: string
    object: string
    attributes: Record<string, string>
    name?: string
    mounts?: string
  }[] = []
  checkpoint: Checkpoint | null = null

  async emit({ batch, at }: Emission): Promise<boolean> {
    const ids = new RowIds(
      {
        collector: 'h',
        epoch: 'x',
        sequence: 1,
        lowMs: {},
        dropped: {},
        plan: '',
        edgeRuleset: '',
        class: 'routine',
        rows: 0,
      },
      batch,
    )
    for (const table of [batch.tables.docker, batch.tables.health]) {
      for (let row = 0; row < (table?.rowCount ?? 0); row++) {
        const text = (column: Parameters<typeof readText>[3]) => readText(batch, table!, row, column)
        const containers = batch.tables.container
        const name = containers && readText(batch, containers, 0, 'containerName')
        const mounts = containers && readText(batch, containers, 0, 'mounts')
        this.events.push({
          id: ids.of(table!, row),
          type: text('objectType') ?? text('kindName') ?? '',
          action: text('action') ?? '',
          object: text('objectId') ?? '',
          attributes: JSON.parse(text('attributes') ?? '{}'),
          ...(name === undefined ? {} : { name }),
          ...(mounts === undefined ? {} : { mounts }),
        })
      }
    }
    if (at !== undefined) this.checkpoint = at
    return true
  }

  of(object: string): string[] {
    return this.events.filter((event) => event.object === object).map((event) => `${event.type} ${event.action}`)
  }
}

describe.skipIf(missing !== null)(`docker events${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let engine: Engine
  let image: string
  const cleanUp: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    engine = testEngine()
    image = await testImage(engine)
  })
  afterEach(async () => {
    for (const undo of cleanUp.splice(0).reverse()) await undo().catch(() => {})
  })

  async function watch(from: Checkpoint | null): Promise<{ recorder: Recorder; stop: () => Promise<void> }> {
    const recorder = new Recorder()
    let isUp = false
    const containers = new Containers({ inspect: (id) => factsOfContainer(engine, id) })
    const source = new DockerEventsSource({
      inBackground: (_task, work) => void work(),
      engine,
      containers,
      onState: (state) => {
        isUp = state === 'up'
      },
    })
    await source.start(recorder, from)
    cleanUp.push(() => source.stop())
    await until('the event stream', () => isUp)
    return { recorder, stop: () => source.stop() }
  }

  async function container(spec: Record<string, unknown> = {}) {
    const made = await createContainer(engine, image, spec)
    cleanUp.push(() => removeContainer(engine, made.id))
    return made
  }

  test('come in order, with attributes, for everything that can happen to a container', async () => {
    const { recorder } = await watch(null)
    const source = mkdtempSync(join(tmpdir(), 'seamark:mount-'))
    cleanUp.push(async () => rmSync(source, { recursive: true }))
    const { id, name } = await container({
      Labels: { team: 'blue' },
      HostConfig: { Mounts: [{ Type: 'bind', Source: source, Target: '/a:b', ReadOnly: true }] },
    })
    await startContainer(engine, id)
    await execInContainer(engine, id, ['true'])
    await engine.call(`/containers/${id}/archive?path=/bin/sh`).catch(() => {}) // the archive itself is no JSON; the event is what counts
    await engine.call(`/containers/${id}/rename?name=${name}-renamed`, { method: 'POST' })
    await engine.call(`/containers/${id}/pause`, { method: 'POST' })
    await engine.call(`/containers/${id}/unpause`, { method: 'POST' })
    const { Id: committed } = await engine.call<{ Id: string }>(
      `/commit?container=${id}&repo=seamark-test&tag=commit`,
      { method: 'POST', body: {} },
    )
    cleanUp.push(() => engine.call(`/images/${committed}?force=1`, { method: 'DELETE' }))
    await engine.call(`/containers/${id}/kill?signal=KILL`, { method: 'POST' })
    await until('the death', () => recorder.of(id).includes('container die'))
    await removeContainer(engine, id)
    await until('the removal', () => recorder.of(id).includes('container destroy'))

    const seen = recorder.of(id)
    const expected = [
      'create',
      'start',
      'exec_create',
      'archive-path',
      'rename',
      'pause',
      'unpause',
      'commit',
      'kill',
      'die',
      'destroy',
    ]
    const order = expected.map((action) => seen.indexOf(`container ${action}`))
    expect(
      order.every((at) => at >= 0),
      `${expected.join()} in ${seen.join()}`,
    ).toBe(true)
    expect(order).toEqual([...order].sort((a, b) => a - b))
    const start = recorder.events.find((event) => event.object === id && event.action === 'start')
    expect(start).toMatchObject({ name, attributes: { name, image, team: 'blue' } })
    expect(start?.mounts?.split('\0').slice(0, 4)).toEqual([source, '/a:b', '', 'false'])
    expect(
      recorder.events.find((event) => event.object === id && event.action === 'exec_create')?.attributes.command,
    ).toBe('true')
    expect(recorder.events.find((event) => event.object === id && event.action === 'destroy')?.name).toBe(
      `${name}-renamed`,
    )
  })

  test('come for networks, volumes and images too', async () => {
    const { recorder } = await watch(null)
    const volume = `seamark-test-${Date.now()}`
    await engine.call('/volumes/create', { method: 'POST', body: { Name: volume } })
    await engine.call(`/volumes/${volume}`, { method: 'DELETE' })
    const { Id: network } = await engine.call<{ Id: string }>('/networks/create', {
      method: 'POST',
      body: { Name: volume, Internal: true },
    })
    await engine.call(`/networks/${network}`, { method: 'DELETE' })
    await engine.call(`/images/${encodeURIComponent(image)}/tag?repo=seamark-test&tag=${volume}`, { method: 'POST' })
    await engine.call(`/images/seamark-test:${volume}`, { method: 'DELETE' })
    await until('the untagging', () =>
      recorder.events.some((event) => event.type === 'image' && event.action === 'untag'),
    )
    expect(recorder.of(volume)).toEqual(['volume create', 'volume destroy'])
    expect(recorder.of(network)).toEqual(['network create', 'network destroy'])
    expect(recorder.events.filter((event) => event.type === 'image').map((event) => event.action)).toEqual([
      'tag',
      'untag',
    ])
  })

  test('that happened while nobody listened are read afterwards, once, under the same ids', async () => {
    const first = await watch(null)
    const { id } = await container()
    await until('the creation', () => first.recorder.of(id).includes('container create'))
    await first.stop()
    await startContainer(engine, id)
    await engine.call(`/containers/${id}/kill`, { method: 'POST' })
    const second = await watch(first.recorder.checkpoint)
    await until('the death', () => second.recorder.of(id).includes('container die'))
    expect(second.recorder.of(id)).not.toContain('container create')
    expect(second.recorder.of(id)).toEqual(
      expect.arrayContaining(['container start', 'container kill', 'container die']),
    )
    expect(second.recorder.events.some((event) => event.type === 'docker.gap')).toBe(false)
    const again = await watch(first.recorder.checkpoint)
    await until('the death, again', () => again.recorder.of(id).includes('container die'))
    const idsOf = (recorder: Recorder) =>
      recorder.events.filter((event) => event.object === id).map((event) => event.id)
    expect(idsOf(again.recorder)).toEqual(idsOf(second.recorder))
  })

  test('that the engine no longer remembers are reported as a gap', async () => {
    const first = await watch(null)
    const { id } = await container()
    await until('the creation', () => first.recorder.of(id).includes('container create'))
    await first.stop()
    // Docker keeps its last 256 events; renames are the cheapest way to make more.
    for (let i = 0; i < 280; i++)
      await engine.call(`/containers/${id}/rename?name=seamark-test-gap-${Date.now()}-${i}`, { method: 'POST' })
    const hidden = await container()
    for (let i = 0; i < 280; i++)
      await engine.call(`/containers/${id}/rename?name=seamark-test-gap-${Date.now()}-${i}`, { method: 'POST' })
    const second = await watch(first.recorder.checkpoint)
    const gap = await until('the gap', () => second.recorder.events.find((event) => event.type === 'docker.gap'))
    expect(gap.attributes.appeared).toContain(hidden.name)
  })
})
