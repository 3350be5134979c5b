/**
 * The embedded search store: CPU and bytes per event written durably in batches of 1,000, then the queries that people
 * ask, at 2M events (`SEAMARK_BENCH_EVENTS` for fewer). The documents are ECS-like, about 650 bytes of JSON.
 */
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteSearchStore } from '../backends/sqlite/search-store.ts'
import type { KqlNode } from '../core/language/kql/ast.ts'
import type { Doc, Query } from '../core/model/search-store.ts'

const EVENTS = Number(process.env.SEAMARK_BENCH_EVENTS ?? 2_000_000)
const BATCH = 1_000
const ROUNDS = 7
const DAY = '2026-11-22'
const START = Date.parse(`${DAY}T00:00:00Z`)
const SPAN_MS = 86_400_000

const FIELDS = {
  '@timestamp': 'date',
  message: 'keyword',
  'container.id': 'keyword',
  'container.image.name': 'keyword',
  'container.name': 'keyword',
  'event.action': 'keyword',
  'event.category': 'keyword',
  'event.id': 'keyword',
  'event.kind': 'keyword',
  'event.type': 'keyword',
  'file.path': 'keyword',
  'host.name': 'keyword',
  'log.level': 'keyword',
  'process.args': 'keyword',
  'process.command_line': 'keyword',
  'process.executable': 'keyword',
  'process.name': 'keyword',
  'process.parent.name': 'keyword',
  'process.parent.pid': 'long',
  'process.pid': 'long',
  'rule.name': 'keyword',
  'seamark.time_ns': 'keyword',
  'user.id': 'keyword',
  'user.name': 'keyword',
} as const

const NAMES = [
  'sh',
  'bash',
  'nginx',
  'node',
  'python3',
  'curl',
  'postgres',
  'redis-server',
  'java',
  'cat',
  'ls',
  'php-fpm',
]
const ACTIONS = ['openat', 'openat', 'openat', 'openat', 'execve', 'connect', 'exit', 'accept', 'unlink', 'rename']
const LEVELS = ['notice', 'warning', 'error', 'critical']

/** Numbers that look random and are the same in every run (xorshift32). */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

const random = generator(0x5ea3a2c)

/** A string that one document in the middle of the day has. */
let rare = ''

/** About one string in ten is new, as in a busy host's events: 100,000 distinct ones in a million. */
function makeEvent(n: number): Doc {
  const timeMs = START + Math.floor((n / EVENTS) * SPAN_MS)
  const container = random(100)
  const name = NAMES[random(NAMES.length)]!
  const action = ACTIONS[random(ACTIONS.length)]!
  const pid = 1_000 + random(30_000)
  const fresh = random(10) === 0
  if (fresh && rare === '' && n > EVENTS / 2) rare = `job-${n.toString(36)}`
  const argument = fresh
    ? `/srv/app-${container}/release/job-${n.toString(36)}`
    : `/srv/app-${container}/task-${random(40)}`
  const id = container.toString(16).padStart(12, 'c0ffee')
  const ns = BigInt(timeMs) * 1_000_000n + BigInt(n % 1_000_000)
  const eventId = `${ns.toString(16).padStart(16, '0')}-0123456789abcde-${n.toString(36)}`
  return {
    kind: 'event',
    id: eventId,
    timeMs,
    day: DAY,
    part: 0,
    body: {
      '@timestamp': new Date(timeMs).toISOString(),
      event: { id: eventId, kind: 'event', category: ['process'], type: ['start'], action },
      host: { name: `host-${container % 4}` },
      container: { id, name: `app-${container}`, image: { name: `registry.example/team/app-${container % 20}` } },
      process: {
        pid,
        name,
        executable: `/usr/bin/${name}`,
        command_line: `${name} --config /etc/${name}.conf ${argument}`,
        args: [name, '--config', `/etc/${name}.conf`, argument],
        parent: { pid: 1 + random(1_000), name: 'containerd-shim' },
      },
      ...(action === 'openat' ? { file: { path: `${argument}/data.json` } } : {}),
      seamark: { time_ns: `${ns}` },
      user: { id: '1000', name: `user-${container % 7}` },
      ...(n % 1_000 === 0 ? { rule: { name: `Rule ${n % 23}` }, log: { level: LEVELS[random(4)] } } : {}),
    },
  }
}

const is = (field: string | null, text: string): KqlNode => ({
  kind: 'is',
  field,
  value: { text, quoted: false, wildcards: [...text.matchAll(/\*/g)].map(({ index }) => index) },
})
const and = (...children: KqlNode[]): KqlNode => ({ kind: 'and', children })
const containerId = (n: number) => n.toString(16).padStart(12, 'c0ffee')

/** Runs the bench and prints one line a figure, or one JSON object a row. */
export async function run({ json }: { json: boolean }): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-bench-'))
  const store = createSqliteSearchStore({ directory, fields: FIELDS, queryTimeoutMs: 120_000 })
  const print = (row: Record<string, string | number>) => {
    const text = Object.entries(row).map(([name, value]) => `${name} ${value}`)
    console.log(json ? JSON.stringify({ bench: 'store', ...row }) : text.join('  '))
  }
  try {
    await store.start()
    let cpuUs = 0
    let wallMs = 0
    let jsonBytes = 0
    let docs: Doc[] = []
    for (let n = 0; n < EVENTS; n += BATCH) {
      docs = Array.from({ length: BATCH }, (_, i) => makeEvent(n + i))
      if (n % 100_000 === 0) jsonBytes += docs.reduce((sum, { body }) => sum + JSON.stringify(body).length, 0)
      const before = process.cpuUsage()
      const startMs = performance.now()
      await store.write(docs)
      wallMs += performance.now() - startMs
      const used = process.cpuUsage(before)
      cpuUs += used.user + used.system
    }
    const last = docs.at(-1)!
    await store.write(docs)
    const bytes = readdirSync(directory).reduce(
      (sum, name) => sum + (name.endsWith('.db') ? statSync(join(directory, name)).size : 0),
      0,
    )
    print({
      case: 'write',
      events: EVENTS,
      json_bytes_per_event: Math.round(jsonBytes / (Math.ceil(EVENTS / 100_000) * BATCH)),
      cpu_us_per_event: round(cpuUs / EVENTS),
      wall_us_per_event: round((wallMs * 1_000) / EVENTS),
      stored_bytes_per_event: Math.round(bytes / EVENTS),
    })
    const search =
      (filter: KqlNode | undefined, extra: Partial<Query> = {}) =>
      async () =>
        (await store.search({ kind: 'event', limit: 100, ...(filter === undefined ? {} : { filter }), ...extra })).hits
          .length
    const all = { kind: 'event' as const }
    const exec = and(is('container.id', containerId(7)), is('process.name', 'curl'), is('event.action', 'execve'))
    const cases: [string, () => Promise<number>][] = [
      ['last 100', search(undefined)],
      ['last 100 of a container', search(is('container.id', containerId(7)))],
      ['by container name', search(is('container.name', 'app-42'))],
      ['substring of command lines, rare', search(is('process.command_line', `*${rare}*`))],
      ['substring of command lines, absent', search(is('process.command_line', '*no-such-thing*'))],
      ['text anywhere, rare', search(is(null, rare))],
      ['text anywhere, common', search(is(null, 'postgres'))],
      ['three filters', search(exec)],
      [
        'three filters, next page',
        async () => {
          const { next } = await store.search({ kind: 'event', filter: exec, limit: 50 })
          return (await store.search({ kind: 'event', filter: exec, limit: 50, cursor: next! })).hits.length
        },
      ],
      ['field without a column', search(is('file.path', '/srv/app-7/task-3/data.json'))],
      [
        'exact count of a common filter',
        async () => (await store.count({ ...all, filter: is('process.name', 'sh') }, []))[0]!.count,
      ],
      ['top process names over 24 h', async () => (await store.count(all, ['process.name'])).length],
      ['top rules over 24 h', async () => (await store.count(all, ['rule.name'])).length],
      ['histogram by priority', async () => (await store.count(all, ['log.level'], 3_600_000)).length],
      [
        'histogram by minute of a container',
        async () => (await store.count({ ...all, filter: is('container.id', containerId(7)) }, [], 60_000)).length,
      ],
      ['by id', async () => ((await store.get('event', last.id)) === null ? 0 : 1)],
    ]
    for (const [name, query] of cases) {
      const times: number[] = []
      let results = 0
      for (let round = 0; round < ROUNDS; round++) {
        const startMs = performance.now()
        results = await query()
        times.push(performance.now() - startMs)
      }
      const first = times[0]!
      times.sort((a, b) => a - b)
      print({
        case: name,
        results,
        median_ms: round(times[ROUNDS >> 1]!),
        first_ms: round(first),
        most_ms: round(times.at(-1)!),
      })
    }
  } finally {
    await store.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
