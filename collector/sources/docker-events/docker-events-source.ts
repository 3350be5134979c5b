/**
 * Docker's events, in order and without loss across restarts of Seamark: what happened meanwhile is read from the
 * engine's memory of its last 256 events. Where that memory does not reach back to the checkpoint, a gap event says so
 * and names the containers that appeared unseen. Also feeds the registry of containers.
 */
import { emptyBatch } from '../../../core/batch/batch.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { fromText } from '../../../core/batch/strings.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Checkpoint } from '../../../core/model/queue.ts'
import type { Emission, Sink, Source, Visibility } from '../../../core/model/source.ts'
import type { RunInBackground } from '../../../core/runtime/background.ts'
import { backoffMs } from '../../../core/runtime/backoff.ts'
import { systemClock } from '../../../core/runtime/clock.ts'
import type { Engine } from '../../docker/engine.ts'
import { splitImageReference } from '../../docker/image-reference.ts'
import { labelEntries } from '../../docker/inspect.ts'
import { containerRowOf } from '../../host/container-row.ts'
import type { Containers } from '../../host/containers.ts'
import { advance, type Cursor, dockerTime, isBehind, readCursor, writeCursor } from './cursor.ts'
import { containerIdOf, type DockerEvent, parseDockerEvent, rowOfDockerEvent } from './docker-event.ts'

/** A start event waits this long for the inspection that rules about mounts and privileges need. */
const INSPECT_MS = 2_000
const HEARTBEAT_MS = 1_000
const RECONNECT = { firstMs: 200, maxMs: 10_000 }
const MAX_LISTED = 50
/** Events that may wait for inspections before reading pauses; Docker keeps the rest for us. */
const MAX_WAITING = 500

export interface DockerEventsOptions {
  engine: Engine
  containers: Containers
  /** Told once when the engine goes away and once when it is back. */
  onState: (state: 'up' | 'down', reason: string) => void
  inBackground: RunInBackground
}

interface ListedContainer {
  Id: string
  Names?: string[]
  Image?: string
  Created?: number
  Labels?: Record<string, string>
}

export class DockerEventsSource implements Source {
  readonly name = 'docker-events'
  private readonly options: DockerEventsOptions
  private readonly abort = new AbortController()
  /** What is durable. */
  private cursor: Cursor | null = null
  /** What has arrived; runs ahead of the cursor. */
  private read: Cursor | null = null
  /** Events on their way to the sink, in order. */
  private line: Promise<void> = Promise.resolve()
  private waiting = 0
  private sink: Sink | null = null
  private running: Promise<void> | null = null
  private isUp: boolean | null = null

  constructor(options: DockerEventsOptions) {
    this.options = options
  }

  async probe(): Promise<Visibility> {
    const { engine } = this.options
    try {
      const version = await engine.apiVersion()
      return { source: this.name, sees: [`Docker events over ${engine.socketPath} (API ${version})`], blind: [] }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      return {
        source: this.name,
        sees: [],
        blind: [{ what: 'Docker events, container names and images', why, fix: fixOf(error) }],
      }
    }
  }

  async start(sink: Sink, from: Checkpoint | null): Promise<void> {
    this.sink = sink
    this.cursor = readCursor(from)
    // The registry should know what runs before the first batch is joined; a missing engine must not hold up the rest.
    await this.listContainers().catch(() => [])
    this.running = this.run()
  }

  async replan(): Promise<void> {}

  async stop(): Promise<void> {
    this.abort.abort()
    await this.running
    await this.line.catch(() => {})
  }

  private async run(): Promise<void> {
    for (let failures = 0; !this.abort.signal.aborted; ) {
      try {
        await this.options.engine.apiVersion()
        await this.catchUp()
        this.setState('up', '')
        failures = 0
        await this.follow()
      } catch (error) {
        if (this.abort.signal.aborted) return
        this.setState('down', error instanceof Error ? error.message : String(error))
      }
      await systemClock.sleep(backoffMs(++failures, RECONNECT), this.abort.signal).catch(() => {})
    }
  }

  /** Reads what happened since the checkpoint, and reports a gap where the engine no longer remembers. */
  private async catchUp(): Promise<void> {
    // What was under way when the stream broke is finished or given up; reading goes on from what is durable.
    await this.line.catch(() => {})
    this.line = Promise.resolve()
    this.read = this.cursor
    const nowNs = BigInt(Date.now()) * 1_000_000n
    const from = this.cursor
    if (from === null) {
      await this.listContainers()
      this.cursor = { timeNs: nowNs, positions: [] }
      this.read = this.cursor
      return
    }
    const path = `/events?since=${dockerTime(from.timeNs)}&until=${dockerTime(nowNs)}`
    let remembersCursor = from.positions.length === 0
    const created = new Set<string>()
    for await (const value of this.options.engine.stream(path, this.abort.signal)) {
      const event = parseDockerEvent(value)
      if (event === null) continue
      if (event.timeNs === from.timeNs && from.positions.includes(event.position)) remembersCursor = true
      if (event.type === 'container' && event.action === 'create') created.add(event.id)
      await this.take(event)
    }
    await this.line
    const listed = await this.listContainers()
    // The engine tells the second only: within the one of the cursor it may have been before or after.
    const cursorSecond = from.timeNs / 1_000_000_000n
    const appeared = listed.filter((one) => {
      const second = BigInt(one.Created ?? 0)
      return !created.has(one.Id) && (second > cursorSecond || (second === cursorSecond && !remembersCursor))
    })
    if (!remembersCursor || appeared.length > 0) await this.emitGap(from, nowNs, appeared)
  }

  private async follow(): Promise<void> {
    const ended = new AbortController()
    const signal = AbortSignal.any([this.abort.signal, ended.signal])
    const beat = setInterval(() => this.options.inBackground('docker-heartbeat', () => this.heartbeat()), HEARTBEAT_MS)
    try {
      const path = `/events?since=${dockerTime(this.cursor!.timeNs)}`
      for await (const value of this.options.engine.stream(path, signal)) {
        const event = parseDockerEvent(value)
        if (event !== null) await this.take(event)
      }
      await this.line
    } finally {
      clearInterval(beat)
      ended.abort()
    }
  }

  /**
   * The registry hears of an event as it arrives: system calls of the container are joined meanwhile. Handing it on
   * waits its turn behind the events before it, some of which wait for an inspection.
   */
  private async take(event: DockerEvent): Promise<void> {
    if (isBehind(this.read, event)) return
    this.read = advance(this.read, event)
    const completed = this.updateRegistry(event)
    this.waiting++
    this.line = this.line.then(() => this.handOn(event, completed)).finally(() => this.waiting--)
    // A failure is noticed by whoever waits for the line.
    this.line.catch(() => {})
    if (this.waiting >= MAX_WAITING) await this.line
  }

  private async handOn(event: DockerEvent, completed: Promise<void>): Promise<void> {
    await completed
    const next = advance(this.cursor, event)
    const builder = new BatchBuilder(event.timeNs)
    const containerId = containerIdOf(event)
    const facts = containerId === null ? undefined : this.options.containers.get(containerId)
    const container = facts === undefined ? undefined : builder.add('container', containerRowOf(facts))
    builder.addEvent('docker', event.timeNs, {
      ...rowOfDockerEvent(event),
      ...(container === undefined ? {} : { container }),
    })
    await this.emit({
      source: 'docker',
      batch: builder.build(),
      at: writeCursor(next),
      lowMs: Number(event.timeNs / 1_000_000n),
    })
    this.cursor = next
  }

  /** Resolves when everything is known that the event should carry, or has taken too long. */
  private updateRegistry(event: DockerEvent): Promise<void> {
    const { containers } = this.options
    if (event.type === 'container') {
      const { id, attributes } = event
      if (event.action === 'create') {
        const { name = '', image = '', ...labels } = Object.fromEntries(attributes)
        containers.learn({
          id,
          runtime: 'docker',
          name: fromText(name),
          ...splitImageReference(image),
          labels: labelEntries(labels),
        })
        this.options.inBackground('inspect', () => containers.complete(id))
      } else if (event.action === 'start') {
        containers.started(id, event.timeNs)
        return this.complete(id)
      } else if (event.action === 'rename') {
        containers.rename(id, fromText(attributes.get('name') ?? ''))
      } else if (event.action === 'destroy') {
        containers.removed(id)
      }
    }
    return Promise.resolve()
  }

  private async complete(id: string): Promise<void> {
    const limit = new AbortController()
    const late = systemClock.sleep(INSPECT_MS, limit.signal).catch(() => {})
    await Promise.race([this.options.containers.complete(id), late])
    limit.abort()
  }

  private async listContainers(): Promise<ListedContainer[]> {
    const listed = await this.options.engine.call<ListedContainer[]>('/containers/json?all=1')
    for (const one of listed) {
      this.options.containers.learn({
        id: fromText(one.Id),
        runtime: 'docker',
        name: fromText((one.Names?.[0] ?? '').replace(/^\//, '')),
        ...splitImageReference(one.Image ?? ''),
        labels: labelEntries(one.Labels ?? {}),
      })
    }
    await Promise.all(listed.slice(0, 500).map((one) => this.options.containers.complete(one.Id)))
    return listed
  }

  private async emitGap(from: Cursor, nowNs: bigint, appeared: readonly ListedContainer[]): Promise<void> {
    const builder = new BatchBuilder(nowNs)
    const names = appeared.slice(0, MAX_LISTED).map((one) => (one.Names?.[0] ?? one.Id.slice(0, 12)).replace(/^\//, ''))
    builder.addEvent('health', nowNs, {
      type: EVENT_TYPES.health.code,
      kindName: 'docker.gap',
      message: fromText(
        `Docker events between ${iso(from.timeNs)} and ${iso(nowNs)} may have been missed: the engine no longer remembers them`,
      ),
      count: appeared.length,
      attributes: fromText(JSON.stringify({ since: iso(from.timeNs), until: iso(nowNs), appeared: names.join(',') })),
    })
    const next: Cursor = { timeNs: nowNs, positions: [] }
    await this.emit({
      source: 'health',
      batch: builder.build(),
      at: writeCursor(next),
      lowMs: Number(nowNs / 1_000_000n),
    })
    this.cursor = next
    this.read = next
  }

  private async heartbeat(): Promise<void> {
    await this.sink?.emit({ source: 'docker', batch: emptyBatch(), lowMs: Date.now() - 2 * INSPECT_MS })
  }

  /** Docker holds its events for us, so a full queue slows the reading down rather than losing anything. */
  private async emit(emission: Emission): Promise<void> {
    for (let attempt = 1; !(await this.sink!.emit(emission)); attempt++) {
      await systemClock.sleep(backoffMs(attempt, RECONNECT), this.abort.signal)
    }
  }

  private setState(state: 'up' | 'down', reason: string): void {
    if (this.isUp === (state === 'up')) return
    this.isUp = state === 'up'
    this.options.onState(state, reason)
  }
}

function iso(timeNs: bigint): string {
  return new Date(Number(timeNs / 1_000_000n)).toISOString()
}

function fixOf(error: unknown): string {
  const code = error instanceof AppError ? (error.cause as NodeJS.ErrnoException | undefined)?.code : undefined
  if (code === 'ENOENT')
    return 'Install and start Docker (apt-get install docker.io), or set docker.socket to its socket'
  if (code === 'EACCES') return 'Run Seamark as root or as a member of the group that owns the socket'
  if (code === 'ECONNREFUSED') return 'Start the Docker daemon: nobody listens on the socket'
  return 'Check that the Docker daemon runs and that docker.socket names its socket'
}
