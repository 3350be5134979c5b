/**
 * Turns the conditions of all rules into one JavaScript function per table. For each event type the conditions are
 * specialised and split into what depends on the process alone and the rest; the process's part is judged once per
 * process and ends as a bit mask over rules, so that most rows end with one look at that mask.
 */
import type { Batch } from '../batch/batch.ts'
import { eventTables } from '../batch/batch.ts'
import { TABLES } from '../batch/schema.ts'
import { isByName } from '../fields/calls-by-name.ts'
import { Cursor } from '../fields/cursor.ts'
import { COMMON_EVENT_TYPES, EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import type { SourceName } from '../model/event.ts'
import type { Match } from '../model/rule-set.ts'
import { typesNamedBy } from './event-type-index.ts'
import type { Expression, ExpressionPool } from './expression.ts'
import { mergeValues } from './merge-values.ts'
import type { PathClasses } from './path-classes.ts'
import { ProcessIdentities } from './process-identities.ts'
import type { ProcessKinds } from './process-kinds.ts'
import {
  type Candidate,
  FREE_NAMES,
  type Group,
  type Judges,
  ProgramWriter,
  type RuleMatching,
} from './program-writer.ts'
import { specialise } from './specialise.ts'
import { Scopes, splitByProcess } from './split.ts'

export interface CompilableRule {
  condition: Expression
  source: SourceName
  /** False where the condition names no event types; such rules are asked last. */
  namesEventTypes: boolean
}

export interface Program {
  /** Every (row, rule) that fires, in the order of the events and, for one event, of the rules. */
  detect(batch: Batch): Match[]
  /** Event types that each rule can match. */
  eventTypes: EventTypeName[][]
  /** The generated code, for tests and the curious. */
  code: string
}

/**
 * Rules are judged in the order given. With `first` only the first that holds for a row counts. There is no code for calls
 * that are captured by name alone, but for those that a rule or `keepEventTypes` names.
 */
export function compileRules(
  pool: ExpressionPool,
  rules: readonly CompilableRule[],
  matching: RuleMatching,
  keepEventTypes: readonly string[] = [],
): Program {
  const order = rules
    .map((_, i) => i)
    .sort((a, b) => Number(!rules[a]!.namesEventTypes) - Number(!rules[b]!.namesEventTypes) || a - b)
  const eventTypes: EventTypeName[][] = rules.map(() => [])
  const groups: Group[] = []
  const scopes = new Scopes()
  const merged = new Map<Expression, Expression>()
  const conditions = rules.map(({ condition }) => mergeValues(pool, condition, merged))
  for (const type of judgedTypes(rules, keepEventTypes)) {
    const { source, tables } = EVENT_TYPES[type]
    for (const table of tables) {
      const candidates: Candidate[] = []
      const done = new Map<Expression, Expression>()
      for (const rule of matching === 'first' ? order : order.toSorted((a, b) => a - b)) {
        if (rules[rule]!.source !== source) continue
        const condition = specialise(pool, conditions[rule]!, type, table, done)
        if (condition === pool.false) continue
        const types = eventTypes[rule]!
        if (types.at(-1) !== type) types.push(type)
        const parts =
          source === 'syscall' ? splitByProcess(pool, scopes, condition) : { process: pool.true, rest: condition }
        candidates.push({ rule, ...parts })
      }
      if (candidates.length > 0) groups.push({ type, table, candidates })
    }
  }
  const cursor = new Cursor()
  const identities = new ProcessIdentities()
  // Where rows have no process, a container's values belong to the row: nothing can be remembered per process.
  const calls = compileGroups(groups.filter(hasProcessColumn), scopes, matching, cursor, identities)
  const others = compileGroups(
    groups.filter((group) => !hasProcessColumn(group)),
    null,
    matching,
    cursor,
    identities,
  )
  const judges = { ...calls.judges, ...others.judges }
  return {
    eventTypes,
    code: `${calls.code}\n${others.code}`,
    detect(batch) {
      const out: number[] = []
      cursor.open(batch)
      const isFresh = identities.open(batch)
      calls.kinds.open(isFresh, identities.capacity)
      calls.paths.open(batch)
      if (batch.tables.file !== undefined) calls.paths.useTable(batch.tables.file)
      const matches: Match[] = []
      for (const table of eventTables(batch)) {
        out.length = 0
        judges[table.name]?.(table, out)
        const id = TABLES[table.name].id
        for (let i = 0; i < out.length; i += 2) matches.push({ table: id, row: out[i]!, rule: out[i + 1]! })
      }
      cursor.close()
      calls.paths.close()
      return inEventOrder(batch, matches)
    },
  }
}

/** Tables are judged one after the other; what a person or another program reads comes in the order in which it happened. */
function inEventOrder(batch: Batch, matches: Match[]): Match[] {
  if (matches.length < 2 || matches.every(({ table }) => table === matches[0]!.table)) return matches
  const ordinals = new Map(
    eventTables(batch).map(({ name, columns }) => [TABLES[name].id as number, columns.ordinal as Uint32Array]),
  )
  const at = ({ table, row }: Match) => ordinals.get(table)![row]!
  return matches.sort((a, b) => at(a) - at(b))
}

/** Event types that a condition can match, as if its rule were the only one: without code for it. */
export function matchedTypes(pool: ExpressionPool, condition: Expression, source: SourceName): EventTypeName[] {
  const merged = mergeValues(pool, condition)
  return judgedTypes([{ condition: merged }], []).filter((type) => {
    if (EVENT_TYPES[type].source !== source) return false
    return EVENT_TYPES[type].tables.some((table) => specialise(pool, merged, type, table, new Map()) !== pool.false)
  })
}

function judgedTypes(
  rules: readonly Pick<CompilableRule, 'condition'>[],
  keepEventTypes: readonly string[],
): EventTypeName[] {
  const named = new Set([...rules.flatMap(({ condition }) => typesNamedBy(condition)), ...keepEventTypes])
  return [...(Object.keys(COMMON_EVENT_TYPES) as EventTypeName[]), ...[...named].filter(isByName).sort()]
}

interface CompiledGroups {
  code: string
  judges: Judges
  paths: PathClasses
  kinds: ProcessKinds
}

function compileGroups(
  groups: readonly Group[],
  scopes: Scopes | null,
  matching: RuleMatching,
  cursor: Cursor,
  identities: ProcessIdentities,
): CompiledGroups {
  const writer = new ProgramWriter(groups, scopes, matching, cursor)
  const code = writer.write()
  const { paths, kinds, constants } = writer
  const names = constants.values.map((_, i) => `K${i}`)
  const make = new Function(...FREE_NAMES, ...names, code) as (...values: unknown[]) => Judges
  return { code, paths, kinds, judges: make(cursor, identities, kinds, ...constants.values) }
}

function hasProcessColumn({ table }: Group): boolean {
  return (TABLES[table].columns as readonly string[]).includes('process')
}
