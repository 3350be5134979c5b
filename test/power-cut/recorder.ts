/**
 * Runs inside the machine whose power is cut. First it takes everything out of the host's spool and the deployment's
 * queue, as their consumers would, and says which of the expected records were not there; then it writes numbered
 * records until the lights go out, and says of each that it was acknowledged.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { createRedisQueue } from '../../backends/redis/queue.ts'
import { createSqliteQueue } from '../../backends/sqlite/queue.ts'
import type { Component } from '../../core/model/component.ts'
import type { Item, Queue } from '../../core/model/queue.ts'
import { numberedBatch } from '../chaos/numbered-events.ts'
import { lineOf, roundIn, type Said, type Writer } from './round.ts'

/** The bytes of a record follow from its number. */
const RECORDED_MS = Date.UTC(2026, 0, 1)
const CARELESS_FILE = '/data/careless'
const START_MS = 60_000
/** Longer than the queue's sweep for items that no job names. */
const DELIVERY_MS = 120_000

const say = (said: Said) => process.stdout.write(lineOf(said))
const round = roundIn(readFileSync('/proc/cmdline', 'utf8'))

function recordOf(writer: Writer, number: number): Item {
  return numberedBatch(writer, number, number, number, RECORDED_MS)
}

function* numbersOf(writer: Writer): Generator<number> {
  const [from, to] = round.expected[writer] ?? [0, -1]
  for (let number = from; number <= to; number++) yield number
}

/** Servers that read their files at start are not there at once. */
async function started<T extends Component>(open: () => T): Promise<T> {
  for (const endMs = performance.now() + START_MS; ; await sleep(200)) {
    const component = open()
    try {
      await component.start()
      return component
    } catch (error) {
      await component.stop(1_000)
      if (performance.now() > endMs) throw error
    }
  }
}

async function checkQueue(queue: Queue, writers: readonly Writer[]): Promise<void> {
  const awaited = new Map(
    writers.flatMap((writer) =>
      [...numbersOf(writer)].map((number) => [recordOf(writer, number).id, { writer, number }]),
    ),
  )
  const damaged = new Map(writers.map((writer) => [writer, [] as number[]]))
  const consumer = queue.consume('batches', async ({ items }) => {
    for (const { id, payload } of items) {
      const record = awaited.get(id)
      if (record === undefined || !awaited.delete(id)) continue
      if (Buffer.compare(recordOf(record.writer, record.number).payload, payload) !== 0)
        damaged.get(record.writer)?.push(record.number)
    }
  })
  // Without anything to wait for it would be told to stop while it starts.
  if (awaited.size > 0) await consumer.start()
  for (const endMs = performance.now() + DELIVERY_MS; awaited.size > 0 && performance.now() < endMs; await sleep(100))
    if ((await queue.depth('batches')).items === 0) break
  await consumer.stop(10_000)
  for (const writer of writers) {
    const missing = [...awaited.values()].filter((record) => record.writer === writer).map(({ number }) => number)
    const checkpoint = Number((await queue.checkpoint(writer))?.position ?? 0)
    const isCheckpointed = checkpoint >= (round.expected[writer]?.[1] ?? 0)
    say({ kind: 'checked', writer, missing, damaged: damaged.get(writer) ?? [], isCheckpointed })
  }
}

function checkCareless(): void {
  const kept = new Set(existsSync(CARELESS_FILE) ? readFileSync(CARELESS_FILE, 'latin1').split('\n') : [])
  const missing = [...numbersOf('careless')].filter((number) => !kept.has(String(number)))
  say({ kind: 'checked', writer: 'careless', missing, damaged: [], isCheckpointed: true })
}

async function write(queue: Queue, writer: Writer): Promise<void> {
  for (let number = round.first; ; number++) {
    const at = [{ source: writer, position: String(number) }]
    const outcome = await queue.offer('batches', [recordOf(writer, number)], at)
    if (outcome !== 'stored') throw new Error(`${writer} is full`)
    say({ kind: 'acknowledged', writer, number })
  }
}

async function writeCareless(): Promise<void> {
  for (let number = round.first; ; number++) {
    appendFileSync(CARELESS_FILE, `${number}\n`)
    say({ kind: 'acknowledged', writer: 'careless', number })
    await sleep(100)
  }
}

try {
  const spool = await started(() => createSqliteQueue({ directory: '/data/spool' }))
  const redis = await started(() => createRedisQueue({ url: readFileSync('/redis-url', 'utf8') }))
  await checkQueue(spool, ['spool-1', 'spool-2'])
  await checkQueue(redis, ['redis-1', 'redis-2'])
  checkCareless()
  await Promise.all([
    write(spool, 'spool-1'),
    write(spool, 'spool-2'),
    write(redis, 'redis-1'),
    write(redis, 'redis-2'),
    writeCareless(),
  ])
} catch (error) {
  say({ kind: 'failed', reason: String((error as Error).stack) })
  process.exit(1)
}
