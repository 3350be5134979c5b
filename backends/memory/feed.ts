/**
 * The live tail of one process: what is published in one thread reaches subscribers in every thread that opened the
 * same name.
 */
import { BroadcastChannel } from 'node:worker_threads'
import type { Component } from '../../core/model/component.ts'
import type { Feed } from '../../core/model/feed.ts'
import { createFeed, type FeedOptions, type FeedTransport } from '../feed/feed.ts'

export interface MemoryFeedOptions extends FeedOptions {
  /** Feeds of the same name in one process are one feed. */
  name: string
}

export function createMemoryFeed(options: MemoryFeedOptions): Feed & Component {
  return createFeed(threads(options.name), options)
}

function threads(name: string): FeedTransport {
  return {
    async start() {},
    async stop() {},
    async opened() {},
    open(channel, onMessage) {
      const opened = new BroadcastChannel(`seamark-feed:${name}/${channel}`)
      if (onMessage !== undefined) opened.onmessage = ({ data }: { data: unknown }) => onMessage(data)
      ;(opened as unknown as { unref(): void }).unref()
      return { post: (message) => opened.postMessage(message), close: () => opened.close() }
    },
  }
}
