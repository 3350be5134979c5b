/**
 * The live tail of one process: what is published in one thread reaches subscribers in every thread that opened the
 * same name. Lossy by contract: each subscriber and each thread has a bounded backlog, and what does not fit is counted
 * and told to the subscriber before its next item. Publishing never waits and costs next to nothing while nobody listens.
 */
import { BroadcastChannel } from 'node:worker_threads'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import type { Component } from '../../core/model/component.ts'
import type { Feed, FeedItem } from '../../core/model/feed.ts'
import { createBacklog } from './feed-backlog.ts'

export interface MemoryFeedOptions {
  /** Feeds of the same name in one process are one feed. */
  name: string
  evaluate: (filter: KqlNode, document: Readonly<Record<string, unknown>>) => boolean
  /** Items that wait for a slow subscriber. Default 1,000. */
  maxBacklog?: number
  /** Batches on their way to a thread that has not answered yet. Default 64. */
  maxInFlight?: number
}

/** Between threads. Each thread hears everything said to `all`, and what is said to itself. */
type Message =
  | { kind: 'filters'; from: string; filters: (KqlNode | null)[] }
  | { kind: 'who'; from: string }
  | { kind: 'items'; from: string; items: FeedItem[]; missed: number }
  | { kind: 'taken'; from: string }

/** Another thread that listens. */
interface Peer {
  filters: (KqlNode | null)[]
  channel: BroadcastChannel
  inFlight: number
  missed: number
  heardMs: number
}

/** A thread with messages in flight that says nothing for this long is taken for dead. */
const PEER_SILENCE_MS = 60_000

export function createMemoryFeed(options: MemoryFeedOptions): Feed & Component {
  const { name, evaluate, maxBacklog = 1_000, maxInFlight = 64 } = options
  const self = crypto.randomUUID()
  const subscribers = new Set<{ filter: KqlNode | null; push(item: FeedItem): void; miss(count: number): void }>()
  const peers = new Map<string, Peer>()
  let channels: { all: BroadcastChannel; own: BroadcastChannel } | undefined

  const wants = (filter: KqlNode | null, item: FeedItem) => filter === null || evaluate(filter, item.body)

  function deliver(items: readonly FeedItem[], missed: number): void {
    for (const { filter, push, miss } of subscribers) {
      // Which subscriber would have wanted what was lost on the way is not known; each is told.
      if (missed > 0) miss(missed)
      for (const item of items) if (wants(filter, item)) push(item)
    }
  }

  function send(peer: Peer, items: readonly FeedItem[]): void {
    const wanted = items.filter((item) => peer.filters.some((filter) => wants(filter, item)))
    if (wanted.length === 0) return
    if (peer.inFlight >= maxInFlight) {
      peer.missed += wanted.length
      return
    }
    peer.inFlight += 1
    peer.channel.postMessage({ kind: 'items', from: self, items: wanted, missed: peer.missed } satisfies Message)
    peer.missed = 0
  }

  function announce(): void {
    const filters = [...subscribers].map(({ filter }) => filter)
    channels?.all.postMessage({ kind: 'filters', from: self, filters } satisfies Message)
  }

  function forget(id: string): void {
    peers.get(id)?.channel.close()
    peers.delete(id)
  }

  function hear({ data }: { data: unknown }): void {
    const message = data as Message
    const peer = peers.get(message.from)
    if (peer !== undefined) peer.heardMs = performance.now()
    switch (message.kind) {
      case 'who':
        if (subscribers.size > 0) announce()
        return
      case 'filters':
        if (message.filters.length === 0) forget(message.from)
        else if (peer !== undefined) peer.filters = message.filters
        else {
          const channel = openChannel(`${name}/${message.from}`)
          const heardMs = performance.now()
          peers.set(message.from, { filters: message.filters, channel, inFlight: 0, missed: 0, heardMs })
        }
        return
      case 'items':
        deliver(message.items, message.missed)
        channels?.all.postMessage({ kind: 'taken', from: self } satisfies Message)
        return
      case 'taken':
        if (peer === undefined) return
        peer.inFlight = Math.max(0, peer.inFlight - 1)
        // Nothing may be published for a while: what was missed is told as soon as there is room.
        if (peer.missed > 0 && peer.inFlight === 0) {
          peer.inFlight += 1
          peer.channel.postMessage({ kind: 'items', from: self, items: [], missed: peer.missed } satisfies Message)
          peer.missed = 0
        }
    }
  }

  return {
    async start() {
      if (channels !== undefined) return
      channels = { all: openChannel(name, hear), own: openChannel(`${name}/${self}`, hear) }
      channels.all.postMessage({ kind: 'who', from: self } satisfies Message)
    },

    async stop() {
      subscribers.clear()
      announce()
      channels?.all.close()
      channels?.own.close()
      channels = undefined
      for (const id of [...peers.keys()]) forget(id)
    },

    publish(items) {
      if (items.length === 0) return
      if (subscribers.size > 0) deliver(items, 0)
      for (const [id, peer] of peers) {
        if (peer.inFlight > 0 && performance.now() - peer.heardMs > PEER_SILENCE_MS) forget(id)
        else send(peer, items)
      }
    },

    hasSubscribers() {
      return subscribers.size > 0 || peers.size > 0
    },

    subscribe(filter, signal) {
      const backlog = createBacklog(maxBacklog, signal)
      // Registered at the call, not at the first `next()`: what is published in between belongs to the subscriber.
      const subscriber = { filter, push: backlog.push, miss: backlog.miss }
      const leave = () => {
        if (!subscribers.delete(subscriber)) return
        announce()
      }
      if (!signal.aborted) {
        subscribers.add(subscriber)
        announce()
        signal.addEventListener('abort', leave, { once: true })
      }
      return backlog.iterate(leave)
    },
  }
}

function openChannel(name: string, onMessage?: (event: { data: unknown }) => void): BroadcastChannel {
  const channel = new BroadcastChannel(`seamark-feed:${name}`)
  if (onMessage !== undefined) channel.onmessage = onMessage
  ;(channel as unknown as { unref(): void }).unref()
  return channel
}
