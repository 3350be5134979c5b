/**
 * The collector: takes what its sources see, joins identities, lets the edge filter choose, seals batches and makes
 * them durable together with the sources' checkpoints. One batch at a time, so that sequence numbers have no holes.
 */
import { type Batch, emptyBatch, eventRows } from '../core/batch/batch.ts'
import { MAX_BODY_BYTES, sealBatch } from '../core/batch/seal.ts'
import { splitBatch } from '../core/batch/split.ts'
import type { EventTypeName } from '../core/fields/event-types.ts'
import type { Conditions } from '../core/health/conditions.ts'
import { type HealthEvent, healthBatch } from '../core/health/health-event.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import { AppError } from '../core/model/errors.ts'
import type { BatchClass, SourceName } from '../core/model/event.ts'
import type { Item, Queue } from '../core/model/queue.ts'
import type { RuleSet } from '../core/model/rule-set.ts'
import type { CapturePlan, Emission, Sink, Source } from '../core/model/source.ts'
import { createBackground } from '../core/runtime/background.ts'
import { nowNs } from '../core/runtime/clock.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'
import { Serial } from '../core/runtime/serial.ts'
import { EdgeFilter } from './edge-filter.ts'

const HEARTBEAT_MS = 1_000
/** Few, and each of them matters. */
const ALWAYS_EVIDENCE: ReadonlySet<SourceName> = new Set(['health', 'command'])
/** Under this name the queue keeps when this collector was last known to watch. */
const WATCHED = 'collector.watched'

export interface CollectorOptions {
  /** This host's id, as in every event id. */
  collector: string
  /** Random for live capture; a recording brings its own. */
  epoch: string
  queue: Queue
  ruleSet: RuleSet
  keepEventTypes: readonly EventTypeName[]
  sources: readonly Source[]
  /** Names processes and containers in raw system-call batches. */
  join: (batch: Batch, plan: CapturePlan) => Promise<Batch>
  /** Stamps a batch when it becomes durable; at a distance, ingest does it instead. */
  stamp?: (header: BatchHeader, batch: Batch) => Envelope
  /** Of one batch, not compressed. Default and most: what anybody opens. */
  maxBatchBytes?: number
  conditions: Conditions
  metrics: Metrics
  logger: Logger
}

export class Collector implements Component, Sink {
  private readonly options: CollectorOptions
  private filter: EdgeFilter
  private sequence = 0
  private readonly lowMs: Partial<Record<SourceName, number>> = {}
  /** For the next header. */
  private dropped: Record<string, number> = {}
  /** For the next health events. */
  private readonly unreported = new Map<string, number>()
  private readonly booked = new WeakSet<Emission>()
  private readonly emissions = new Serial()
  private readonly changes = new Serial()
  private readonly running: Source[] = []
  private heartbeat: NodeJS.Timeout | undefined
  private lastOfferMs = 0
  /** While the queue takes nothing: why, and how often. */
  private refused: { reason: string; batches: number } | null = null

  constructor(options: CollectorOptions) {
    this.options = options
    this.filter = new EdgeFilter(options.ruleSet, options.keepEventTypes)
  }

  async start(): Promise<void> {
    const { queue, ruleSet, sources, conditions, metrics, logger } = this.options
    const watchedBefore = Number((await queue.checkpoint(WATCHED))?.position ?? 0)
    for (const source of sources) {
      try {
        await source.start(this, await queue.checkpoint(source.name), ruleSet.plan)
        this.running.push(source)
        metrics.set('seamark_source_up', 1, { source: source.name })
      } catch (error) {
        // One blind source must not blind the others; it is a fact that the user can search for.
        metrics.set('seamark_source_up', 0, { source: source.name })
        conditions.set('source.blind', messageOf(error), source.name)
        logger.warn({ err: error, source: source.name }, 'Source cannot start and stays blind')
        await this.reportHealth({
          kind: 'source.blind',
          message: `${source.name} is blind: ${messageOf(error)}`,
          attributes: { source: source.name },
        })
      }
    }
    if (watchedBefore > 0) await this.reportUnwatched(watchedBefore, Date.now())
    const inBackground = createBackground(this.options)
    this.heartbeat = setInterval(() => inBackground('heartbeat', () => this.beat()), HEARTBEAT_MS)
    this.heartbeat.unref()
  }

  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.heartbeat)
    await Promise.all(this.running.splice(0).map((source) => source.stop(deadlineMs)))
    await this.emissions.idle()
  }

  /**
   * Judges what comes from now on by another rule set, and captures what it needs. One change after the other: the last
   * set asked for wins. Rejects when a source refuses the plan; the rules and the plan stay as they were then.
   */
  useRuleSet(ruleSet: RuleSet): Promise<void> {
    return this.changes.run(() => this.change(ruleSet))
  }

  private async change(ruleSet: RuleSet): Promise<void> {
    const filter = new EdgeFilter(ruleSet, this.options.keepEventTypes)
    const replanned = await this.replan(ruleSet.plan)
    const refused = replanned.find((outcome) => outcome.status === 'rejected')
    if (refused === undefined) {
      this.filter = filter
      return
    }
    for (const outcome of await this.replan(this.filter.ruleSet.plan)) {
      if (outcome.status === 'rejected')
        this.options.logger.error({ err: outcome.reason }, 'A source refuses the plan it had before as well')
    }
    throw refused.reason
  }

  private replan(plan: CapturePlan): Promise<PromiseSettledResult<void>[]> {
    return Promise.allSettled(this.running.map(async (source) => source.replan(plan)))
  }

  /** What happened while nobody watched cannot be made up for, but it can be said. */
  private async reportUnwatched(fromMs: number, toMs: number): Promise<void> {
    const [since, until] = [new Date(fromMs).toISOString(), new Date(toMs).toISOString()]
    const seconds = Math.max(0, Math.round((toMs - fromMs) / 1000))
    const message = `System calls were not watched from ${since} to ${until} (${seconds} s): Seamark was not running`
    await this.reportHealth({ kind: 'capture.gap', message, count: seconds, attributes: { since, until } })
  }

  /** An event about Seamark itself; false when the queue did not take it. */
  reportHealth(event: Pick<HealthEvent, 'kind' | 'message' | 'attributes'> & Partial<HealthEvent>): Promise<boolean> {
    const atNs = event.atNs ?? nowNs()
    const batch = healthBatch({ count: 1, ...event, atNs })
    return this.emit({ source: 'health', batch, lowMs: Number(atNs / 1_000_000n) })
  }

  /** For whatever sees something on this host; as a sink of sources promises. */
  emit(emission: Emission): Promise<boolean> {
    return this.emissions.run(() => this.take(emission))
  }

  private async take(emission: Emission): Promise<boolean> {
    const { metrics, join } = this.options
    // A refused emission comes again with the same losses; they are counted once.
    const losses = this.booked.has(emission) ? {} : (emission.dropped ?? {})
    this.booked.add(emission)
    for (const [reason, count] of Object.entries(losses)) this.dropped[reason] = (this.dropped[reason] ?? 0) + count
    this.lose(losses, emission.source)
    const received = eventRows(emission.batch)
    const joined =
      emission.source === 'syscall' && received > 0
        ? await join(emission.batch, this.filter.ruleSet.plan)
        : emission.batch
    const filtered = this.filter.apply(joined)
    metrics.add('seamark_collector_received_events_total', received, { source: emission.source })
    metrics.add('seamark_collector_filtered_events_total', received - filtered.kept, { source: emission.source })
    if (filtered.batch === null && emission.at === undefined) {
      this.lowMs[emission.source] = emission.lowMs
      return true
    }
    const lowMs = { ...this.lowMs, [emission.source]: emission.lowMs }
    const batchClass: BatchClass = filtered.matches > 0 || ALWAYS_EVIDENCE.has(emission.source) ? 'evidence' : 'routine'
    if (!(await this.offerOrRefuse(filtered.batch ?? emptyBatch(), batchClass, lowMs, emission))) return false
    metrics.add('seamark_collector_kept_events_total', filtered.kept, { source: emission.source })
    this.lowMs[emission.source] = emission.lowMs
    return true
  }

  /** False when the queue is full or cannot write. Said once when it begins and once when it is over. */
  private async offerOrRefuse(...offered: Parameters<Collector['offer']>): Promise<boolean> {
    const { conditions, metrics, logger } = this.options
    let reason = 'full'
    let why = 'it is full (queue.max_bytes)'
    try {
      if (await this.offer(...offered)) {
        conditions.set('queue.refusing', null)
        if (this.refused !== null) {
          logger.warn(this.refused, 'The queue takes batches again')
          this.refused = null
        }
        return true
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      reason = error.code
      why = error.message
      if (this.refused === null)
        logger.error({ err: error }, 'The queue cannot write; nothing is acknowledged until it can')
    }
    if (this.refused === null && reason === 'full')
      logger.error('The queue is full; nothing is acknowledged until there is room')
    this.refused = { reason, batches: (this.refused?.batches ?? 0) + 1 }
    conditions.set('queue.refusing', why)
    metrics.add('seamark_collector_refused_batches_total', 1, { reason })
    return false
  }

  private async offer(
    batch: Batch,
    batchClass: BatchClass,
    lowMs: BatchHeader['lowMs'],
    emission?: Emission,
  ): Promise<boolean> {
    const { collector, epoch, queue, metrics, stamp } = this.options
    const { parts, leftOut } = splitBatch(batch, this.options.maxBatchBytes ?? MAX_BODY_BYTES)
    const tooLarge = leftOut + (this.dropped.too_large ?? 0)
    const dropped = tooLarge === 0 ? this.dropped : { ...this.dropped, too_large: tooLarge }
    // What is left out is told of, even where nothing else is left.
    const batches = parts.length === 0 ? [emptyBatch()] : parts
    const items = batches.map((part, i): Item => {
      const header: BatchHeader = {
        collector,
        epoch,
        sequence: this.sequence + 1 + i,
        // Older rows may come until the last part.
        lowMs: i === batches.length - 1 ? lowMs : this.lowMs,
        dropped: i === 0 ? dropped : {},
        plan: this.filter.ruleSet.plan.version,
        edgeRuleset: this.filter.ruleSet.version,
        class: batchClass,
        rows: eventRows(part),
      }
      return {
        id: `${collector}/${epoch}/${header.sequence}`,
        class: batchClass,
        header,
        payload: sealBatch(header, part).bytes,
        ...(stamp === undefined ? {} : { envelope: stamp(header, part) }),
      }
    })
    const outcome = await queue.offer('batches', items, [
      { source: WATCHED, position: String(Date.now()) },
      ...(emission?.at === undefined ? [] : [emission.at]),
    ])
    if (outcome === 'full') return false
    this.sequence += items.length
    this.dropped = {}
    this.lastOfferMs = Date.now()
    metrics.add('seamark_collector_batches_total', items.length)
    metrics.add(
      'seamark_collector_batch_bytes_total',
      items.reduce((sum, { payload }) => sum + payload.length, 0),
    )
    if (leftOut > 0) this.lose({ too_large: leftOut }, emission?.source ?? 'health')
    return true
  }

  /** Counts what is lost, to be told of with the next heartbeat. */
  private lose(losses: Readonly<Record<string, number>>, source: SourceName): void {
    for (const [reason, count] of Object.entries(losses)) {
      this.unreported.set(reason, (this.unreported.get(reason) ?? 0) + count)
      this.options.metrics.add('seamark_collector_dropped_events_total', count, { source, reason })
    }
  }

  /** Losses become events, and a quiet host still says that it is there. */
  private async beat(): Promise<void> {
    const losses = [...this.unreported]
    for (const [reason, count] of losses) {
      // More may be lost while this is told.
      this.unreported.delete(reason)
      let isTold = false
      try {
        const message = `${count} events were lost: ${reason}`
        isTold = await this.reportHealth({ kind: 'capture.drop', message, count, attributes: { reason } })
      } finally {
        if (!isTold) this.unreported.set(reason, (this.unreported.get(reason) ?? 0) + count)
      }
    }
    if (losses.length > 0 || Date.now() - this.lastOfferMs < HEARTBEAT_MS) return
    await this.emissions.run(() => this.offerOrRefuse(emptyBatch(), 'heartbeat', { ...this.lowMs }))
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
