/**
 * Decides on the host which rows travel on: those a rule matched, and those the keep policy names. The rest was judged
 * and is let go, counted. Runs the same compiled rules as the analyzer, and sends along what they matched.
 */
import { type Batch, eventTables, type Table } from '../core/batch/batch.ts'
import { type Row, tableOf } from '../core/batch/builder.ts'
import { TABLES } from '../core/batch/schema.ts'
import { type Selection, selectRows } from '../core/batch/select.ts'
import { fromText } from '../core/batch/strings.ts'
import { EVENT_TYPES, type EventTypeName } from '../core/fields/event-types.ts'
import type { Match, RuleSet } from '../core/model/rule-set.ts'

export interface Filtered {
  /** Null when nothing is kept. */
  batch: Batch | null
  kept: number
  received: number
  matches: number
}

export class EdgeFilter {
  readonly ruleSet: RuleSet
  /** By event type code. */
  private readonly isKept = new Uint8Array(65_536)

  constructor(ruleSet: RuleSet, keepEventTypes: readonly EventTypeName[]) {
    this.ruleSet = ruleSet
    for (const name of keepEventTypes) this.isKept[EVENT_TYPES[name].code] = 1
  }

  apply(batch: Batch): Filtered {
    const matches = this.ruleSet.detect(batch)
    const selection: Selection = {}
    let received = 0
    let kept = 0
    let judged = 0
    for (const table of eventTables(batch)) {
      const from = judged
      while (matches[judged]?.table === TABLES[table.name].id) judged++
      const rows = this.keptRows(table, matches.slice(from, judged))
      received += table.rowCount
      kept += rows.length
      if (rows.length > 0) selection[table.name] = rows
    }
    if (kept === 0) return { batch: null, kept, received, matches: 0 }
    const selected = selectRows(batch, selection)
    if (matches.length > 0) selected.tables.matches = this.annotate(batch, selected, matches)
    return { batch: selected, kept, received, matches: matches.length }
  }

  /** `matches` are the table's, by row. */
  private keptRows(table: Table, matches: readonly Match[]): number[] {
    const types = table.columns.type as Uint16Array
    const rows: number[] = []
    let at = 0
    let matchedRow = matches[0]?.row ?? -1
    for (let row = 0; row < table.rowCount; row++) {
      if (row === matchedRow) {
        rows.push(row)
        while (matches[at]?.row === row) at++
        matchedRow = matches[at]?.row ?? -1
      } else if (this.isKept[types[row]!] === 1) rows.push(row)
    }
    return rows
  }

  private annotate(batch: Batch, selected: Batch, matches: readonly Match[]): Table {
    const tableById = new Map(eventTables(batch).map((table) => [TABLES[table.name].id as number, table]))
    const rows = matches.map(
      ({ table, row, rule }): Row => ({
        matchTable: table,
        matchOrdinal: tableById.get(table)!.columns.ordinal![row] as number,
        matchRule: fromText(this.ruleSet.rules[rule]!.name),
      }),
    )
    return tableOf('matches', rows, selected.strings)
  }
}
