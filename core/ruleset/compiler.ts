/**
 * Turns the conditions of all rules into one JavaScript function per table. For each event type the conditions are
 * specialised, split into what depends on the process alone and the rest; the process's part is judged once per process
 * and remembered as a bit mask over rules, so that most rows end with one look at that mask.
 */

import type { Batch, Table } from '../batch/batch.ts'
import { eventTables } from '../batch/batch.ts'
import { TABLES, type TableName } from '../batch/schema.ts'
import { Cursor } from '../fields/cursor.ts'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import { operandFields, operandKey, type ValueSource } from '../language/condition/predicate.ts'
import { valueReader } from '../language/condition/value-reader.ts'
import type { SourceName } from '../model/event.ts'
import type { Match } from '../model/rule-set.ts'
import { ClassMasks } from './class-masks.ts'
import { Constants, emitPredicate } from './emit-check.ts'
import { type Expression, type ExpressionPool, visitExpressions } from './expression.ts'
import { PathClasses } from './path-classes.ts'
import { ProcessIdentities } from './process-identities.ts'
import { specialise } from './specialise.ts'
import { Costs, Scopes, splitByProcess } from './split.ts'
import { NO_ATOMS, TextClasses } from './text-classes.ts'
import { ValueMasks } from './value-masks.ts'

export interface CompilableRule {
  condition: Expression
  source: SourceName
  /** False where the condition names no event types; such rules are asked last. */
  namesEventTypes: boolean
}

export interface Program {
  /** Every (row, rule) that fires, in (table, row, rule) order. */
  detect(batch: Batch): Match[]
  /** Event types that each rule can match. */
  eventTypes: EventTypeName[][]
  /** The generated code, for tests and the curious. */
  code: string
}

interface Candidate {
  rule: number
  process: Expression
  rest: Expression
}

interface Group {
  type: EventTypeName
  table: TableName
  candidates: Candidate[]
}

export type RuleMatching = 'all' | 'first'

/** Rules are judged in the order given. With `first` only the first that holds for a row counts. */
export function compileRules(pool: ExpressionPool, rules: readonly CompilableRule[], matching: RuleMatching): Program {
  const order = rules
    .map((_, i) => i)
    .sort((a, b) => Number(!rules[a]!.namesEventTypes) - Number(!rules[b]!.namesEventTypes) || a - b)
  const eventTypes: EventTypeName[][] = rules.map(() => [])
  const groups: Group[] = []
  const scopes = new Scopes()
  for (const [name, { source, tables }] of Object.entries(EVENT_TYPES)) {
    const type = name as EventTypeName
    for (const table of tables) {
      const candidates: Candidate[] = []
      const done = new Map<Expression, Expression>()
      for (const rule of matching === 'first' ? order : order.toSorted((a, b) => a - b)) {
        if (rules[rule]!.source !== source) continue
        const condition = specialise(pool, rules[rule]!.condition, type, table, done)
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
  const [calls, others] = [true, false].map((hasProcess) => {
    const part = groups.filter(({ table }) => hasProcessColumn(table) === hasProcess)
    const emitter = new Emitter(hasProcess ? scopes : null, matching, cursor)
    const code = emitter.program(part)
    const names = emitter.constants.values.map((_, i) => `K${i}`)
    const make = new Function('c', 'identities', ...names, code) as (...values: unknown[]) => Generated
    return { code, paths: emitter.paths, ...make(cursor, identities, ...emitter.constants.values) }
  }) as [Emitted, Emitted]
  const judge = { ...calls.judge, ...others.judge }
  return {
    eventTypes,
    code: `${calls.code}\n${others.code}`,
    detect(batch) {
      const out: number[] = []
      cursor.open(batch)
      const isFresh = identities.open(batch)
      calls.open(isFresh, identities.capacity)
      others.open(false, 1)
      calls.paths.open(batch)
      if (batch.tables.file !== undefined) calls.paths.useTable(batch.tables.file)
      const matches: Match[] = []
      for (const table of eventTables(batch)) {
        out.length = 0
        judge[table.name]?.(table, out)
        const id = TABLES[table.name].id
        for (let i = 0; i < out.length; i += 2) matches.push({ table: id, row: out[i]!, rule: out[i + 1]! })
      }
      cursor.close()
      calls.paths.close()
      return matches
    },
  }
}

interface Generated {
  /** `isFresh`: what was remembered of processes is void. */
  open(isFresh: boolean, capacity: number): void
  judge: Partial<Record<TableName, (table: Table, out: number[]) => void>>
}

type Emitted = Generated & { code: string; paths: PathClasses }

class Emitter {
  readonly constants = new Constants()
  private readonly classes = new TextClasses()
  /** Null: everything belongs to the event. */
  private readonly scopes: Scopes | null
  private readonly costs = new Costs()
  private readonly matching: RuleMatching
  private readonly uses = new Map<Expression, number>()
  private readonly functions = new Map<Expression, string>()
  private readonly lines: string[] = []
  private readonly readers = new Map<string, string>()
  private processSlots = 0

  readonly paths: PathClasses

  constructor(scopes: Scopes | null, matching: RuleMatching, cursor: Cursor) {
    this.scopes = scopes
    this.paths = new PathClasses(this.classes, cursor)
    this.matching = matching
  }

  program(groups: readonly Group[]): string {
    this.countUses(groups)
    const masks: string[] = []
    const tables = new Map<TableName, string[]>()
    groups.forEach((group, i) => {
      const reset = this.group(group, i)
      if (reset !== '') masks.push(reset)
      const cases = tables.get(group.table) ?? []
      tables.set(group.table, cases)
      cases.push(`case ${EVENT_TYPES[group.type].code}:judge${i}(table,row,out,processes);break`)
    })
    const judges = [...tables].map(([name, cases]) => {
      return `${JSON.stringify(name)}:(table,out)=>{const types=table.columns.type;const processes=table.columns.process;for(let row=0;row<table.rowCount;row++)switch(types[row]){${cases.join(';')}}}`
    })
    this.classes.build()
    const slots = Math.max(1, this.processSlots)
    return [
      '"use strict"',
      `const SLOTS=${slots};let P=0,tick=0,processTick=0,room=0,memo=new Uint8Array(0)`,
      ...this.lines,
      `function open(isFresh,capacity){if(isFresh||room!==capacity){room=capacity;memo=new Uint8Array(capacity*SLOTS);${masks.join(';')}}}`,
      `return{open,judge:{${judges.join(',')}}}`,
    ].join('\n')
  }

  private countUses(groups: readonly Group[]): void {
    const roots = new Set(
      groups.flatMap(({ candidates }) => candidates.flatMap(({ process, rest }) => [process, rest])),
    )
    const count = (node: Expression) => this.uses.set(node, (this.uses.get(node) ?? 0) + 1)
    for (const { candidates } of groups) for (const { process, rest } of candidates) [process, rest].forEach(count)
    visitExpressions(roots, (node) => {
      if (node.kind === 'not') count(node.child)
      else if (node.kind === 'and' || node.kind === 'or') node.children.forEach(count)
    })
  }

  /** Functions that judge one event type in one table; returns what resets its masks for a new batch. */
  private group({ type, table, candidates }: Group, i: number): string {
    const words = Math.ceil(candidates.length / 32)
    const tests = candidates.map(({ rest }) => this.reference(rest))
    this.lines.push(`const tests${i}=[${tests.map((test) => `()=>${test}`).join(',')}]`)
    this.lines.push(`const rules${i}=[${candidates.map(({ rule }) => rule).join(',')}]`)
    const loop = (mask: string, word: number) =>
      `let m${word}=${mask};while(m${word}!==0){const b=31-Math.clz32(m${word}&-m${word})${word === 0 ? '' : `+${word * 32}`};m${word}&=m${word}-1;if(!moved){moved=true;P=p;c.moveTo(table,row);tick++;processTick++}if(tests${i}[b]()){out.push(row,rules${i}[b]);${this.matching === 'first' ? 'return' : ''}}}`
    if (this.scopes === null) {
      const all = Array.from({ length: words }, (_, word) => loop(String(allBits(candidates.length - word * 32)), word))
      this.lines.push(`function judge${i}(table,row,out){const p=0;let moved=false;${all.join(';')}}`)
      return ''
    }
    const fills = Array.from({ length: words }, (_, word) => {
      const bits = candidates
        .slice(word * 32, word * 32 + 32)
        .map(({ process }, bit) => `(${this.reference(process)}?${1 << bit}:0)`)
      this.lines.push(`function fill${i}_${word}(){return ${bits.join('|')}}`)
      return `mask${i}[p*${words}+${word}]=fill${i}_${word}()`
    })
    this.lines.push(`let mask${i}=new Int32Array(0),known${i}=new Uint8Array(0)`)
    this.lines.push(
      `function fill${i}(p,row){P=p;processTick++;c.moveToProcess(p===0?-1:row);${fills.join(';')};known${i}[p]=1}`,
    )
    const filter = this.pathFilter(type, table, candidates)
    const byPath = (word: number) => (filter === null ? '' : `&${filter.name}.word(k,${word})`)
    const values = ValueMasks.of(candidates.map(({ rest }) => rest))
    const valueMasks = values === null ? '' : this.constants.add(values)
    const byValue = (word: number) => (values === null ? '' : `&${valueMasks}.word(q,${word})`)
    const masks = Array.from({ length: words }, (_, word) =>
      loop(`mask${i}[p*${words}+${word}]${byPath(word)}${byValue(word)}`, word),
    )
    const any = Array.from({ length: words }, (_, word) => `mask${i}[p*${words}+${word}]`).join('|')
    const value =
      values === null
        ? ''
        : `moved=true;P=p;c.moveTo(table,row);tick++;processTick++;const q=${valueMasks}.row(${this.reader(values.source)});`
    const path = filter === null ? '' : `if((${any})===0)return;const k=${filter.name}.row(${filter.classes});`
    this.lines.push(
      `function judge${i}(table,row,out,processes){const r=processes===undefined?0xffffffff:processes[row],p=r===0xffffffff?0:identities.numbers[r]|0;if(known${i}[p]===0)fill${i}(p,r);${path}let moved=false;${value}${masks.join(';')}}`,
    )
    return `known${i}=new Uint8Array(capacity);mask${i}=new Int32Array(capacity*${words})`
  }

  /** Masks by the classes of the row's paths, where it has some and a rule depends on them. */
  private pathFilter(type: EventTypeName, table: TableName, candidates: readonly Candidate[]) {
    if (table !== 'file') return null
    const conditions = candidates.map(({ rest }) => rest)
    const masks = new ClassMasks(this.classes, conditions, type)
    if (!masks.isUseful) return null
    const paths = this.constants.once('paths', () => this.paths)
    const second = masks.hasSecond ? `${paths}.second(row)` : String(NO_ATOMS)
    return { name: this.constants.add(masks), classes: `${paths}.first(row),${second}` }
  }

  /** An expression that judges a node: inline when it is used once, a call when it is shared. */
  private reference(node: Expression): string {
    if (node.kind === 'constant') return String(node.value)
    if (node.kind === 'check' || (this.uses.get(node) ?? 0) > 1) return `${this.functionOf(node)}()`
    return this.inline(node)
  }

  private inline(node: Expression): string {
    switch (node.kind) {
      case 'constant':
        return String(node.value)
      case 'check':
        return `${this.functionOf(node)}()`
      case 'not':
        return `!(${this.reference(node.child)})`
      default: {
        const parts = this.costs.ordered(node.children).map((child) => `(${this.reference(child)})`)
        return parts.join(node.kind === 'and' ? '&&' : '||')
      }
    }
  }

  private functionOf(node: Expression): string {
    const known = this.functions.get(node)
    if (known !== undefined) return known
    const name = `n${node.id}`
    this.functions.set(node, name)
    const isShared = (this.uses.get(node) ?? 0) > 1
    const isProcess = this.scopes?.of(node) === 'process'
    if (node.kind === 'check') {
      const body = emitPredicate(node.predicate, this.constants, (source) => this.reader(source))
      if (!isShared) this.lines.push(`function ${name}(){${body}}`)
      else
        this.lines.push(`function t${node.id}(){${body}}`, this.remembering(name, `t${node.id}()`, node.id, isProcess))
    } else this.lines.push(this.remembering(name, this.inline(node), node.id, isProcess))
    return name
  }

  /** A call that reads an operand. What was worked out for a process or an event is kept until the next one. */
  private reader(source: ValueSource): string {
    const key = operandKey(source)
    const known = this.readers.get(key)
    if (known !== undefined) return known
    const read = this.constants.add(valueReader(source))
    const id = this.readers.size
    const call = `g${id}()`
    this.readers.set(key, call)
    const isProcess = this.scopes !== null && operandFields(source).every((field) => field.read.scope !== 'event')
    const now = isProcess ? 'processTick' : 'tick'
    this.lines.push(
      `let d${id},a${id}=-1;function g${id}(){if(a${id}!==${now}){d${id}=${read}(c);a${id}=${now}}return d${id}}`,
    )
    return call
  }

  /** A process's answers are kept with its number, an event's until the next event. */
  private remembering(name: string, expression: string, id: number, isProcess: boolean): string {
    if (!isProcess) {
      return `let s${id}=-1,v${id}=false;function ${name}(){if(s${id}!==tick){v${id}=${expression};s${id}=tick}return v${id}}`
    }
    const slot = this.processSlots++
    return `function ${name}(){const i=P*SLOTS+${slot},m=memo[i];if(m!==0)return m===1;const r=${expression};memo[i]=r?1:2;return r}`
  }
}

function hasProcessColumn(table: TableName): boolean {
  return (TABLES[table].columns as readonly string[]).includes('process')
}

function allBits(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1
}
