import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createSqliteQueue, type SqliteQueueOptions } from '../../backends/sqlite/queue.ts'
import { consuming, eventually, item, queueSuite, take } from './queue.suite.ts'

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-queue-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

queueSuite('SQLite', async () => {
  const directory = temporaryDirectory()
  return { open: (limits) => opened({ directory, ...limits }) }
})

async function opened(options: SqliteQueueOptions) {
  const queue = createSqliteQueue({ backoffMs: { first: 5, most: 20 }, ...options })
  await queue.start()
  onTestFinished(() => queue.stop(1_000))
  return queue
}

function child(script: string, ...args: string[]): ChildProcess {
  const started = spawn(process.execPath, [join(import.meta.dirname, 'children', script), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void started.kill('SIGKILL'))
  return started
}

describe('SQLite queue', () => {
  test('keeps everything it acknowledged through kill -9, and nothing twice', { timeout: 60_000 }, async () => {
    const directory = temporaryDirectory()
    const acknowledged = new Set<number>()
    for (let round = 0; round < 6; round++) {
      const offerer = child('offer-numbers.ts', directory, String(Math.max(-1, ...acknowledged) + 1))
      const lines = createInterface({ input: offerer.stdout! })
      const firstOfRound = acknowledged.size
      lines.on('line', (line) => acknowledged.add(Number(line)))
      await eventually(() => acknowledged.size > firstOfRound + 20)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 150))
      offerer.kill('SIGKILL')
      await once(lines, 'close')
    }
    const queue = await opened({ directory })
    const { items } = await queue.depth('batches')
    const got = await take(queue, 'batches', items)
    const numbers = got.map(({ id }) => Number(id))
    expect(new Set(numbers).size).toBe(numbers.length)
    expect([...acknowledged].filter((n) => !numbers.includes(n))).toEqual([])
    for (const { id, payload } of got)
      expect(payload).toEqual(new Uint8Array(Buffer.alloc(1 + (Number(id) % 5_000), Number(id) % 251)))
    // Each lane's checkpoint is that of its last item: both were in one commit.
    for (const lane of [0, 1]) {
      const last = Math.max(...numbers.filter((n) => n % 2 === lane))
      expect(Number((await queue.checkpoint(`lane-${lane}`))?.position)).toBe(last)
    }
  })

  test('a killed consumer loses its items to the next one at once, long before its lease ends', async () => {
    const directory = temporaryDirectory()
    const queue = await opened({ directory })
    await queue.offer('index', [item('a'), item('b')])
    const holder = child('hold-item.ts', directory)
    const [line] = await once(createInterface({ input: holder.stdout! }), 'line')
    expect(line).toBe('a b')
    await expect(
      consuming(
        queue,
        'index',
        async () => {},
        async () => (await queue.depth('index')).items < 2,
        64,
        300,
      ),
    ).rejects.toThrow()
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    const attempts: number[] = []
    await consuming(
      queue,
      'index',
      async ({ attempt }) => void attempts.push(attempt),
      () => attempts.length > 0,
    )
    expect(attempts).toEqual([2])
  })

  test('wakes consumers in other threads without waiting for their poll', async () => {
    const directory = temporaryDirectory()
    const queue = await opened({ directory, pollMs: 60_000 })
    const worker = new Worker(join(import.meta.dirname, 'children/echo-thread.ts'), { workerData: directory })
    onTestFinished(() => void worker.terminate())
    const trips: number[] = []
    let sentMs = 0
    const consumer = queue.consume('notify/terminal', async () => void trips.push(performance.now() - sentMs))
    await consumer.start()
    for (let i = 0; i < 30; i++) {
      sentMs = performance.now()
      await queue.offer('detections', [item(`${i}`)])
      await eventually(() => trips.length === i + 1)
    }
    await consumer.stop(1_000)
    // Two commits and two wake-ups; a poll would have taken a minute.
    expect(trips.sort((a, b) => a - b)[15]).toBeLessThan(100)
  })

  test('sets a damaged file aside, says so, and starts', async () => {
    const directory = temporaryDirectory()
    const first = await opened({ directory })
    await first.offer('index', [item('kept')])
    await first.offer('notify/terminal', [item('lost')])
    await first.stop(1_000)
    writeFileSync(join(directory, 'notify.db'), 'this is no database'.repeat(1_000))
    const reports: string[] = []
    const queue = await opened({ directory, onCorrupt: ({ movedTo }) => reports.push(movedTo) })
    expect(reports).toEqual([join(directory, 'notify.db.corrupt')])
    expect(queue.counters.corruptFiles).toBe(1)
    expect(readdirSync(directory)).toContain('notify.db.corrupt')
    expect((await queue.depth('index')).items).toBe(1)
    expect(await queue.offer('notify/terminal', [item('new')])).toBe('stored')
  })

  test('counts what it evicted and refused', async () => {
    const queue = await opened({ directory: temporaryDirectory(), maxBytes: 10_000 })
    await queue.offer('batches', [item('a', 'x'.repeat(6_000), { class: 'bulk' })])
    await queue.offer('batches', [item('b', 'x'.repeat(6_000))])
    await queue.offer('batches', [item('c', 'x'.repeat(6_000))])
    expect(queue.counters).toMatchObject({ evictedItems: 1, refusedOffers: 1 })
    expect(queue.counters.evictedBytes).toBeGreaterThan(6_000)
  })

  test('forgets finished ids beyond its memory, the oldest first', async () => {
    const queue = await opened({ directory: temporaryDirectory(), rememberIds: 5 })
    for (let i = 0; i < 8; i++) await queue.offer('index', [item(`${i}`)])
    await take(queue, 'index', 8)
    await queue.offer('index', [item('0'), item('7')])
    expect((await take(queue, 'index', 1)).map(({ id }) => id)).toEqual(['0'])
  })

  test('refuses offers on a full disk, takes nothing then, can be emptied, and recovers by itself', async (context) => {
    const directory = temporaryDirectory()
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', directory], { stdio: 'pipe' })
    } catch {
      context.skip('mounting a small file system needs root')
    }
    onTestFinished(() => void execFileSync('umount', ['-l', directory]))
    const queue = await opened({ directory })
    const stored: string[] = []
    let refusal: unknown
    for (let i = 0; i < 200 && refusal === undefined; i++) {
      try {
        await queue.offer('index', [item(`${i}`, 'x'.repeat(100_000))], [{ source: 's', position: `${i}` }])
        stored.push(`${i}`)
      } catch (error) {
        refusal = error
      }
    }
    expect(refusal).toMatchObject({ code: 'E_QUEUE_STORAGE', retryable: true })
    expect((await queue.depth('index')).items).toBe(stored.length)
    expect(await queue.checkpoint('s')).toEqual({ source: 's', position: stored.at(-1) })
    // Someone else takes what little is left.
    try {
      writeFileSync(join(directory, 'filler'), Buffer.alloc(6 * 1024 * 1024))
    } catch {}
    const got = await take(queue, 'index', stored.length)
    expect(got.map(({ id }) => id)).toEqual(stored)
    rmSync(join(directory, 'filler'))
    expect(await queue.offer('index', [item('after', 'x'.repeat(100_000))])).toBe('stored')
  })
})
