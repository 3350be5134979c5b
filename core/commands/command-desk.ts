/**
 * Commands at the centre: who gives them, who waits for them, and what came of them, in the documents. Those that wait
 * and those that are settled are kept apart, so that a host's question looks at what waits for it and nothing else.
 */
import { randomBytes } from 'node:crypto'
import type { Command, CommandChannel, CommandResult, DueCommand } from '../model/command.ts'
import { COMMAND_KIND, MAX_COMMANDS_AT_ONCE, MAX_RESULT_CHARS } from '../model/command.ts'
import type { Component } from '../model/component.ts'
import type { Documents, Versioned } from '../model/documents.ts'
import { eachDocument } from '../model/each-document.ts'
import { AppError } from '../model/errors.ts'

/** A command and what is known of it. */
export interface GivenCommand extends Command {
  givenMs: number
  /** Null until its host has answered. */
  result: { outcome: CommandResult['outcome']; message: string; atMs: number } | null
}

const SPACES = { waiting: 'commands', settled: 'command-results' } as const
type Space = (typeof SPACES)[keyof typeof SPACES]

/** Of one collector, each; the oldest settled ones go first. */
const MAX_WAITING = 100
const MAX_SETTLED = 100
const MAX_ARGS_CHARS = 16 * 1024
const KEPT_MS = 8 * 86_400_000
/** Longer than this a command is not good, so that a host can forget the ids it has executed. */
export const MAX_VALID_MS = 7 * 86_400_000

export interface CommandDeskOptions {
  documents: Documents
  nowMs?: () => number
  onError?: (error: unknown) => void
}

export class CommandDesk implements Component {
  private readonly documents: Documents
  private readonly nowMs: () => number
  private readonly onError: (error: unknown) => void
  /** By collector: who is to be woken when a command for it changes. */
  private readonly waiting = new Map<string, Set<() => void>>()
  private stopped = new AbortController()
  private lastIdMs = 0

  constructor({ documents, nowMs = Date.now, onError = () => {} }: CommandDeskOptions) {
    this.documents = documents
    this.nowMs = nowMs
    this.onError = onError
  }

  /** Needed for `next` alone. */
  async start(): Promise<void> {
    this.stopped = new AbortController()
    void this.follow(this.stopped.signal).catch(this.onError)
  }

  async stop(): Promise<void> {
    this.stopped.abort()
    for (const waiters of this.waiting.values()) for (const wake of waiters) wake()
  }

  /**
   * Durable when it resolves. Throws AppError E_API_REQUEST for what is no command, E_QUEUE_FULL when a hundred wait for
   * this collector already.
   */
  async give(collector: string, kind: string, args: unknown, validMs: number): Promise<GivenCommand> {
    if (!COMMAND_KIND.test(kind)) throw new AppError('E_API_REQUEST', 'a kind is a word such as ping')
    if (!(validMs > 0 && validMs <= MAX_VALID_MS))
      throw new AppError('E_API_REQUEST', 'a command is good for at most 7 days')
    if ((JSON.stringify(args) ?? 'null').length > MAX_ARGS_CHARS)
      throw new AppError('E_API_REQUEST', `arguments may have ${MAX_ARGS_CHARS} characters`)
    const givenMs = this.nowMs()
    if ((await this.waitingFor(collector, givenMs)).length >= MAX_WAITING)
      throw new AppError('E_QUEUE_FULL', `${MAX_WAITING} commands wait for ${collector} already`, { retryable: true })
    // Ids sort as commands were given here, those of one millisecond too: a host executes them in this order.
    this.lastIdMs = Math.max(givenMs, this.lastIdMs + 1)
    const id = `${this.lastIdMs.toString(36).padStart(9, '0')}-${randomBytes(6).toString('hex')}`
    const command: GivenCommand = { id, collector, kind, args, expiresMs: givenMs + validMs, givenMs, result: null }
    await this.documents.put(SPACES.waiting, keyOf(collector, id), command, 0)
    return command
  }

  async get(collector: string, id: string): Promise<GivenCommand | null> {
    // In this order: it moves from the first to the second.
    for (const space of [SPACES.waiting, SPACES.settled]) {
      const held = await this.documents.get(space, keyOf(collector, id))
      if (held !== null) return held.value as GivenCommand
    }
    return null
  }

  /** All that are kept, by collector and the oldest first. */
  async list(): Promise<GivenCommand[]> {
    const found = new Map<string, GivenCommand>()
    for (const space of [SPACES.waiting, SPACES.settled])
      for await (const { key, value } of eachDocument(this.documents, space)) found.set(key, value as GivenCommand)
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, command]) => command)
  }

  /**
   * This collector's commands and no other's. Those given before `sinceMs` were meant for another host that had its
   * name: they are given as expired.
   */
  channel(collector: string, sinceMs = 0): CommandChannel {
    return {
      next: (waitMs, signal) => this.next(collector, sinceMs, waitMs, signal),
      settle: (results) => this.settle(collector, results),
    }
  }

  private async next(collector: string, sinceMs: number, waitMs: number, signal: AbortSignal): Promise<DueCommand[]> {
    const endMs = performance.now() + waitMs
    for (;;) {
      // Listens before it looks, so that nothing is given in between.
      const woken = this.change(collector, Math.max(0, endMs - performance.now()), signal)
      const found = await this.waitingFor(collector).catch((error: unknown) => {
        woken.cancel()
        throw error
      })
      const isOver = performance.now() >= endMs || signal.aborted || this.stopped.signal.aborted
      if (found.length > 0 || isOver) {
        woken.cancel()
        const nowMs = this.nowMs()
        return found.slice(0, MAX_COMMANDS_AT_ONCE).map(({ id, kind, args, givenMs, expiresMs }) => {
          return { id, kind, args, remainingMs: givenMs < sinceMs ? 0 : expiresMs - nowMs }
        })
      }
      await woken.done
    }
  }

  private async settle(collector: string, results: readonly CommandResult[]): Promise<void> {
    for (const { id, outcome, message } of results) {
      const key = keyOf(collector, id)
      const held = await this.documents.get(SPACES.waiting, key)
      if (held === null) continue
      const result = { outcome, message: message.slice(0, MAX_RESULT_CHARS), atMs: this.nowMs() }
      const settled: GivenCommand = { ...(held.value as GivenCommand), result }
      // Whoever settles first is right: the other finds that it waits no more.
      await this.documents.commit([
        { space: SPACES.waiting, key, value: undefined, ifVersion: held.version },
        { space: SPACES.settled, key, value: settled, ifVersion: 0 },
      ])
    }
    const kept = await this.ofCollector(SPACES.settled, collector)
    for (const { key, version } of kept.slice(0, Math.max(0, kept.length - MAX_SETTLED)))
      await this.documents.remove(SPACES.settled, key, version)
  }

  /** The oldest first. With `nowMs`, those that expired long ago, whose host never asked again, are removed. */
  private async waitingFor(collector: string, nowMs?: number): Promise<GivenCommand[]> {
    const found: GivenCommand[] = []
    for (const { key, value, version } of await this.ofCollector(SPACES.waiting, collector)) {
      const command = value as GivenCommand
      if (nowMs === undefined || command.expiresMs + KEPT_MS >= nowMs) found.push(command)
      else await this.documents.remove(SPACES.waiting, key, version)
    }
    return found
  }

  private async ofCollector(space: Space, collector: string): Promise<Versioned[]> {
    const prefix = keyOf(collector, '')
    // What a collector can have, and what one settlement adds.
    const page = await this.documents.scan(space, prefix, MAX_SETTLED + MAX_COMMANDS_AT_ONCE)
    const end = page.findIndex(({ key }) => !key.startsWith(prefix))
    return end < 0 ? page : page.slice(0, end)
  }

  private change(
    collector: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): { done: Promise<void>; cancel: () => void } {
    const waiters = this.waiting.get(collector) ?? new Set()
    this.waiting.set(collector, waiters)
    const { promise, resolve } = Promise.withResolvers<void>()
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', finish)
      waiters.delete(finish)
      if (waiters.size === 0 && this.waiting.get(collector) === waiters) this.waiting.delete(collector)
      resolve()
    }
    const timer = setTimeout(finish, timeoutMs)
    waiters.add(finish)
    signal.addEventListener('abort', finish)
    if (signal.aborted) finish()
    return { done: promise, cancel: finish }
  }

  private async follow(signal: AbortSignal): Promise<void> {
    for await (const key of this.documents.watch(SPACES.waiting, signal)) {
      for (const wake of this.waiting.get(key.slice(0, key.indexOf('/'))) ?? []) wake()
    }
  }
}

/** No collector's name has the sign in between. */
function keyOf(collector: string, id: string): string {
  return `${collector}/${id}`
}
