import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { enrol, readCredentials } from '../../../collector/central/enrolment.ts'
import { IngestClient } from '../../../collector/central/ingest-client.ts'
import { RulesFollower } from '../../../collector/central/rules-follower.ts'
import { Shipper } from '../../../collector/central/shipper.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { readHeader, sealBatch } from '../../../core/batch/seal.ts'
import { fromText } from '../../../core/batch/strings.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import { ACTIVE_RULES, type PublishedRules, RULES_SPACE } from '../../../core/model/published-rules.ts'
import type { Item } from '../../../core/model/queue.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { eventually, take } from '../queue.suite.ts'
import { header, openQueue, quiet, runIngest, sealed, temporaryDirectory } from './running-ingest.ts'

const batch = (sequence: number, extra: Parameters<typeof header>[2] = {}): Item => ({
  id: `host-1/e1/${sequence}`,
  class: extra.class ?? 'routine',
  header: header('host-1', sequence, extra),
  payload: sealed('host-1', sequence, extra),
})

async function enrolledHost(running: Awaited<ReturnType<typeof runIngest>>) {
  const path = join(temporaryDirectory(), 'agent.json')
  const stranger = new IngestClient({ url: running.url })
  const credentials = await enrol(stranger, path, await running.agents.createToken(60_000), 'host-1')
  stranger.close()
  return { path, credentials }
}

async function shipping(
  url: string,
  key: string,
  spool: Awaited<ReturnType<typeof openQueue>>,
  onActiveRules?: (version: string) => void,
) {
  const client = new IngestClient({ url, key, timeoutMs: 2_000 })
  const metrics = new Metrics()
  const shipper = new Shipper({
    queue: spool,
    client,
    conditions: new Conditions({ metrics }),
    metrics,
    logger: quiet,
    ...(onActiveRules ? { onActiveRules } : {}),
  })
  await shipper.start()
  onTestFinished(async () => {
    await shipper.stop(1_000)
    client.close()
  })
  return shipper
}

describe('a host and ingest', () => {
  test('the key is kept for its owner alone', async () => {
    const running = await runIngest()
    const { path, credentials } = await enrolledHost(running)
    expect(readCredentials(path)).toEqual(credentials)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(readCredentials(`${path}.none`)).toBeNull()
    expect(await running.agents.authenticate(credentials.key)).toMatchObject({ collector: 'host-1' })
    expect(readFileSync(path, 'utf8')).not.toContain('digest')
  })

  test('ingest that ends between enrolling a host and answering it enrols it with its next try', async () => {
    const running = await runIngest()
    const directory = temporaryDirectory()
    const path = join(directory, 'agent.json')
    const token = await running.agents.createToken(60_000)
    // Lets the request through and ends the connection at the first byte of the answer.
    const mute = createServer((client) => {
      const server = connect(Number(new URL(running.url).port), '127.0.0.1')
      client.pipe(server)
      server.once('data', () => {
        client.destroy()
        server.destroy()
      })
      for (const socket of [client, server]) socket.on('error', () => {})
    }).listen(0, '127.0.0.1')
    await once(mute, 'listening')
    onTestFinished(() => void mute.close())
    const unheard = new IngestClient({ url: `http://127.0.0.1:${(mute.address() as AddressInfo).port}` })
    const stranger = new IngestClient({ url: running.url })
    await expect(enrol(unheard, path, token, 'host-1')).rejects.toMatchObject({
      code: 'E_INGEST_UNAVAILABLE',
      retryable: true,
    })
    expect(readCredentials(path)).toBeNull()
    expect(await running.agents.list()).toHaveLength(1)
    expect(statSync(`${path}.pending`).mode & 0o777).toBe(0o600)
    // Somebody who has the token, and not this host's key, gets nothing by it.
    await expect(enrol(stranger, join(directory, 'thief.json'), token, 'host-1')).rejects.toMatchObject({
      code: 'E_INGEST_TOKEN',
    })
    const credentials = await enrol(stranger, path, token, 'host-1')
    expect(await running.agents.list()).toHaveLength(1)
    expect(await running.agents.authenticate(credentials.key)).toMatchObject({ id: credentials.agent })
    expect([readCredentials(path), existsSync(`${path}.pending`)]).toEqual([credentials, false])
    unheard.close()
    stranger.close()
  })

  test('what the spool holds arrives, while ingest comes and goes', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory()
    const centre = temporaryDirectory()
    const first = await runIngest({ directory, queueOptions: { directory: centre } })
    const { credentials } = await enrolledHost(first)
    const port = Number(new URL(first.url).port)
    const spool = await openQueue()
    await shipping(first.url, credentials.key, spool)
    for (let n = 1; n <= 100; n++) await spool.offer('batches', [batch(n)])
    await eventually(async () => (await spool.depth('batches')).items < 100)
    await first.ingest.stop(100)
    for (let n = 101; n <= 150; n++) await spool.offer('batches', [batch(n)])
    expect((await spool.depth('batches')).items).toBeGreaterThanOrEqual(50)
    const second = await runIngest({ directory, queueOptions: { directory: centre }, port })
    await eventually(async () => (await spool.depth('batches')).items === 0, 20_000)
    const got = await take(second.queue, 'batches', 150)
    expect(got.map(({ header: h }) => h?.sequence).sort((a, b) => a! - b!)).toEqual(
      Array.from({ length: 150 }, (_, i) => i + 1),
    )
  })

  test('a batch that ingest can never take is set aside on the host, and the others arrive', async () => {
    const running = await runIngest()
    const { credentials } = await enrolledHost(running)
    const spool = await openQueue()
    const foreign = { ...batch(2), payload: sealed('somebody-else', 2) }
    await spool.offer('batches', [batch(1), foreign, batch(3)])
    await shipping(running.url, credentials.key, spool)
    await eventually(async () => (await spool.depth('batches')).items === 0)
    const arrived = await take(running.queue, 'batches', 2)
    expect(arrived.map(({ header: h }) => h?.sequence).sort()).toEqual([1, 3])
    expect((await take(spool, 'dead', 1))[0]?.failure?.message).toContain('somebody-else')
  })

  test('a full spool keeps the evidence; what it had to evict arrives as its header, with what was lost', async () => {
    const running = await runIngest()
    const { credentials } = await enrolledHost(running)
    const spool = await openQueue({ maxBytes: 40_000 })
    const rows = 10
    const offer = async (sequence: number, cls: Item['class']) => {
      const builder = new BatchBuilder(1_795_000_000_000_000_000n)
      for (let i = 0; i < rows; i++)
        builder.addEvent('health', builder.baseNs, {
          type: EVENT_TYPES.health.code,
          message: fromText(randomBytes(300).toString('hex')),
        })
      const head = header('host-1', sequence, { class: cls, rows, dropped: sequence === 1 ? { ring_full: 2 } : {} })
      const { bytes } = sealBatch(head, builder.build())
      return spool.offer('batches', [{ id: `host-1/e1/${sequence}`, class: cls, header: head, payload: bytes }])
    }
    let offered = 0
    while ((await offer(offered + 1, 'routine')) === 'stored') offered += 1
    expect(offered).toBeGreaterThan(5)
    for (let i = 0; i < 3; i++) expect(await offer(++offered, 'evidence')).toBe('stored')
    expect(spool.counters.evictedItems).toBeGreaterThan(2)
    await shipping(running.url, credentials.key, spool)
    const got = (await take(running.queue, 'batches', offered)).map(({ payload }) => readHeader(payload))
    const evicted = got.filter((one) => one.rows === 0)
    // The oldest of the lowest class; nothing else.
    expect(evicted.map(({ sequence }) => sequence).sort((a, b) => a - b)).toEqual(
      Array.from({ length: spool.counters.evictedItems }, (_, i) => i + 1),
    )
    expect(evicted.find(({ sequence }) => sequence === 1)?.dropped).toEqual({ ring_full: 2, spool_full: rows })
    const told = got.reduce((sum, one) => sum + one.rows + (one.dropped.spool_full ?? 0), 0)
    expect([told, got.length]).toEqual([offered * rows, offered])
  })

  test('a host follows the rules of the centre, keeps them, and stays with the last good ones', async () => {
    const running = await runIngest()
    const { credentials } = await enrolledHost(running)
    const rules = (version: string): PublishedRules => ({
      version,
      files: [{ name: 'a.yaml', text: version }],
      matching: 'all',
      publishedMs: 1,
    })
    const publish = async (version: string) => {
      await running.documents.put(RULES_SPACE, version, rules(version), 0)
      const active = await running.documents.get(RULES_SPACE, ACTIVE_RULES)
      await running.documents.put(RULES_SPACE, ACTIVE_RULES, { version, sinceMs: 1 }, active?.version ?? 0)
    }
    await publish('v1')
    const path = join(temporaryDirectory(), 'rules.json')
    const applied: string[] = []
    const client = new IngestClient({ url: running.url, key: credentials.key })
    const follower = new RulesFollower({
      client,
      path,
      logger: quiet,
      apply: async ({ version }) => {
        if (version === 'bad') throw new Error('does not compile here')
        applied.push(version)
      },
    })
    await follower.start()
    onTestFinished(async () => {
      await follower.stop(1_000)
      client.close()
    })
    await expect.poll(() => applied).toEqual(['v1'])
    const spool = await openQueue()
    await shipping(running.url, credentials.key, spool, (version) => follower.hear(version))
    let sequence = 0
    const arrives = async (version: string) => {
      await publish(version)
      await eventually(async () => {
        await spool.offer('batches', [batch(++sequence)])
        await new Promise((resolve) => setTimeout(resolve, 100))
        return applied.at(-1) === version || version === 'bad'
      })
    }
    await arrives('v2')
    expect(RulesFollower.stored(path)?.version).toBe('v2')
    await arrives('bad')
    await arrives('v3')
    expect(applied).toEqual(['v1', 'v2', 'v3'])
    expect(RulesFollower.stored(path)?.version).toBe('v3')
  })
})
