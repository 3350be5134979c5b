import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { crc32, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createRedisDocuments } from '../../backends/redis/documents.ts'
import { storageDays } from '../../core/batch/storage-day.ts'
import { Agents } from '../../ingest/agents.ts'
import { numberedBatch, numberIn } from '../chaos/numbered-events.ts'
import { indexNames, storedDocuments, valueAt } from '../chaos/stored.ts'
import { Deployment, type RunningProcess } from '../support/deployment.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { until } from '../support/wait.ts'
import { enrolWith, type Sender, senderWith } from './sender.ts'

const HOSTS = 49
const BATCHES = 20
const ROWS = 10
/** An honest host waits for its answer no longer than this, whatever the hostile one does. */
const PATIENCE_MS = 2_000
/** Far more than ingest holds at the same time. */
const SILENT_SOCKETS = 40
const DAY_MS = 86_400_000
const TEN_YEARS_MS = 3_653 * DAY_MS

const missing = redisMissing() ?? elasticsearchMissing()

describe.skipIf(missing !== null)(
  `fifty hosts, one of them hostile${missing === null ? '' : ` (skipped: ${missing})`}`,
  () => {
    let deployment: Deployment
    let ingest: RunningProcess
    const honest: Sender[] = []
    let hostile: Sender
    /** Its key is in the same hands. */
    let silent: Sender
    beforeAll(async () => {
      deployment = await Deployment.start()
      ingest = await deployment.run('ingest')
      await deployment.run('analyzer')
      const documents = createRedisDocuments({ url: deployment.redis.url })
      await documents.start()
      const agents = new Agents({ documents })
      const enrol = async (name: string) => enrolWith(ingest.url, await agents.createToken(60_000), name)
      for (let i = 0; i < HOSTS; i++) honest.push(await enrol(`honest-${i}`))
      hostile = await enrol('hostile')
      silent = await enrol('silent')
      await documents.stop(1_000)
    })
    afterAll(() => deployment?.remove())

    test('the others never notice, and no index appears beyond the days of storage', { timeout: 300_000 }, async () => {
      const abort = new AbortController()
      const statuses = new Map<string, Set<number>>()
      const attacking = attack(ingest.url, { hostile, silent }, statuses, abort.signal)
      const times = (await Promise.all(honest.map(sendAll))).flat()
      abort.abort()
      await attacking
      expect(Math.max(...times)).toBeLessThan(PATIENCE_MS)
      // Replays, far times and bombs are taken, as they are sealed well; what they hold cannot do harm.
      expect(Object.fromEntries([...statuses].map(([name, seen]) => [name, [...seen]]))).toEqual({
        'wrong key': [401],
        replayed: [200],
        'another name': [403],
        'ten years apart': [200],
        bomb: [200],
        'bomb that says so': [422],
        'bombs that together say too much': [413],
        'id as long as a book': [422],
        'gigabyte announced': [413],
        'of no length': [411],
        // As much as one host may have under way is waited for; all others of it are refused.
        'announced and not sent': [503],
      })
      const expected = HOSTS * BATCHES * ROWS
      const ours = await until(
        'all honest events',
        async () => {
          const found = await storedDocuments(deployment.elasticsearch.url, 'events', ['host.name', 'file.path'])
          const kept = found.filter(({ source }) => String(valueAt(source, 'host.name')).startsWith('honest-'))
          return kept.length >= expected ? { found, kept } : null
        },
        90_000,
      )
      const names = ours.kept.map(
        ({ source }) => `${valueAt(source, 'host.name')} ${numberIn(valueAt(source, 'file.path') as string)}`,
      )
      expect([names.length, new Set(names).size]).toEqual([expected, expected])
      const replayed = ours.found.filter(
        ({ source }) =>
          valueAt(source, 'file.path') === '/numbered/event/000000001' && valueAt(source, 'host.name') === 'hostile',
      )
      expect(replayed).toHaveLength(1)
      const days = new Set(storageDays(Date.now()).map((day) => day.replaceAll('-', '.')))
      const strange = (await indexNames(deployment.elasticsearch.url)).filter((name) => {
        const day = /\d{4}\.\d{2}\.\d{2}/.exec(name)?.[0]
        return day !== undefined && !days.has(day)
      })
      expect(strange).toEqual([])
      // The bombs are told of by name and can be looked at.
      const listed = await until(
        'the bombs among the dead letters',
        async () => {
          const { stdout } = await deployment.command('deadletters', 'list', '--json')
          const letters = stdout
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as { key: string; id: string; failure: { code: string } })
          return letters.length > 0 && letters
        },
        30_000,
      )
      expect(new Set(listed.map(({ failure }) => failure.code))).toEqual(new Set(['E_BATCH_CORRUPT']))
      expect(listed.every(({ id }) => id.startsWith('batches/hostile/'))).toBe(true)
      expect((await deployment.command('deadletters', 'show', listed[0]!.key)).stdout).toContain('hostile')
    })
  },
)

/** How long each answer took, in ms. */
async function sendAll(sender: Sender): Promise<number[]> {
  const times: number[] = []
  for (let i = 0; i < BATCHES; i++) {
    const { status, tookMs } = await sender.send([
      numberedBatch(sender.collector, i + 1, i * ROWS + 1, (i + 1) * ROWS).payload,
    ])
    expect(status).toBe(200)
    times.push(tookMs)
    await sleep(200)
  }
  sender.close()
  return times
}

async function attack(
  url: string,
  { hostile, silent }: { hostile: Sender; silent: Sender },
  statuses: Map<string, Set<number>>,
  signal: AbortSignal,
): Promise<void> {
  const note = (name: string, status: number) => statuses.set(name, (statuses.get(name) ?? new Set()).add(status))
  const thief = senderWith(url, `${hostile.key}x`, 'hostile')
  const first = numberedBatch('hostile', 1, 1, 10).payload
  const sockets = Array.from({ length: SILENT_SOCKETS }, () => announce(url, silent.key, 32 * 1024 * 1024))
  for (let sequence = 2; !signal.aborted; sequence += 3) {
    note('wrong key', (await thief.send([first])).status)
    note('replayed', (await hostile.send([first])).status)
    note('another name', (await hostile.send([numberedBatch('honest-1', 1, 1, 10).payload])).status)
    for (const [i, shiftMs] of [-TEN_YEARS_MS, TEN_YEARS_MS].entries()) {
      const batch = numberedBatch('hostile', sequence + i, 100, 110, Date.now() + shiftMs)
      note('ten years apart', (await hostile.send([batch.payload])).status)
    }
    note('bomb', (await hostile.send([bomb(first, sequence + 2)])).status)
    note('bomb that says so', (await hostile.send([bomb(first, sequence + 2, { says: BOMB_BYTES })])).status)
    const many = Array.from({ length: 10 }, (_, i) => bomb(first, sequence + i, { says: 15 * 1024 * 1024 }))
    note('bombs that together say too much', (await hostile.send(many)).status)
    note('id as long as a book', (await hostile.send([bomb(first, sequence, { epoch: 'e'.repeat(6_000) })])).status)
    note('gigabyte announced', await rawRequest(url, hostile.key, `content-length: ${2 ** 30}`))
    note('of no length', await rawRequest(url, hostile.key, 'transfer-encoding: chunked'))
  }
  for (const { answered } of sockets) for (const status of answered) note('announced and not sent', status)
  for (const { socket } of sockets) socket.destroy()
  thief.close()
  hostile.close()
  silent.close()
}

/** Says that so much will come, and sends none of it. What is answered meanwhile. */
function announce(url: string, key: string, bytes: number): { socket: Socket; answered: number[] } {
  const answered: number[] = []
  const socket = openRequest(url, key, `content-length: ${bytes}`)
  socket.on('error', () => {})
  socket.on('data', (data) => answered.push(statusIn(data)))
  return { socket, answered }
}

/** Well sealed and small; inflates to 256 MiB, and says that it inflates to so many bytes. */
function bomb(batch: Uint8Array, sequence: number, { says = 1_000, epoch = 'e' } = {}): Uint8Array {
  const frame = Buffer.from(batch)
  const header = JSON.parse(frame.toString('utf8', 20, 20 + frame.readUInt32LE(4))) as Record<string, unknown>
  const head = Buffer.from(JSON.stringify({ ...header, sequence, epoch }))
  const out = Buffer.concat([frame.subarray(0, 20), head, BOMB])
  out.writeUInt32LE(head.length, 4)
  out.writeUInt32LE(BOMB.length, 8)
  out.writeUInt32LE(says, 12)
  out.writeUInt32LE(crc32(out.subarray(20)), 16)
  return out
}
const BOMB_BYTES = 256 * 1024 * 1024
const BOMB = zstdCompressSync(Buffer.alloc(BOMB_BYTES))

/** Sends only the head of a request; the status of the answer. */
function rawRequest(url: string, key: string, lengthHeader: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = openRequest(url, key, lengthHeader)
    socket.on('error', reject)
    socket.once('data', (data) => {
      resolve(statusIn(data))
      socket.destroy()
    })
  })
}

function openRequest(url: string, key: string, lengthHeader: string): Socket {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `POST /ingest/v1/batches HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\n` +
      `content-type: application/vnd.seamark.batches\r\n${lengthHeader}\r\n\r\n`,
  )
  return socket
}

function statusIn(answer: Buffer): number {
  return Number(/^HTTP\/1.1 (\d+)/.exec(answer.toString('latin1'))?.[1])
}
