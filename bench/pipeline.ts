/**
 * Events per second from hosts' messages through ingest and Redis (append-only file, synced always) until the analyzer
 * has judged them with 93 rules, everything on this machine. `packed`: few hosts, batches of 4,000 events.
 * `small`: 1,000 hosts whose messages hold 40. Elasticsearch is away; what is to be indexed is queued for it.
 */
import { BATCH_ROWS, eventStream } from '../app/rules/event-stream.ts'
import { take } from './support/batches.ts'
import { Central, type Message, sealFor } from './support/central.ts'
import { Report, spread } from './support/report.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
/** Rounds before it is measured: V8 compiles for the first two or three million events. */
const WARM_ROUNDS = Number(process.env.BENCH_WARM_ROUNDS ?? 5)
/** One case alone. */
const ONLY = process.env.BENCH_CASE
const CASES = [
  { name: 'packed', hosts: 8, rows: BATCH_ROWS, events: 400_000, concurrency: 16 },
  { name: 'small', hosts: 1_000, rows: 40, events: 200_000, concurrency: 256 },
] as const

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('pipeline', options)
  for (const { name, hosts: count, rows, events, concurrency } of CASES) {
    if (ONLY !== undefined && ONLY !== name) continue
    const hosts = Array.from({ length: count }, (_, i) => `bench-${i}`)
    const central = await Central.start(1, hosts)
    try {
      const stream = eventStream(rows)
      const sequences: number[] = []
      const nextRound = () => sealFor(hosts, take(stream, Math.ceil(events / rows)), sequences)
      for (let i = 0; i < WARM_ROUNDS; i++) await measure(central, nextRound(), concurrency)
      const measured: Awaited<ReturnType<typeof measure>>[] = []
      for (let i = 0; i < ROUNDS; i++) measured.push(await measure(central, nextRound(), concurrency))
      const of = (key: keyof (typeof measured)[number]) => spread(measured.map((one) => one[key])).median
      const rates = spread(measured.map(({ rate }) => rate))
      report.row({
        case: name,
        hosts: count,
        events_per_batch: rows,
        events_per_second: Math.round(rates.median),
        events_per_second_min: Math.round(rates.min),
        events_per_second_max: Math.round(rates.max),
        ingest_cpu_us_per_event: of('ingest'),
        analyzer_cpu_us_per_event: of('analyzers'),
        redis_cpu_us_per_event: of('redis'),
        sender_cpu_us_per_event: of('sender'),
      })
    } finally {
      await central.remove()
    }
  }
}

async function measure(central: Central, messages: readonly Message[], concurrency: number) {
  const events = messages.reduce((sum, message) => sum + message.events, 0)
  const before = central.cpu()
  const ownBefore = process.cpuUsage()
  const startMs = performance.now()
  await central.send(messages, concurrency)
  const sentMs = performance.now()
  await central.empty('batches')
  if (process.env.BENCH_VERBOSE)
    console.log('send', Math.round(sentMs - startMs), 'drain', Math.round(performance.now() - sentMs))
  const seconds = (performance.now() - startMs) / 1_000
  const own = process.cpuUsage(ownBefore)
  const after = central.cpu()
  const usEach = (from: number, to: number) => ((to - from) * 1e6) / events
  // Alerts come after; the next round begins when they are done.
  await central.empty('detections')
  return {
    rate: events / seconds,
    ingest: usEach(before.ingest, after.ingest),
    analyzers: usEach(before.analyzers, after.analyzers),
    redis: usEach(before.redis, after.redis),
    sender: (own.user + own.system) / events,
  }
}
