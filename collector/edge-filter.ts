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
import type { RuleSet } from '../core/model/rule-set.ts'

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
    const matchedRows = new Map<number, Set<number>>()
    for (const { table, row } of matches) {
      const rows = matchedRows.get(table)
      if (rows === undefined) matchedRows.set(table, new Set([row]))
      else rows.add(row)
    }
    const selection: Selection = {}
    let received = 0
    let kept = 0
    for (const table of eventTables(batch)) {
      const rows = this.keptRows(table, matchedRows.get(TABLES[table.name].id))
      received += table.rowCount
      kept += rows.length
      if (rows.length > 0) selection[table.name] = rows
    }
    if (kept === 0) return { batch: null, kept, received, matches: 0 }
    const selected = selectRows(batch, selection)
    if (matches.length > 0) selected.tables.matches = this.annotate(batch, selected, matches)
    return { batch: selected, kept, received, matches: matches.length }
  }

  private keptRows(table: Table, matched: ReadonlySet<number> | undefined): number[] {
    const types = table.columns.type as Uint16Array
    const rows: number[] = []
    for (let row = 0; row < table.rowCount; row++) {
      if (this.isKept[types[row]!] === 1 || matched?.has(row) === true) rows.push(row)
    }
    return rows
  }

  private annotate(batch: Batch, selected: Batch, matches: ReturnType<RuleSet['detect']>): Table {
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
