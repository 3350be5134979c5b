import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createRedisFeed } from '../../backends/redis/feed.ts'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import { naiveMatches } from '../oracle/naive-kql.ts'
import { type RedisServer, redisMissing, startRedis } from '../support/redis.ts'
import { events, feedItem, feedSuite, takeFrom } from './feed.suite.ts'
import { eventually } from './queue.suite.ts'
import { is } from './search-store.suite.ts'

const missing = redisMissing()
let server: RedisServer | undefined
beforeAll(async () => {
  if (missing === null) server = await startRedis()
})
afterAll(() => server?.remove())

const evaluate = (node: KqlNode, body: Readonly<Record<string, unknown>>) => naiveMatches(node, body, {})

async function opened(prefix = `{${randomUUID()}}`, maxBacklog = 1_000, url = server!.url) {
  const feed = createRedisFeed({ url, prefix, evaluate, maxBacklog })
  await feed.start()
  onTestFinished(() => feed.stop(1_000))
  return feed
}

describe.skipIf(missing !== null)(`Redis${missing === null ? '' : ` (${missing})`}`, () =>
  feedSuite('Redis', (maxBacklog) => opened(undefined, maxBacklog)),
)

describe.skipIf(missing !== null)('Redis feed across processes', () => {
  test('a subscriber elsewhere gets what it asked for, and costs nothing when it is gone', async () => {
    const prefix = `{${randomUUID()}}`
    const [publisher, reader] = [await opened(prefix), await opened(prefix)]
    expect(publisher.hasSubscribers('event')).toBe(false)
    const leave = new AbortController()
    const got = takeFrom(reader.subscribe(events(is('process.name', 'bash')), leave.signal), 2)
    await eventually(() => publisher.hasSubscribers('event'))
    expect(publisher.hasSubscribers('alert')).toBe(false)
    publisher.publish([feedItem('a', 'bash'), feedItem('b', 'sh'), feedItem('c', 'bash')])
    expect(await got).toEqual(['a', 'c'])
    leave.abort()
    await eventually(() => !publisher.hasSubscribers('event'))
  })

  test('goes on after Redis was away', { timeout: 30_000 }, async () => {
    const mine = await startRedis()
    onTestFinished(() => mine.remove())
    const prefix = `{${randomUUID()}}`
    const [publisher, reader] = [await opened(prefix, 100, mine.url), await opened(prefix, 100, mine.url)]
    const got = takeFrom(reader.subscribe(events(), new AbortController().signal), 1)
    await eventually(() => publisher.hasSubscribers('event'))
    await mine.kill()
    publisher.publish([feedItem('lost')])
    await mine.start()
    const late = await opened(prefix, 100, mine.url)
    await eventually(() => late.hasSubscribers('event'))
    await eventually(async () => {
      late.publish([feedItem('found')])
      return (await Promise.race([got, new Promise((resolve) => setTimeout(resolve, 50))])) !== undefined
    })
    expect(await got).toEqual(['found'])
  })
})
