/**
 * Writes the JavaScript that judges rows: one function per event type and table. What depends on the process alone is a
 * *verdict*, reached once per process; the code for rows only looks at its bit.
 */
import type { Table } from '../batch/batch.ts'
import type { TableName } from '../batch/schema.ts'
import type { Cursor } from '../fields/cursor.ts'
import { EVENT_TYPES, type EventTypeName } from '../fields/event-types.ts'
import { operandFields, operandKey, type ValueSource } from '../language/condition/predicate.ts'
import { valueReader } from '../language/condition/value-reader.ts'
import { ClassMasks } from './class-masks.ts'
import { Constants, emitPredicate } from './emit-check.ts'
import { type Expression, visitExpressions } from './expression.ts'
import { PathClasses } from './path-classes.ts'
import { ProcessKinds } from './process-kinds.ts'
import { Costs, type Scopes } from './split.ts'
import { REACH, type Reach } from './steady-columns.ts'
import { NO_ATOMS, TextClasses } from './text-classes.ts'
import { ValueMasks } from './value-masks.ts'

/** One rule in a group: it fires where both parts hold. */
export interface Candidate {
  rule: number
  process: Expression
  rest: Expression
}

/** The rules that can match one event type in one table, in the order they are judged. */
export interface Group {
  type: EventTypeName
  table: TableName
  candidates: Candidate[]
}

/** Whether every rule that holds for a row counts, or only the first. */
export type RuleMatching = 'all' | 'first'

/** By table: judges its rows and appends row and rule of what fires to `out`. */
export type Judges = Partial<Record<TableName, (table: Table, out: number[]) => void>>

/** Names that the code finds around it: the cursor, process identities, process kinds; then K0, K1, … */
export const FREE_NAMES = ['c', 'identities', 'kinds'] as const

export class ProgramWriter {
  readonly constants = new Constants()
  readonly paths: PathClasses
  readonly kinds: ProcessKinds
  private readonly classes = new TextClasses()
  private readonly groups: readonly Group[]
  /** Null: everything belongs to the event. */
  private readonly scopes: Scopes | null
  private readonly matching: RuleMatching
  private readonly costs = new Costs()
  private readonly verdicts = new Map<Expression, number>()
  /** How many words the verdicts of each reach fill. */
  private readonly verdictWords: number[] = []
  private readonly uses = new Map<Expression, number>()
  private readonly functions = new Map<Expression, string>()
  private readonly lines: string[] = []
  private readonly readers = new Map<string, string>()

  constructor(groups: readonly Group[], scopes: Scopes | null, matching: RuleMatching, cursor: Cursor) {
    this.groups = groups
    this.scopes = scopes
    this.matching = matching
    this.paths = new PathClasses(this.classes, cursor)
    this.findVerdicts()
    this.countUses()
    const words = this.verdictWords.reduce((sum, count) => sum + count, 0)
    this.kinds = new ProcessKinds(words, this.verdictWords.slice(0, REACH.process))
  }

  /** The body of a function that gives `Judges`. */
  write(): string {
    const tables = new Map<TableName, string[]>()
    for (const [i, group] of this.groups.entries()) {
      this.group(group, i)
      const cases = tables.get(group.table) ?? []
      tables.set(group.table, cases)
      cases.push(`case ${EVENT_TYPES[group.type].code}:judge${i}(table,row,out,processes);break`)
    }
    const judges = [...tables].map(([name, cases]) => {
      return `${JSON.stringify(name)}:(table,out)=>{const types=table.columns.type;const processes=table.columns.process;for(let row=0;row<table.rowCount;row++)switch(types[row]){${cases.join(';')}}}`
    })
    this.kindOf()
    this.classes.build()
    return ['"use strict"', 'let kind=0,tick=0,processTick=0', ...this.lines, `return{${judges.join(',')}}`].join('\n')
  }

  private reach(node: Expression): Reach {
    return this.scopes === null ? REACH.event : this.scopes.of(node)
  }

  /** The widest conditions of each reach below the event's, wherever they stand in wider ones. */
  private findVerdicts(): void {
    const found = [REACH.program, REACH.lineage, REACH.image, REACH.process].map(() => new Set<Expression>())
    const add = (node: Expression, within: Reach) => {
      const reach = this.reach(node)
      if (node.kind !== 'constant' && reach !== within) found[reach]!.add(node)
    }
    const processes = this.groups.flatMap(({ candidates }) => candidates.map(({ process }) => process))
    for (const process of processes) add(process, REACH.event)
    visitExpressions([...this.rests(), ...processes], (node) => {
      if (node.kind === 'not') add(node.child, this.reach(node))
      else if (node.kind === 'and' || node.kind === 'or')
        for (const child of node.children) add(child, this.reach(node))
    })
    let words = 0
    for (const nodes of found) {
      for (const [i, node] of [...nodes].entries()) this.verdicts.set(node, words * 32 + i)
      this.verdictWords.push(Math.ceil(nodes.size / 32))
      words += this.verdictWords.at(-1)!
    }
  }

  private rests(): Expression[] {
    return this.groups.flatMap(({ candidates }) => candidates.map(({ rest }) => rest))
  }

  private countUses(): void {
    const rests = this.rests()
    const count = (node: Expression) => this.uses.set(node, (this.uses.get(node) ?? 0) + 1)
    rests.forEach(count)
    for (const node of this.verdicts.keys()) count(node)
    visitExpressions([...new Set([...rests, ...this.verdicts.keys()])], (node) => {
      if (node.kind === 'not') count(node.child)
      else if (node.kind === 'and' || node.kind === 'or') node.children.forEach(count)
    })
  }

  /** The function that finds the kind of a process by its identity, asking for its verdicts when it is new. */
  private kindOf(): void {
    const bits: string[][] = Array.from({ length: this.kinds.wordCount }, () => [])
    for (const [node, verdict] of this.verdicts) {
      bits[verdict >>> 5]!.push(`(${this.reference(node, this.reach(node))}?${1 << (verdict & 31)}:0)`)
    }
    const words = bits.map((some, word) => {
      this.lines.push(`function verdicts${word}(){return ${some.join('|')}}`)
      return `kinds.draft[${word}]=verdicts${word}()`
    })
    const steady = ['programs', 'lineages', 'images'].map((name, i) => {
      const some = words.splice(0, this.verdictWords[i])
      const remembered = `kinds.steady[${i}]`
      return `const s${i}=identities.${name}[p];if(!${remembered}.recall(s${i})){${some.join(';')};${remembered}.keep(s${i})}`
    })
    this.lines.push(
      `function ask(p,r){c.moveToProcess(p===0?-1:r);processTick++;${steady.join('')}${words.join(';')};return kinds.learn(p)}`,
      'function kindOf(p,r){const k=kinds.byProcess[p];return k!==0?k:ask(p,r)}',
    )
  }

  /** The function that judges a row of one event type in one table. */
  private group({ type, table, candidates }: Group, i: number): void {
    const tests = candidates.map(({ rest }) => this.reference(rest, REACH.event))
    this.lines.push(`const tests${i}=[${tests.map((test) => `()=>${test}`).join(',')}]`)
    this.lines.push(`const rules${i}=[${candidates.map(({ rule }) => rule).join(',')}]`)
    const words = Array.from({ length: Math.ceil(candidates.length / 32) }, (_, word) => word)
    const move = 'c.moveTo(table,row);tick++;processTick++'
    const loop = (mask: string, word: number) =>
      `let m${word}=${mask};while(m${word}!==0){const b=31-Math.clz32(m${word}&-m${word})${word === 0 ? '' : `+${word * 32}`};m${word}&=m${word}-1;if(!moved){moved=true;${move}}if(tests${i}[b]()){out.push(row,rules${i}[b]);${this.matching === 'first' ? 'return' : ''}}}`
    if (this.scopes === null) {
      const all = words.map((word) => loop(String(allBits(candidates.length - word * 32)), word))
      this.lines.push(`function judge${i}(table,row,out){let moved=false;${all.join(';')}}`)
      return
    }
    const kindMasks = this.constants.add(
      this.kinds.masksFor(candidates.map(({ process }) => this.verdicts.get(process) ?? -1)),
    )
    const filter = this.pathFilter(type, table, candidates)
    const values = ValueMasks.of(candidates.map(({ rest }) => rest))
    const valueMasks = values === null ? '' : this.constants.add(values)
    const byPath = (word: number) => (filter === null ? '' : `&${filter.name}.word(k,${word})`)
    const byValue = (word: number) => (values === null ? '' : `&${valueMasks}.word(q,${word})`)
    const path = filter === null ? '' : `const k=${filter.name}.row(${filter.classes});`
    const value = values === null ? '' : `moved=true;${move};const q=${valueMasks}.row(${this.reader(values.source)});`
    const loops = words.map((word) => loop(`w[a+${word}]${byPath(word)}${byValue(word)}`, word))
    this.lines.push(
      `function judge${i}(table,row,out,processes){const r=processes===undefined?0xffffffff:processes[row],p=r===0xffffffff?0:identities.numbers[r]|0;kind=kindOf(p,r);const a=${kindMasks}.at(kind),w=${kindMasks}.words;if((${words.map((word) => `w[a+${word}]`).join('|')})===0)return;${path}let moved=false;${value}${loops.join(';')}}`,
    )
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

  /** An expression that judges a node: a bit of the process's kind, inline when it is used once, a call when shared. */
  private reference(node: Expression, within: Reach): string {
    if (node.kind === 'constant') return String(node.value)
    if (this.reach(node) !== within) {
      const verdict = this.verdicts.get(node)!
      const word = verdict >>> 5
      const at = within === REACH.event ? `verdicts[kind*${this.kinds.wordCount}+${word}]` : `draft[${word}]`
      return `(kinds.${at}&${1 << (verdict & 31)})!==0`
    }
    if (node.kind === 'check' || (this.uses.get(node) ?? 0) > 1) return `${this.functionOf(node)}()`
    return this.inline(node)
  }

  private inline(node: Expression): string {
    const within = this.reach(node)
    switch (node.kind) {
      case 'constant':
        return String(node.value)
      case 'check':
        return `${this.functionOf(node)}()`
      case 'not':
        return `!(${this.reference(node.child, within)})`
      default: {
        // What is decided already costs least.
        const ordered = this.costs.ordered(node.children)
        const decided = ordered.filter((child) => this.reach(child) !== within)
        const parts = [...decided, ...ordered.filter((child) => this.reach(child) === within)].map(
          (child) => `(${this.reference(child, within)})`,
        )
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
    if (node.kind === 'check') {
      const body = emitPredicate(node.predicate, this.constants, (source) => this.reader(source))
      const test = isShared ? `t${node.id}` : name
      this.lines.push(`function ${test}(){${body}}`)
      if (isShared) this.lines.push(this.remembering(node, `${test}()`))
    } else this.lines.push(this.remembering(node, this.inline(node)))
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

  /** The answer is kept until the next process or event. */
  private remembering(node: Expression, expression: string): string {
    const { id } = node
    const now = this.reach(node) === REACH.event ? 'tick' : 'processTick'
    return `let s${id}=-1,v${id}=false;function n${id}(){if(s${id}!==${now}){v${id}=${expression};s${id}=${now}}return v${id}}`
  }
}

function allBits(count: number): number {
  return count >= 32 ? -1 : (1 << count) - 1
}
