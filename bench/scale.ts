/**
 * What one, two and four analyzers spend per event on the same load of 1,000 hosts, and whether ingest serves all hosts
 * alike: the mean wait of the host that waited longest, beside that of the median host.
 */
import { eventStream } from '../app/rules/event-stream.ts'
import { take } from './support/batches.ts'
import { Central, type Message, sealFor } from './support/central.ts'
import { Report, spread } from './support/report.ts'

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3)
/** Rounds for each analyzer before it is measured: V8 compiles for the first two or three million events. */
const WARM_ROUNDS = Number(process.env.BENCH_WARM_ROUNDS ?? 5)
const HOSTS = Array.from({ length: 1_000 }, (_, i) => `bench-${i}`)
const ROWS = 200
/** Each host sends one in a round. */
const BATCHES = HOSTS.length
const CONCURRENCY = 64

export async function run(options: { json: boolean }): Promise<void> {
  const report = new Report('scale', options)
  const stream = eventStream(ROWS)
  const sequences: number[] = []
  // Each message is sealed once: what was sent again would only be recognised.
  const nextRound = () => sealFor(HOSTS, take(stream, BATCHES), sequences)
  for (const analyzers of [1, 2, 4]) {
    const central = await Central.start(analyzers, HOSTS)
    try {
      const waits = HOSTS.map(() => [] as number[])
      const costs: number[] = []
      const rates: number[] = []
      for (let i = 0; i < analyzers * WARM_ROUNDS; i++) await measure(central, nextRound())
      for (let i = 0; i < ROUNDS; i++) {
        const { cost, rate, waitedMs } = await measure(central, nextRound())
        costs.push(cost)
        rates.push(rate)
        for (const [host, waited] of waitedMs.entries()) waits[host]!.push(...waited)
      }
      const means = spread(waits.map((waited) => waited.reduce((sum, ms) => sum + ms, 0) / waited.length))
      const { median, min, max } = spread(costs)
      report.row({
        analyzers,
        hosts: HOSTS.length,
        analyzer_cpu_us_per_event: median,
        analyzer_cpu_us_per_event_min: min,
        analyzer_cpu_us_per_event_max: max,
        events_per_second: Math.round(spread(rates).median),
        median_host_waits_ms: means.median,
        longest_waiting_host_ms: means.max,
      })
    } finally {
      await central.remove()
    }
  }
}

async function measure(central: Central, messages: readonly Message[]) {
  const events = messages.reduce((sum, message) => sum + message.events, 0)
  const before = central.cpu()
  const startMs = performance.now()
  const { waitedMs } = await central.send(messages, CONCURRENCY)
  await central.empty('batches', 'detections')
  const seconds = (performance.now() - startMs) / 1_000
  const cost = ((central.cpu().analyzers - before.analyzers) * 1e6) / events
  return { cost, rate: events / seconds, waitedMs }
}
