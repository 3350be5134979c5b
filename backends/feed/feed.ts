/**
 * The live tail over any transport between its members (threads, or processes). Lossy by contract: each subscriber and
 * each member has a bounded backlog, and what does not fit is counted and told to the subscriber before its next item.
 * Publishing never waits and costs next to nothing while nobody listens.
 */
import type { KqlNode } from '../../core/language/kql/ast.ts'
import type { Component } from '../../core/model/component.ts'
import type { Feed, FeedFilter, FeedItem } from '../../core/model/feed.ts'
import { type Backlog, createBacklog } from './backlog.ts'

/** Carries messages (JSON) between the members of one feed; it may lose some. */
export interface FeedTransport {
  /** `onReturn` is called when messages may have been lost for a while: the members introduce themselves again. */
  start(onReturn: () => void): Promise<void>
  stop(): Promise<void>
  /** Resolves when what was opened hears, or when it takes too long. */
  opened(): Promise<void>
  /** A channel by its name; without `onMessage` it is only sent to. A member does not hear what it says itself. */
  open(name: string, onMessage?: (message: unknown) => void): FeedChannel
}

export interface FeedChannel {
  post(message: unknown): void
  close(): void
}

export interface FeedOptions {
  evaluate: (filter: KqlNode, document: Readonly<Record<string, unknown>>) => boolean
  /** Items that wait for a slow subscriber. Default 1,000. */
  maxBacklog?: number
  /** Batches on their way to a member that has not answered yet. Default 64. */
  maxInFlight?: number
}

/** Between members. Each hears everything said to `all`, and what is said to itself. */
type Message =
  | { kind: 'filters'; from: string; filters: [number, FeedFilter][] }
  | { kind: 'who'; from: string }
  | { kind: 'items'; from: string; items: FeedItem[]; missed: [number, number][] }
  | { kind: 'taken'; from: string }

/** By the number of the subscriber, which is unique within its member. */
type Filters = Map<number, FeedFilter>
type Missed = Map<number, number>

/** Another member that listens. */
interface Peer {
  filters: Filters
  channel: FeedChannel
  inFlight: number
  missed: Missed
  heardMs: number
}

/** A member with messages in flight that says nothing for this long is taken for dead. */
const PEER_SILENCE_MS = 60_000

export function createFeed(transport: FeedTransport, options: FeedOptions): Feed & Component {
  const { evaluate, maxBacklog = 1_000, maxInFlight = 64 } = options
  const self = crypto.randomUUID()
  const subscribers = new Map<number, { filter: FeedFilter; backlog: Backlog }>()
  const peers = new Map<string, Peer>()
  let channels: { all: FeedChannel; own: FeedChannel } | undefined
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
    peer.channel.post({ kind: 'items', from: self, items, missed: [...peer.missed] } satisfies Message)
    peer.missed = new Map()
  }

  function announce(): void {
    const filters = [...subscribers].map(([number, { filter }]): [number, FeedFilter] => [number, filter])
    channels?.all.post({ kind: 'filters', from: self, filters } satisfies Message)
  }

  function forget(id: string): void {
    peers.get(id)?.channel.close()
    peers.delete(id)
  }

  function hear(heard: unknown): void {
    const message = heard as Message
    if (message.from === self) return
    const peer = peers.get(message.from)
    if (peer !== undefined) peer.heardMs = performance.now()
    switch (message.kind) {
      case 'who':
        if (subscribers.size > 0) announce()
        return
      case 'filters':
        if (message.filters.length === 0) forget(message.from)
        else if (peer !== undefined) {
          peer.filters = new Map(message.filters)
          for (const number of peer.missed.keys()) if (!peer.filters.has(number)) peer.missed.delete(number)
        } else {
          const channel = transport.open(message.from)
          const heardMs = performance.now()
          peers.set(message.from, {
            filters: new Map(message.filters),
            channel,
            inFlight: 0,
            missed: new Map(),
            heardMs,
          })
        }
        return
      case 'items':
        deliver(message.items, new Map(message.missed))
        channels?.all.post({ kind: 'taken', from: self } satisfies Message)
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
      const introduce = () => {
        channels?.all.post({ kind: 'who', from: self } satisfies Message)
        if (subscribers.size > 0) announce()
      }
      await transport.start(introduce)
      channels = { all: transport.open('all', hear), own: transport.open(self, hear) }
      // Before: what is said to somebody who does not hear yet is lost.
      await transport.opened()
      introduce()
    },

    async stop() {
      subscribers.clear()
      announce()
      channels?.all.close()
      channels?.own.close()
      channels = undefined
      for (const id of [...peers.keys()]) forget(id)
      await transport.stop()
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
