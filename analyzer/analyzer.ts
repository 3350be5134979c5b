/**
 * Takes batches off the queue and judges them: detections at once, and the rows worth keeping to the indexer. What the
 * host's edge filter matched is taken over when it ran the very rule set that is to judge; else the rules run again.
 * Every step repeats harmlessly, so a redelivered batch gives the same detections with the same ids.
 */
import { type Batch, eventRows, eventTables, readNumber, readText, type Table } from '../core/batch/batch.ts'
import { RowIds } from '../core/batch/event-id.ts'
import { TABLES } from '../core/batch/schema.ts'
import { openBatch } from '../core/batch/seal.ts'
import { storageDay } from '../core/batch/storage-day.ts'
import { toText } from '../core/batch/strings.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import type { Component } from '../core/model/component.ts'
import type { Detection } from '../core/model/detection.ts'
import { AppError } from '../core/model/errors.ts'
import type { Delivery, Item, Queue } from '../core/model/queue.ts'
import type { DetectionContext, Match, RuleSet } from '../core/model/rule-set.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Metrics } from '../core/runtime/metrics.ts'

/** Rule sets kept for batches that were stamped before a reload and are judged after it. */
const MAX_RULE_SETS = 4

export interface AnalyzerOptions {
  queue: Queue
  ruleSet: RuleSet
  hostname: string
  metrics: Metrics
  logger: Logger
  /** Sees every batch that was judged, for the live tail. */
  onBatch?: (header: BatchHeader, batch: Batch, envelope: Envelope) => void
}

export class Analyzer implements Component {
  private readonly options: AnalyzerOptions
  /** By version, oldest first; the last is the one in force. */
  private readonly ruleSets = new Map<string, RuleSet>()
  private consumer: Component | null = null

  constructor(options: AnalyzerOptions) {
    this.options = options
    this.useRuleSet(options.ruleSet)
  }

  async start(): Promise<void> {
    this.consumer = this.options.queue.consume('batches', (delivery) => this.judgeAll(delivery), { maxItems: 16 })
    await this.consumer.start()
  }

  async stop(deadlineMs: number): Promise<void> {
    await this.consumer?.stop(deadlineMs)
  }

  /** For batches that are stamped with its version, and for those whose own rules are no longer known. */
  useRuleSet(ruleSet: RuleSet): void {
    this.ruleSets.delete(ruleSet.version)
    this.ruleSets.set(ruleSet.version, ruleSet)
    const [oldest] = this.ruleSets.keys()
    if (this.ruleSets.size > MAX_RULE_SETS) this.ruleSets.delete(oldest!)
  }

  /** The rules that the envelope names, as long as they are remembered, so that a redelivery is judged alike. */
  private ruleSetFor(envelope: Envelope | undefined): RuleSet {
    const stamped = envelope === undefined ? undefined : this.ruleSets.get(envelope.ruleset)
    if (stamped !== undefined) return stamped
    if (envelope !== undefined) this.options.metrics.add('seamark_analyzer_substituted_rulesets_total')
    return [...this.ruleSets.values()].at(-1)!
  }

  private async judgeAll(delivery: Delivery): Promise<void> {
    const detections: Item[] = []
    const kept: Item[] = []
    const corrupt: Item[] = []
    for (const item of delivery.items) {
      try {
        const judged = this.judge(item)
        detections.push(...judged.map(detectionItem))
        if ((item.header?.rows ?? 1) > 0 && item.payload.length > 0) kept.push({ ...item, id: `batch:${item.id}` })
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'E_BATCH_CORRUPT') throw error
        corrupt.push(asDead(item, error, delivery.attempt))
        this.options.metrics.add('seamark_analyzer_corrupt_batches_total')
        this.options.logger.error({ err: error, batch: item.id }, 'A batch cannot be read and is set aside')
      }
    }
    await this.offer('dead', corrupt)
    await this.offer('detections', detections)
    await this.offer('index', kept)
  }

  /** Detections come before the batch is done; a full queue means trying the whole delivery again later. */
  private async offer(topic: 'dead' | 'detections' | 'index', items: Item[]): Promise<void> {
    if (items.length === 0) return
    if ((await this.options.queue.offer(topic, items)) === 'full') {
      throw new AppError('E_QUEUE_FULL', `The topic ${topic} is full`, { retryable: true })
    }
  }

  private judge(item: Item): Detection[] {
    const { metrics, hostname, onBatch } = this.options
    metrics.add('seamark_analyzer_received_batches_total')
    // A heartbeat, or a batch whose payload was evicted from a full queue: its header stays to tell of it.
    if (item.header?.rows === 0 || item.payload.length === 0) return []
    const { header, batch } = openBatch(item.payload)
    // One set judges the whole batch, whatever is loaded meanwhile.
    const ruleSet = this.ruleSetFor(item.envelope)
    const envelope = item.envelope ?? { receivedMs: Date.now(), ruleset: ruleSet.version, parts: {} }
    metrics.add('seamark_analyzer_received_events_total', eventRows(batch))
    const ids = new RowIds(header, batch)
    const tables = new Map(eventTables(batch).map((table) => [TABLES[table.name].id as number, table]))
    const context: DetectionContext = {
      hostname,
      collector: header.collector,
      idOf: (table, row) => ids.of(tables.get(table)!, row),
      day: (timeMs) => {
        const day = storageDay(timeMs, envelope.receivedMs)
        return { day, part: envelope.parts[day] ?? 0 }
      },
    }
    const detections = matchesOf(ruleSet, header, batch, tables).map((match) =>
      ruleSet.detection(batch, match, context),
    )
    for (const { priority } of detections) metrics.add('seamark_analyzer_detections_total', 1, { priority })
    onBatch?.(header, batch, envelope)
    return detections
  }
}

/** What the host's filter found, where it ran the same rules; else what they find here. */
function matchesOf(ruleSet: RuleSet, header: BatchHeader, batch: Batch, tables: ReadonlyMap<number, Table>): Match[] {
  if (header.edgeRuleset !== ruleSet.version) return ruleSet.detect(batch)
  const annotations = batch.tables.matches
  if (annotations === undefined) return []
  const ruleByName = new Map(ruleSet.rules.map((rule, index) => [rule.name, index]))
  const rowsByTable = new Map<Table, Map<number, number>>()
  const matches: Match[] = []
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
    if (row !== undefined) matches.push({ table: id, row, rule })
  }
  return matches
}

function rowsByOrdinal(table: Table): Map<number, number> {
  return new Map(Array.from(table.columns.ordinal as Uint32Array, (ordinal, row) => [ordinal, row]))
}

/** Names where it came from and why it is given up, as the queue itself does. */
function asDead(item: Item, error: AppError, attempts: number): Item {
  const { code, message } = error
  return { ...item, id: `batches/${item.id}`, failure: { topic: 'batches', code, message, attempts, atMs: Date.now() } }
}

function detectionItem(detection: Detection): Item {
  return { id: detection.id, class: 'evidence', payload: Buffer.from(JSON.stringify(detection)) }
}
