/** The promises of the `Feed` port; every backend runs this suite. */
import { describe, expect, onTestFinished, test } from 'vitest'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import type { Component } from '../../core/model/component.ts'
import type { Feed, FeedFilter, FeedItem } from '../../core/model/feed.ts'
import { is } from './search-store.suite.ts'

export type CreateFeed = (maxBacklog: number) => Promise<Feed & Component>

export const feedItem = (id: string, name = 'sh'): FeedItem => ({
  kind: 'event',
  id,
  timeMs: 1,
  body: { process: { name } },
})

export const events = (kql: KqlNode | null = null): FeedFilter => ({ kinds: ['event'], kql })

/** Takes `count` entries and leaves. */
export async function takeFrom(items: AsyncIterable<FeedItem | { missed: number }>, count: number): Promise<string[]> {
  const got: string[] = []
  if (count === 0) return got
  for await (const item of items) {
    got.push('missed' in item ? `missed ${item.missed}` : item.id)
    if (got.length === count) break
  }
  return got
}

export function feedSuite(name: string, create: CreateFeed): void {
  async function open(maxBacklog = 100) {
    const feed = await create(maxBacklog)
    onTestFinished(() => feed.stop(1_000))
    return feed
  }

  describe(`${name} as a feed`, () => {
    test('gives each subscriber what its filter lets through, from the call on', async () => {
      const feed = await open()
      feed.publish([feedItem('before')])
      const all = feed.subscribe(events(), new AbortController().signal)
      const bash = feed.subscribe(events(is('process.name', 'bash')), new AbortController().signal)
      feed.publish([feedItem('1'), feedItem('2', 'bash'), feedItem('3')])
      expect(await takeFrom(all, 3)).toEqual(['1', '2', '3'])
      expect(await takeFrom(bash, 1)).toEqual(['2'])
    })

    test('tells a slow subscriber once how many it missed, before the next item', async () => {
      const feed = await open(3)
      const items = feed.subscribe(events(), new AbortController().signal)
      feed.publish(Array.from({ length: 10 }, (_, i) => feedItem(`${i}`)))
      const iterator = items[Symbol.asyncIterator]()
      const next = async () => {
        const { value } = await iterator.next()
        return 'missed' in value ? value : value.id
      }
      expect([await next(), await next(), await next(), await next()]).toEqual(['0', '1', '2', { missed: 7 }])
      feed.publish([feedItem('later')])
      expect(await next()).toBe('later')
    })

    test('who wants alerts only neither gets, nor misses, nor asks for events', async () => {
      const feed = await open(3)
      const alerts = feed.subscribe({ kinds: ['alert', 'detection'], kql: null }, new AbortController().signal)
      expect((['event', 'detection', 'alert'] as const).map((kind) => feed.hasSubscribers(kind))).toEqual([
        false,
        true,
        true,
      ])
      feed.publish(Array.from({ length: 10 }, (_, i) => feedItem(`${i}`)))
      feed.publish([{ ...feedItem('a'), kind: 'alert' }])
      expect(await takeFrom(alerts, 1)).toEqual(['a'])
    })

    test('what a filter leaves out is not missed', async () => {
      const feed = await open(3)
      const items = feed.subscribe(events(is('process.name', 'bash')), new AbortController().signal)
      feed.publish(Array.from({ length: 10 }, (_, i) => feedItem(`${i}`)))
      feed.publish([feedItem('b', 'bash')])
      expect(await takeFrom(items, 1)).toEqual(['b'])
    })

    test('ends when the signal is aborted, also while it waits', async () => {
      const feed = await open()
      const stop = new AbortController()
      const waiting = takeFrom(feed.subscribe(events(), stop.signal), 5)
      feed.publish([feedItem('1')])
      await new Promise((resolve) => setTimeout(resolve, 5))
      stop.abort()
      expect(await waiting).toEqual(['1'])
      expect(await takeFrom(feed.subscribe(events(), stop.signal), 1)).toEqual([])
    })

    test('a subscriber that leaves costs nothing more', async () => {
      const feed = await open(10)
      await Promise.all([
        takeFrom(feed.subscribe(events(), new AbortController().signal), 1),
        feed.publish([feedItem('1')]),
      ])
      const startMs = performance.now()
      for (let i = 0; i < 100_000; i++) feed.publish([feedItem('x')])
      expect(performance.now() - startMs).toBeLessThan(1_000)
    })
  })
}
