/** The live tail of the distributed shape: Redis' publish and subscribe carry what processes say to each other. */
import type { Redis } from 'ioredis'
import type { Component } from '../../core/model/component.ts'
import type { Feed } from '../../core/model/feed.ts'
import { createFeed, type FeedOptions, type FeedTransport } from '../feed/feed.ts'
import { connect, DEFAULT_PREFIX, type RedisConfig } from './connection.ts'

export interface RedisFeedOptions extends RedisConfig, FeedOptions {
  onError?: (error: unknown) => void
}

export function createRedisFeed(options: RedisFeedOptions): Feed & Component {
  return createFeed(processes(options), options)
}

const START_MS = 1_000

/** A tail is no reason for anything else to fail: without Redis nothing arrives, and it goes on when Redis is back. */
function processes(options: RedisFeedOptions): FeedTransport {
  const { prefix = DEFAULT_PREFIX, onError = () => {} } = options
  const handlers = new Map<string, (message: unknown) => void>()
  const subscribing: Promise<unknown>[] = []
  let connections: { speaker: Redis; listener: Redis } | undefined
  const nameOf = (channel: string) => `${prefix}:feed:${channel}`

  return {
    async start(onReturn) {
      // What cannot be said now is not said: a queue of old messages would be no live tail.
      const speaker = connect(options, { now: true })
      const listener = connect(options, { waits: true })
      for (const redis of [speaker, listener]) redis.on('error', onError)
      listener.on('message', (channel: string, text: string) => handlers.get(channel)?.(JSON.parse(text)))
      for (const redis of [speaker, listener]) redis.on('ready', onReturn)
      connections = { speaker, listener }
      // A server that is away is waited for in the background.
      await Promise.race([
        speaker.connect().catch(onError),
        new Promise((resolve) => setTimeout(resolve, START_MS).unref()),
      ])
    },

    async stop() {
      const { speaker, listener } = connections ?? {}
      connections = undefined
      // The last word, that nobody listens here any more, should still go out.
      await Promise.race([speaker?.quit().catch(onError), new Promise((resolve) => setTimeout(resolve, 500).unref())])
      speaker?.disconnect()
      listener?.disconnect()
    },

    async opened() {
      const pending = subscribing.splice(0)
      await Promise.race([Promise.all(pending), new Promise((resolve) => setTimeout(resolve, START_MS).unref())])
    },

    open(channel, onMessage) {
      const name = nameOf(channel)
      if (onMessage !== undefined) {
        handlers.set(name, onMessage)
        if (connections !== undefined) subscribing.push(connections.listener.subscribe(name).catch(onError))
      }
      return {
        post(message) {
          connections?.speaker.publish(name, JSON.stringify(message)).catch(onError)
        },
        close() {
          if (!handlers.delete(name)) return
          connections?.listener.unsubscribe(name).catch(onError)
        },
      }
    },
  }
}
