import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createMemoryFeed } from '../../backends/memory/feed.ts'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import type { FeedFilter, FeedItem } from '../../core/model/feed.ts'
import { naiveMatches } from '../oracle/naive-kql.ts'
import { events, feedItem, feedSuite } from './feed.suite.ts'
import { eventually } from './queue.suite.ts'
import { is } from './search-store.suite.ts'

const evaluate = (node: KqlNode, body: Readonly<Record<string, unknown>>) => naiveMatches(node, body, {})

async function opened(name: string, maxBacklog = 1_000, maxInFlight = 64) {
  const feed = createMemoryFeed({ name, evaluate, maxBacklog, maxInFlight })
  await feed.start()
  return feed
}

feedSuite('memory', (maxBacklog) => opened(randomUUID(), maxBacklog))

describe('memory feed across threads', () => {
  async function threads(...filters: FeedFilter[]) {
    const name = randomUUID()
    const feed = await opened(name, 1_000, 4)
    onTestFinished(() => feed.stop(1_000))
    const worker = new Worker(join(import.meta.dirname, 'children/tail-thread.ts'), { workerData: { name, filters } })
    onTestFinished(() => void worker.terminate())
    const got: ((FeedItem | { missed: number }) & { subscriber: number })[] = []
    await once(worker, 'message')
    worker.on('message', (item) => typeof item !== 'string' && got.push(item))
    return { feed, worker, got }
  }

  test('a subscriber in another thread gets what it asked for', async () => {
    const { feed, got, worker } = await threads(events(is('process.name', 'bash')))
    await eventually(() => {
      feed.publish([feedItem('x'), feedItem('b', 'bash')])
      return got.length > 0
    })
    // On a busy machine some may have been missed as well.
    expect(new Set(got.flatMap((item) => ('id' in item ? [item.id] : [])))).toEqual(new Set(['b']))
    worker.postMessage({ stop: true })
    await once(worker, 'exit')
  })

  test('a thread that does not listen is bounded, and is told what it missed', async () => {
    const { feed, worker, got } = await threads(events(), { kinds: ['alert'], kql: null })
    let blocking = false
    worker.on('message', (message) => {
      if (message === 'blocking') blocking = true
    })
    await eventually(() => {
      feed.publish([feedItem('hello')])
      return got.length > 0
    })
    // What is still on its way from before must not be counted.
    for (let seen = -1; seen !== got.length; ) {
      seen = got.length
      await new Promise((resolve) => setTimeout(resolve, 150))
    }
    const before = got.length
    worker.postMessage({ blockMs: 400 })
    await eventually(() => blocking)
    for (let i = 0; i < 1_000; i++) feed.publish([feedItem(`${i}`)])
    const missed = () => got.slice(before).reduce((sum, item) => sum + ('missed' in item ? item.missed : 1), 0)
    await eventually(() => missed() >= 1_000)
    expect(missed()).toBe(1_000)
    // Four messages were on their way; the rest was never sent.
    expect(got.slice(before).filter((item) => 'id' in item)).toHaveLength(4)
    // The same thread follows alerts as well, and has missed none.
    expect(got.filter(({ subscriber }) => subscriber === 1)).toEqual([])
  })
})
