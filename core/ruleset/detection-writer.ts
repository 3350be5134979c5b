/** Writes a detection: what a match says to people and to stores. */
import { createHash } from 'node:crypto'
import type { Batch } from '../batch/batch.ts'
import { TABLES, type TableName } from '../batch/schema.ts'
import { Cursor } from '../fields/cursor.ts'
import { DocumentWriter } from '../fields/document.ts'
import { formatOutput, type OutputFormat, outputFields } from '../language/output/format.ts'
import type { Detection } from '../model/detection.ts'
import type { DetectionContext, Match, RuleInfo } from '../model/rule-set.ts'

const TABLE_BY_ID = new Map(Object.entries(TABLES).map(([name, spec]) => [spec.id as number, name as TableName]))
/** Characters of an output that are kept. */
export const MAX_OUTPUT_TEXT = 16_384
const ID_CHARS = 32

export class DetectionWriter {
  private readonly version: string
  private readonly rules: readonly RuleInfo[]
  private readonly outputs: readonly OutputFormat[]
  private readonly cursor = new Cursor()
  private readonly documents = new DocumentWriter()

  constructor(version: string, rules: readonly RuleInfo[], outputs: readonly OutputFormat[]) {
    this.version = version
    this.rules = rules
    this.outputs = outputs
  }

  /** `match` must come from `detect` on the same batch. */
  write(batch: Batch, match: Match, context: DetectionContext): Detection {
    const rule = this.rules[match.rule]!
    const table = batch.tables[TABLE_BY_ID.get(match.table)!]!
    const { cursor } = this
    cursor.open(batch)
    cursor.moveTo(table, match.row)
    cursor.hostname = context.hostname
    const timeNs = cursor.timeNs
    const timeMs = Number(timeNs / 1_000_000n)
    const eventId = context.idOf(match.table, match.row)
    const id = createHash('sha256')
      .update(JSON.stringify([rule.name, eventId]))
      .digest('hex')
      .slice(0, ID_CHARS)
    const output = formatOutput(this.outputs[match.rule]!, cursor).slice(0, MAX_OUTPUT_TEXT)
    const event = this.documents.document(cursor, { id: eventId, collector: context.collector })
    event.rule = { name: rule.name, ruleset: this.version, description: rule.description }
    const detection: Detection = {
      id,
      rule: rule.name,
      ruleset: this.version,
      source: rule.source,
      priority: rule.priority,
      tags: [...rule.tags],
      hostname: context.hostname,
      timeNs: timeNs.toString(),
      timeMs,
      key: [],
      evidence: [eventId],
      output,
      fields: outputFields(this.outputs[match.rule]!, cursor),
      event,
      ...context.day(timeMs),
    }
    cursor.hostname = undefined
    this.documents.forget()
    cursor.close()
    return detection
  }
}
