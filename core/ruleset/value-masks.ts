/**
 * For one group of rules: which of them one value of an event leaves to be asked. Many rules that ask the same field for
 * one value each (a port, a number of a call) cost one look-up instead of a question each.
 */
import { operandFields, operandKey, type ValueSource } from '../language/condition/predicate.ts'
import type { Value } from '../model/event.ts'
import type { Expression } from './expression.ts'
import { conjuncts } from './split.ts'

/** From how many rules on a look-up is quicker than asking one by one. */
const MIN_RULES = 8

interface Wanted {
  source: ValueSource
  /** By rule: the values of which the field must have one. */
  values: Map<number, readonly (string | number)[]>
}

export class ValueMasks {
  /** What to read. */
  readonly source: ValueSource
  private readonly words: number
  private readonly masks: Int32Array
  /** Row of `masks` by value; in row 0 are the rules that want none. */
  private readonly rows = new Map<Value | undefined, number>()

  private constructor({ source, values }: Wanted, ruleCount: number) {
    this.source = source
    this.words = Math.ceil(ruleCount / 32)
    for (const value of new Set([...values.values()].flat())) this.rows.set(value, this.rows.size + 1)
    this.masks = new Int32Array(this.words * (this.rows.size + 1))
    const allow = (row: number, rule: number) => {
      this.masks[row * this.words + (rule >>> 5)]! |= 1 << (rule & 31)
    }
    for (let rule = 0; rule < ruleCount; rule++) {
      const wanted = values.get(rule)
      if (wanted !== undefined) for (const value of wanted) allow(this.rows.get(value)!, rule)
      else for (let row = 0; row <= this.rows.size; row++) allow(row, rule)
    }
  }

  /** Masks by the field that most of the conditions ask for single values; null where too few do. */
  static of(conditions: readonly Expression[]): ValueMasks | null {
    const found = new Map<string, Wanted>()
    for (const [rule, condition] of conditions.entries()) {
      for (const part of conjuncts(condition)) {
        const wanted = wantedBy(part)
        if (wanted === null) continue
        const key = operandKey(wanted.source)
        const known = found.get(key) ?? { source: wanted.source, values: new Map() }
        found.set(key, known)
        // Of two questions about one field either may stand for the rule.
        known.values.set(rule, wanted.values)
      }
    }
    const best = [...found.values()].sort((a, b) => b.values.size - a.values.size)[0]
    return best === undefined || best.values.size < MIN_RULES ? null : new ValueMasks(best, conditions.length)
  }

  /** The row of masks for a value; `word` reads it. */
  row(value: Value | undefined): number {
    return this.rows.get(value) ?? 0
  }

  word(row: number, word: number): number {
    return this.masks[row * this.words + word]!
  }
}

function wantedBy(part: Expression): { source: ValueSource; values: readonly (string | number)[] } | null {
  if (part.kind !== 'check') return null
  const { left, right, operator, modifier, several } = part.predicate
  if (several !== 'no' || modifier !== null || (operator !== '=' && operator !== 'in')) return null
  if (right.kind !== 'strings' && right.kind !== 'numbers') return null
  return operandFields(left).some(({ several: many }) => many !== 'no') ? null : { source: left, values: right.values }
}
