/**
 * The live tail of one process: what is published in one thread reaches subscribers in every thread that opened the
 * same name. Lossy by contract: each subscriber and each thread has a bounded backlog, and what does not fit is counted
 * and told to the subscriber before its next item. Publishing never waits and costs next to nothing while nobody listens.
 */
import { BroadcastChannel } from 'node:worker_threads'
import type { KqlNode } from '../../core/language/kql/ast.ts'
import type { Component } from '../../core/model/component.ts'
import type { Feed, FeedFilter, FeedItem } from '../../core/model/feed.ts'
import { type Backlog, createBacklog } from './feed-backlog.ts'

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
  | { kind: 'filters'; from: string; filters: Filters }
  | { kind: 'who'; from: string }
  | { kind: 'items'; from: string; items: FeedItem[]; missed: Missed }
  | { kind: 'taken'; from: string }

/** By the number of the subscriber, which is unique within its thread. */
type Filters = Map<number, FeedFilter>
type Missed = Map<number, number>

/** Another thread that listens. */
interface Peer {
  filters: Filters
  channel: BroadcastChannel
  inFlight: number
  missed: Missed
  heardMs: number
}

/** A thread with messages in flight that says nothing for this long is taken for dead. */
const PEER_SILENCE_MS = 60_000

export function createMemoryFeed(options: MemoryFeedOptions): Feed & Component {
  const { name, evaluate, maxBacklog = 1_000, maxInFlight = 64 } = options
  const self = crypto.randomUUID()
  const subscribers = new Map<number, { filter: FeedFilter; backlog: Backlog }>()
  const peers = new Map<string, Peer>()
  let channels: { all: BroadcastChannel; own: BroadcastChannel } | undefined
  let numbers = 0

  const wants = ({ kinds, kql }: FeedFilter, item: FeedItem) =>
    kinds.includes(item.kind) && (kql === null || evaluate(kql, item.body))

  function deliver(items: readonly FeedItem[], missed: Missed): void {
    for (const [number, count] of missed) subscribers.get(number)?.backlog.miss(count)
    for (const { filter, backlog } of subscribers.values()) {
      for (const item of items) if (wants(filter, item)) backlog.push(item)
    }
  }

  function send(peer: Peer, items: readonly FeedItem[]): void {
    const filters = [...peer.filters]
    const wanted = items.filter((item) => filters.some(([, filter]) => wants(filter, item)))
    if (wanted.length === 0) return
    if (peer.inFlight >= maxInFlight) {
      for (const [number, filter] of filters) {
        const lost = wanted.filter((item) => wants(filter, item)).length
        if (lost > 0) peer.missed.set(number, (peer.missed.get(number) ?? 0) + lost)
      }
      return
    }
    post(peer, wanted)
  }

  /** Tells what was missed before along with what comes now. */
  function post(peer: Peer, items: FeedItem[]): void {
    peer.inFlight += 1
    peer.channel.postMessage({ kind: 'items', from: self, items, missed: peer.missed } satisfies Message)
    peer.missed = new Map()
  }

  function announce(): void {
    const filters: Filters = new Map([...subscribers].map(([number, { filter }]) => [number, filter]))
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
        if (message.filters.size === 0) forget(message.from)
        else if (peer !== undefined) {
          peer.filters = message.filters
          for (const number of peer.missed.keys()) if (!peer.filters.has(number)) peer.missed.delete(number)
        } else {
          const channel = openChannel(`${name}/${message.from}`)
          const heardMs = performance.now()
          peers.set(message.from, { filters: message.filters, channel, inFlight: 0, missed: new Map(), heardMs })
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
        if (peer.missed.size > 0 && peer.inFlight === 0) post(peer, [])
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
      if (subscribers.size > 0) deliver(items, new Map())
      for (const [id, peer] of peers) {
        if (peer.inFlight > 0 && performance.now() - peer.heardMs > PEER_SILENCE_MS) forget(id)
        else send(peer, items)
      }
    },

    hasSubscribers(kind) {
      const listens = ({ kinds }: FeedFilter) => kinds.includes(kind)
      if ([...subscribers.values()].some(({ filter }) => listens(filter))) return true
      return [...peers.values()].some(({ filters }) => [...filters.values()].some(listens))
    },

    subscribe(filter, signal) {
      const backlog = createBacklog(maxBacklog, signal)
      numbers += 1
      const number = numbers
      const leave = () => {
        if (!subscribers.delete(number)) return
        announce()
      }
      // Registered at the call, not at the first `next()`: what is published in between belongs to the subscriber.
      if (!signal.aborted) {
        subscribers.set(number, { filter, backlog })
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
