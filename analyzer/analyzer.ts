/**
 * Takes batches off the queue and judges them: detections at once, and the rows worth keeping to the indexer. What the
 * host's edge filter matched is taken over when it ran the very rule set that is to judge; else the rules run again.
 * Every step repeats harmlessly, so a redelivered batch gives the same detections with the same ids.
 */
import { type Batch, eventRows, eventTables, readNumber, readText, type Table } from '../core/batch/batch.ts'
import { RowIds } from '../core/batch/event-id.ts'
import { isolate } from '../core/batch/isolate.ts'
import { TABLES } from '../core/batch/schema.ts'
import { openBatch, sealBatch } from '../core/batch/seal.ts'
import { storageDay } from '../core/batch/storage-day.ts'
import { toText } from '../core/batch/strings.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import { deadItem } from '../core/model/dead-item.ts'
import type { Detection } from '../core/model/detection.ts'
import { detectionItems } from '../core/model/detection-item.ts'
import { AppError } from '../core/model/errors.ts'
import { batchItems } from '../core/model/index-item.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import type { DetectionContext, Match, RuleSet } from '../core/model/rule-set.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'

/** Rule sets kept for batches that were stamped before a reload and are judged after it. */
const MAX_RULE_SETS = 4
/** Of one batch. A host whose every event matches every rule is not worth the memory of more. */
const MAX_DETECTIONS = 16_384
/** Items of detections that are in memory before they are offered. */
const MAX_HELD_ITEMS = 1_024

export interface AnalyzerOptions {
  queue: Queue
  ruleSet: RuleSet
  metrics: Metrics
  logger: Logger
  /** Brings rules that a batch is stamped with and that are not known here; null where there are none. */
  loadRuleSet?: (version: string) => Promise<RuleSet | null>
  /** Sees every batch that was judged, for the live tail. */
  onBatch?: (header: BatchHeader, batch: Batch, envelope: Envelope) => void
}

export class Analyzer implements Component {
  private readonly options: AnalyzerOptions
  private inForce: RuleSet
  /** By version, the least recently used first; those in force among them. */
  private readonly ruleSets = new Map<string, RuleSet>()
  private consumer: Component | null = null

  constructor(options: AnalyzerOptions) {
    this.options = options
    this.inForce = options.ruleSet
    this.remember(options.ruleSet)
  }

  async start(): Promise<void> {
    const judge = (delivery: Delivery) => this.judgeAll(delivery)
    this.consumer = this.options.queue.consume('batches', judge, { maxItems: 64, deliveries: 2 })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.consumer?.stop(deadlineMs)
  }

  /** For batches that are stamped with its version, and for those whose own rules are no longer known. */
  useRuleSet(ruleSet: RuleSet): void {
    this.inForce = ruleSet
    this.remember(ruleSet)
  }

  /** The least recently used go first; those in force stay. */
  private remember(ruleSet: RuleSet): void {
    this.ruleSets.delete(ruleSet.version)
    this.ruleSets.set(ruleSet.version, ruleSet)
    for (const version of this.ruleSets.keys()) {
      if (this.ruleSets.size <= MAX_RULE_SETS) break
      if (version !== this.inForce.version) this.ruleSets.delete(version)
    }
  }

  /**
   * Throws a retryable error when the right rules cannot be had: the batch waits, for another analyzer or a newer one,
   * instead of being judged by others.
   */
  private async learn(version: string | undefined): Promise<void> {
    const { loadRuleSet, metrics } = this.options
    if (version === undefined || version === '' || loadRuleSet === undefined) return
    const known = this.ruleSets.get(version)
    if (known !== undefined) return this.remember(known)
    try {
      const loaded = await loadRuleSet(version)
      if (loaded !== null) this.remember(loaded)
    } catch (cause) {
      metrics.add('seamark_analyzer_unloadable_rulesets_total')
      const message = `the rules ${version} cannot be loaded here: ${(cause as Error).message}`
      throw new AppError('E_RULES_INVALID', message, { retryable: true, cause })
    }
  }

  /** The rules that the envelope names, as long as they are remembered, so that a redelivery is judged alike. */
  private ruleSetFor(envelope: Envelope | undefined): RuleSet {
    const stamped = envelope === undefined ? undefined : this.ruleSets.get(envelope.ruleset)
    if (stamped !== undefined) return stamped
    if (envelope !== undefined && envelope.ruleset !== '')
      this.options.metrics.add('seamark_analyzer_substituted_rulesets_total')
    return this.inForce
  }

  private async judgeAll(delivery: Delivery): Promise<void> {
    const detections: Item[] = []
    const kept: Item[] = []
    const dead: Item[] = []
    for (const item of delivery.items) {
      await this.learn(item.envelope?.ruleset)
      try {
        const judged = this.judge(item, delivery.attempt)
        detections.push(...detectionItems(judged.detections))
        dead.push(...judged.dead)
        if (detections.length >= MAX_HELD_ITEMS) await this.offer('detections', detections.splice(0))
        if (judged.payload !== null) kept.push({ ...item, id: `batch:${item.id}`, payload: judged.payload })
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'E_BATCH_CORRUPT') throw error
        dead.push(asDead(item, error, delivery.attempt))
        this.options.metrics.add('seamark_analyzer_corrupt_batches_total')
        this.options.logger.error({ err: error, batch: item.id }, 'A batch cannot be read and is set aside')
      }
    }
    // Each comes before the batches are done; none waits for another.
    const offers = [
      this.offer('dead', dead),
      this.offer('detections', detections),
      this.offer('index', batchItems(kept)),
    ]
    const failed = (await Promise.allSettled(offers)).find((outcome) => outcome.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }

  /** A full queue means trying the whole delivery again later. */
  private async offer(topic: 'dead' | 'detections' | 'index', items: Item[]): Promise<void> {
    if (items.length === 0) return
    if ((await this.options.queue.offer(topic, items)) === 'full') {
      throw new AppError('E_QUEUE_FULL', `The topic ${topic} is full`, { retryable: true })
    }
  }

  private judge(item: Item, attempt: number): Judged {
    const { metrics, logger, onBatch } = this.options
    metrics.add('seamark_analyzer_received_batches_total')
    // Evicted from a full queue: its header stays to tell of it.
    if (item.payload.length === 0) metrics.add('seamark_analyzer_evicted_events_total', item.header?.rows ?? 0)
    if (item.header?.rows === 0 || item.payload.length === 0) return { detections: [], dead: [], payload: null }
    const { header, batch } = openBatch(item.payload)
    // One set judges the whole batch, whatever is loaded meanwhile.
    const ruleSet = this.ruleSetFor(item.envelope)
    const envelope = item.envelope ?? { receivedMs: Date.now(), ruleset: ruleSet.version, parts: {} }
    metrics.add('seamark_analyzer_received_events_total', eventRows(batch))
    const judged: Judged = { detections: [], dead: [], payload: item.payload }
    let readable: Batch | null = batch
    try {
      judged.detections = this.detectionsOf(ruleSet, header, batch, envelope)
    } catch (error) {
      const { judged: parts, good, bad } = isolate(batch, (part) => this.detectionsOf(ruleSet, header, part, envelope))
      logger.error({ err: error, batch: item.id, events: bad.length }, 'Events cannot be judged and are set aside')
      metrics.add('seamark_analyzer_poisoned_events_total', bad.length)
      judged.detections = parts.flat()
      judged.dead = bad.map((poisoned, i) => {
        const rest = { ...header, rows: poisoned.rows }
        const payload = sealBatch(rest, poisoned.batch).bytes
        return asDead({ ...item, id: `${item.id}.${i}`, header: rest, payload }, poisoned.error, attempt)
      })
      judged.payload = good === null ? null : sealBatch({ ...header, rows: eventRows(good) }, good).bytes
      readable = good
    }
    for (const { priority } of judged.detections) metrics.add('seamark_analyzer_detections_total', 1, { priority })
    if (readable !== null) onBatch?.(header, readable, envelope)
    return judged
  }

  private detectionsOf(ruleSet: RuleSet, header: BatchHeader, batch: Batch, envelope: Envelope): Detection[] {
    const ids = new RowIds(header, batch)
    const tables = new Map(eventTables(batch).map((table) => [TABLES[table.name].id as number, table]))
    const context: DetectionContext = {
      hostname: header.collector,
      collector: header.collector,
      idOf: (table, row) => ids.of(tables.get(table)!, row),
      day: (timeMs) => {
        const day = storageDay(timeMs, envelope.receivedMs)
        return { day, part: envelope.parts[day] ?? 0 }
      },
    }
    const matches = matchesOf(ruleSet, header, batch, tables)
    if (matches.length > MAX_DETECTIONS) {
      const dropped = matches.length - MAX_DETECTIONS
      this.options.metrics.add('seamark_analyzer_dropped_detections_total', dropped)
      this.options.logger.warn({ collector: header.collector, dropped }, 'More detections than a batch may have')
    }
    return matches.slice(0, MAX_DETECTIONS).map((match) => ruleSet.detection(batch, match, context))
  }
}

/** What came of one item. */
interface Judged {
  detections: Detection[]
  /** Its events that could not be judged. */
  dead: Item[]
  /** What goes to the indexer, if anything. */
  payload: Uint8Array | null
}

/** What the host's filter found, where it ran the same rules; else what they find here. */
function matchesOf(ruleSet: RuleSet, header: BatchHeader, batch: Batch, tables: ReadonlyMap<number, Table>): Match[] {
  if (header.edgeRuleset !== ruleSet.version) return ruleSet.detect(batch)
  const annotations = batch.tables.matches
  if (annotations === undefined) return []
  const ruleByName = new Map(ruleSet.rules.map((rule, index) => [rule.name, index]))
  const rowsByTable = new Map<Table, Map<number, number>>()
  const matches: Match[] = []
  // A hostile host may name one match as often as it likes.
  const seen = new Set<string>()
  for (let i = 0; i < annotations.rowCount; i++) {
    const id = readNumber(annotations, i, 'matchTable') ?? 0
    const table = tables.get(id)
    const rule = ruleByName.get(toText(readText(batch, annotations, i, 'matchRule') ?? ''))
    if (table === undefined || rule === undefined) continue
    let rows = rowsByTable.get(table)
    if (rows === undefined) {
      rows = rowsByOrdinal(table)
      rowsByTable.set(table, rows)
    }
    const row = rows.get(readNumber(annotations, i, 'matchOrdinal') ?? -1)
    const key = `${id} ${row} ${rule}`
    if (row === undefined || seen.has(key)) continue
    seen.add(key)
    matches.push({ table: id, row, rule })
  }
  return matches
}

function rowsByOrdinal(table: Table): Map<number, number> {
  return new Map(Array.from(table.columns.ordinal as Uint32Array, (ordinal, row) => [ordinal, row]))
}

function asDead(item: Item, error: unknown, attempts: number): Item {
  const { code, name, message } = error as Partial<AppError>
  return deadItem(item, { topic: 'batches', code: code ?? name ?? 'Error', message: String(message), attempts })
}
