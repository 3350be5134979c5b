import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { createSqliteQueue } from '../../../backends/sqlite/queue.ts'
import { IngestClient } from '../../../collector/central/ingest-client.ts'
import { createRemoteCommands } from '../../../collector/central/remote-commands.ts'
import { type CommandAction, CommandRunner } from '../../../collector/commands/command-runner.ts'
import { readText, timeNs } from '../../../core/batch/batch.ts'
import { RowIds } from '../../../core/batch/event-id.ts'
import { openBatch } from '../../../core/batch/seal.ts'
import { CommandDesk, MAX_VALID_MS } from '../../../core/commands/command-desk.ts'
import type { CommandChannel } from '../../../core/model/command.ts'
import type { Emission } from '../../../core/model/source.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { newSecretKey } from '../../../core/runtime/secret-key.ts'
import { until } from '../../support/wait.ts'
import { runChild } from '../children/run-child.ts'
import { quiet, runIngest, temporaryDirectory } from './running-ingest.ts'

type Running = Awaited<ReturnType<typeof runIngest>>

async function enrolled({ agents }: Running, collector: string): Promise<string> {
  const made = newSecretKey()
  await agents.enrol(await agents.createToken(60_000), collector, made)
  return `${made.id}.${made.secret}`
}

const ask = (url: string, key: string, waitMs = 0) =>
  fetch(`${url}/ingest/v1/commands?wait_ms=${waitMs}`, { headers: { authorization: `Bearer ${key}` } })
const idsOf = async (url: string, key: string, waitMs = 0) =>
  ((await (await ask(url, key, waitMs)).json()) as { commands: { id: string }[] }).commands.map(({ id }) => id)
const settle = (url: string, key: string, results: unknown) =>
  fetch(`${url}/ingest/v1/commands/results`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ results }),
  })

/** A runner in this process, on a channel of the caller's; what it emitted. */
async function running(channel: CommandChannel, actions: Record<string, CommandAction>, directory?: string) {
  const journal = createSqliteDocuments({ directory: directory ?? temporaryDirectory() })
  await journal.start()
  const emitted: Emission[] = []
  const sink = {
    emit: async (emission: Emission) => {
      emitted.push(emission)
      return true
    },
  }
  const metrics = new Metrics()
  const options = { channel, actions: new Map(Object.entries(actions)), journal, sink, metrics, logger: quiet }
  const runner = new CommandRunner({ ...options, waitMs: 100, actionMs: 200 })
  await runner.start()
  onTestFinished(async () => {
    await runner.stop(1_000)
    await journal.stop(1_000)
  })
  const told = () =>
    emitted.map(({ batch }) => {
      const table = batch.tables.command!
      return { id: readText(batch, table, 0, 'position'), outcome: readText(batch, table, 0, 'outcome') }
    })
  return { told, emitted, runner }
}

describe('commands over ingest', () => {
  test('reach the host that they are for, at once, and no other; a strange answer changes nothing', async () => {
    const centre = await runIngest()
    const [own, other] = [await enrolled(centre, 'web'), await enrolled(centre, 'web-1')]
    const desk = new CommandDesk({ documents: centre.documents })
    const waiting = idsOf(centre.url, own, 20_000)
    const { id } = await desk.give('web', 'ping', { n: 1 }, 60_000)
    expect(await waiting).toEqual([id])
    expect(await idsOf(centre.url, other)).toEqual([])
    const result = { id, outcome: 'done', message: 'pong' }
    expect((await settle(centre.url, other, [result])).status).toBe(200)
    expect((await desk.get('web', id))?.result).toBeNull()
    expect((await settle(centre.url, own, [result])).status).toBe(200)
    expect((await desk.get('web', id))?.result).toMatchObject({ outcome: 'done', message: 'pong' })
    // The first answer stays, and what is answered is not given again.
    await settle(centre.url, own, [{ ...result, outcome: 'failed' }])
    expect((await desk.get('web', id))?.result?.outcome).toBe('done')
    expect(await idsOf(centre.url, own)).toEqual([])
    expect((await fetch(`${centre.url}/ingest/v1/commands`)).status).toBe(401)
    for (const bad of [[{ ...result, outcome: 'x' }], [{ ...result, id: '' }], 'x', Array(101).fill(result)])
      expect((await settle(centre.url, own, bad)).status).toBe(400)
  })

  test('are not given to a host that was revoked while it waited', async () => {
    let nowMs = Date.now()
    const centre = await runIngest({ nowMs: () => nowMs })
    const key = await enrolled(centre, 'web')
    const waiting = ask(centre.url, key, 20_000)
    await isWaiting(centre)
    await centre.agents.revoke('web')
    nowMs += 6_000
    await new CommandDesk({ documents: centre.documents }).give('web', 'ping', null, 60_000)
    expect((await waiting).status).toBe(401)
  })

  test('are bounded: no more than a hundred wait, and of two questions of a host the later one waits', async () => {
    const centre = await runIngest()
    const key = await enrolled(centre, 'web')
    const first = idsOf(centre.url, key, 20_000)
    await isWaiting(centre)
    const second = idsOf(centre.url, key, 20_000)
    expect(await first).toEqual([])
    const desk = new CommandDesk({ documents: centre.documents })
    for (let i = 0; i < 100; i++) await desk.give('web', 'ping', null, 60_000)
    expect((await second).length).toBeGreaterThan(0)
    await expect(desk.give('web', 'ping', null, 60_000)).rejects.toMatchObject({ code: 'E_QUEUE_FULL' })
    await desk.give('web-1', 'ping', null, 60_000)
    // Of those that are settled the youngest hundred are kept.
    const ofWeb = async () => (await desk.list()).filter(({ collector }) => collector === 'web')
    const all = await ofWeb()
    const answers = all.map(({ id }) => ({ id, outcome: 'done', message: '' }))
    for (const some of [answers.slice(0, 60), answers.slice(60)]) await settle(centre.url, key, some)
    const { id } = await desk.give('web', 'ping', null, 60_000)
    await settle(centre.url, key, [{ id, outcome: 'done', message: '' }])
    const kept = await ofWeb()
    expect([kept.length, kept[0]!.id, kept.at(-1)!.id]).toEqual([100, all[1]!.id, id])
    for (const [kind, args, validMs] of [
      ['../x', null, 1],
      ['ping', 'x'.repeat(20_000), 1],
      ['ping', null, MAX_VALID_MS + 1],
    ] as const)
      await expect(desk.give('db', kind, args, validMs)).rejects.toMatchObject({ code: 'E_API_REQUEST' })
  })
})

/** A question is open at ingest. */
function isWaiting(centre: Running): Promise<unknown> {
  const open = () =>
    new Promise<number>((resolve) => centre.ingest.app.server.getConnections((_, count) => resolve(count ?? 0)))
  return until('the question to be asked', async () => (await open()) > 0)
}

describe('a host that is given commands', () => {
  async function given(actions: Record<string, CommandAction>, nowMs?: () => number) {
    const centre = await runIngest(nowMs === undefined ? {} : { nowMs })
    const client = new IngestClient({ url: centre.url, key: await enrolled(centre, 'host-1') })
    onTestFinished(() => client.close())
    const desk = new CommandDesk({ documents: centre.documents, ...(nowMs === undefined ? {} : { nowMs }) })
    const channel = createRemoteCommands(client)
    const answer = (id: string) =>
      until('the answer', async () => (await desk.get('host-1', id))?.result, 10_000).then(({ outcome, message }) => [
        outcome,
        message,
      ])
    return { desk, channel, answer, run: (directory?: string) => running(channel, actions, directory) }
  }

  test('answers what was done, what failed, what it does not know and what took too long', async () => {
    const { desk, answer, run } = await given({
      echo: async (args) => `was ${JSON.stringify(args)}`,
      fail: async () => Promise.reject(new Error('no such container')),
      hang: () => new Promise(() => {}),
    })
    const { told } = await run()
    const give = async (kind: string) => (await desk.give('host-1', kind, { a: 1 }, 60_000)).id
    const ids = [await give('echo'), await give('fail'), await give('constructor'), await give('hang')]
    const answers = await Promise.all(ids.map(answer))
    expect(answers).toEqual([
      ['done', 'was {"a":1}'],
      ['failed', 'no such container'],
      ['refused', expect.stringContaining('it knows echo, fail, hang')],
      ['failed', expect.stringContaining('not done within 200 ms')],
    ])
    expect(told().map(({ id, outcome }) => [id, outcome])).toEqual(ids.map((id, i) => [id, answers[i]![0]]))
  })

  test('does not begin what has expired by the clock of the centre, whatever its own says, and answers it', async () => {
    let nowMs = Date.now() - 10 * 365 * 86_400_000
    const done: unknown[] = []
    const action = async (args: unknown) => String(done.push(args))
    const { desk, answer, run } = await given({ note: action }, () => nowMs)
    const late = await desk.give('host-1', 'note', 'late', 60_000)
    nowMs += 61_000
    const inTime = await desk.give('host-1', 'note', 'in time', 60_000)
    await run()
    expect([(await answer(late.id))[0], (await answer(inTime.id))[0], done]).toEqual(['expired', 'done', ['in time']])
  })

  test('does not begin what was given to another host that had its name before, and answers it', async () => {
    const centre = await runIngest()
    await enrolled(centre, 'host-1')
    const desk = new CommandDesk({ documents: centre.documents })
    const { id } = await desk.give('host-1', 'note', null, 60_000)
    await centre.agents.revoke('host-1')
    const client = new IngestClient({ url: centre.url, key: await enrolled(centre, 'host-1') })
    onTestFinished(() => client.close())
    let executed = 0
    await running(createRemoteCommands(client), { note: async () => String(++executed) })
    const result = await until('the answer', async () => (await desk.get('host-1', id))?.result, 10_000)
    expect([result.outcome, executed]).toEqual(['expired', 0])
  })

  test('executes once what is delivered again because its answer was lost, and tells it once', async () => {
    let executed = 0
    const { desk, channel, answer } = await given({})
    let lost = 0
    const lossy: CommandChannel = {
      ...channel,
      settle: async (results) => {
        if (lost++ < 2) throw new Error('the answer was lost')
        return channel.settle(results)
      },
    }
    const { told } = await running(lossy, { count: async () => `${++executed}` })
    const { id } = await desk.give('host-1', 'count', null, 60_000)
    expect(await answer(id)).toEqual(['done', '1'])
    expect([executed, lost, told().length]).toEqual([1, 3, 1])
  })

  test('that is killed while a command runs answers it as interrupted, and never runs it again', {
    timeout: 60_000,
  }, async () => {
    const centre = await runIngest()
    const key = await enrolled(centre, 'host-1')
    const directory = temporaryDirectory()
    const notes = join(directory, 'notes')
    const desk = new CommandDesk({ documents: centre.documents })
    const start = async () => {
      const child = runChild('commanded-host.ts', centre.url, key, directory, notes)
      await child.printed('ready')
      return child
    }
    const first = await start()
    const noted = await desk.give('host-1', 'note', 'one', 60_000)
    await until('the first answer', async () => (await desk.get('host-1', noted.id))?.result, 20_000)
    const hanging = await desk.give('host-1', 'hang', 'two', 60_000)
    await until('it to run', () => existsSync(notes) && readFileSync(notes, 'utf8').includes('two'), 20_000)
    await first.kill()
    const second = await start()
    const result = await until('the answer', async () => (await desk.get('host-1', hanging.id))?.result, 20_000)
    expect(result).toMatchObject({ outcome: 'interrupted', message: expect.stringContaining('not known') })
    await second.kill()
    expect(readFileSync(notes, 'utf8')).toBe('"one"\n"two"\n')
    // Each answer is an event on the host's disk, once, under an id that follows from the command.
    const spool = createSqliteQueue({ directory: join(directory, 'queue') })
    await spool.start()
    const told = new Map<string, string>()
    const consumer = spool.consume('batches', async ({ items }) => {
      for (const { payload } of items) {
        const { header, batch } = openBatch(payload)
        const table = batch.tables.command
        for (let row = 0; row < (table?.rowCount ?? 0); row++) {
          expect(timeNs(batch, table!, row)).toBeGreaterThan(0n)
          told.set(new RowIds(header, batch).of(table!, row), readText(batch, table!, row, 'outcome')!)
        }
      }
    })
    await consumer.start()
    onTestFinished(async () => {
      await consumer.stop(1_000)
      await spool.stop(1_000)
    })
    await until('both events', () => told.size === 2)
    expect([...told.keys()].every((id) => id.endsWith(noted.id) || id.endsWith(hanging.id))).toBe(true)
    expect([...told.values()].sort()).toEqual(['done', 'interrupted'])
  })
})
