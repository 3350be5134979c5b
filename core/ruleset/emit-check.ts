/**
 * Writes one predicate as JavaScript. Values of rules enter the code only as JSON or through the constants table, never
 * as text of their own.
 */
import { asciiLower, globTest, matchesGlob } from '../fields/glob.ts'
import { inBlocks } from '../fields/ip-address.ts'
import type { Modifier, Operator } from '../language/condition/ast.ts'
import { pathMatcher } from '../language/condition/path-prefix.ts'
import type { Predicate, ValueSource } from '../language/condition/predicate.ts'
import { regexTest } from '../language/condition/regex.ts'

/** Objects that generated code refers to by position, as `K[3]`. */
export class Constants {
  readonly values: unknown[] = []
  private readonly shared = new Map<string, string>()

  add(value: unknown): string {
    return `K${this.values.push(value) - 1}`
  }

  /** Makes a value once per key. */
  once(key: string, make: () => unknown): string {
    const known = this.shared.get(key)
    if (known !== undefined) return known
    const name = this.add(make())
    this.shared.set(key, name)
    return name
  }
}

/**
 * The body of a function without arguments that judges the predicate at the cursor; `read` gives the expression that
 * reads an operand there.
 */
export function emitPredicate(
  predicate: Predicate,
  constants: Constants,
  read: (source: ValueSource) => string,
): string {
  const { left, right } = predicate
  const given = read(left)
  if (right.kind === 'none') return `return ${given}!==undefined`
  if (right.kind === 'operand') {
    const other = read(right.operand)
    const one = emitDynamic(predicate, constants)
    const test = predicate.several === 'no' ? one : `${quantifier(predicate)}(v=>${one})`
    const value = predicate.several === 'no' ? '' : 'V.'
    const variable = predicate.several === 'no' ? 'v' : 'V'
    return `const ${variable}=${given};if(${variable}===undefined)return false;const w=${other};return w!==undefined&&(${value}${test})`
  }
  const test = emitTest(predicate, constants)
  if (predicate.several === 'no') return `const v=${given};return v!==undefined&&(${test})`
  return `const V=${given};return V!==undefined&&V.${quantifier(predicate)}(v=>${test})`
}

/** Whether one value that is there passes; not for predicates between two fields. */
export function judgeValue(predicate: Predicate, value: string | boolean | number): boolean {
  const constants = new Constants()
  const test = emitTest(predicate, constants)
  const names = constants.values.map((_, i) => `K${i}`)
  return new Function(...names, 'v', `return ${test}`)(...constants.values, value) as boolean
}

/** An expression over one value `v` that is there. */
export function emitTest(predicate: Predicate, constants: Constants): string {
  const { right, operator, modifier } = predicate
  switch (right.kind) {
    case 'none':
      return 'true'
    case 'booleans':
      return emitMembership(right.values, operator)
    case 'times':
      if (isOrder(operator)) return `v${operator}${literal(right.values[0]!)}`
      return emitMembership(right.values, operator)
    case 'numbers':
      if (isOrder(operator)) return `v${operator}${literal(right.values[0]!)}`
      return emitSet(right.values, operator, constants)
    case 'blocks': {
      const test = `${constants.once('inBlocks', () => inBlocks)}(v,${constants.add(right.values)})`
      return operator === '!=' ? `!${test}` : test
    }
    case 'strings':
      if (modifier !== null) return emitModified(right.values, operator, modifier, constants)
      if (operator === 'pmatch')
        return `${constants.once(`pmatch ${right.values.join('\0')}`, () => pathMatcher(right.values))}(v)`
      if (operator === 'in' || operator === 'intersects') return emitSet(right.values, operator, constants)
      return emitString(operator, right.values[0]!, constants)
    case 'operand':
      throw new Error('a predicate between fields has no test over one value')
  }
}

/** Ancestors: one is enough. Ends of a connection: `!=` asks both. Lists: `in` asks all. */
function quantifier(predicate: Predicate): 'some' | 'every' {
  if (predicate.several === 'ends') return predicate.operator === '!=' ? 'every' : 'some'
  return predicate.several === 'list' && predicate.operator === 'in' ? 'every' : 'some'
}

function emitString(operator: Operator, value: string, constants: Constants): string {
  const text = JSON.stringify(value)
  switch (operator) {
    case '=':
      return `v===${text}`
    case '!=':
      return `v!==${text}`
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `v${operator}${text}`
    case 'contains':
    case 'bcontains':
      return `v.includes(${text})`
    case 'icontains':
      return `${constants.once('lower', () => asciiLower)}(v).includes(${JSON.stringify(asciiLower(value))})`
    case 'startswith':
    case 'bstartswith':
      return `v.startsWith(${text})`
    case 'endswith':
      return `v.endsWith(${text})`
    case 'glob':
      return `${constants.once(`glob ${value}`, () => globTest(value, false))}(v)`
    case 'iglob':
      return `${constants.once(`iglob ${value}`, () => globTest(value, true))}(v)`
    case 'regex':
      return `${constants.once(`regex ${value}`, () => regexTest(value))}(v)`
    default:
      throw new Error(`operator ${operator} takes no single text`)
  }
}

function emitModified(values: readonly string[], operator: Operator, modifier: Modifier, constants: Constants): string {
  if (values.length === 0) return 'false'
  const tests = values.map((value) => emitString(operator, value, constants))
  if (modifier === 'anyof') return tests.join('||')
  if (modifier === 'allof') return tests.join('&&')
  return `${tests.map((test) => `(${test}?1:0)`).join('+')}===1`
}

/** From how many values on a set is quicker than comparing one by one. */
const SET_FROM = 4

function emitSet(values: readonly (string | number)[], operator: Operator, constants: Constants): string {
  const distinct = [...new Set(values)]
  if (distinct.length < SET_FROM || operator === '!=' || operator === '=') return emitMembership(distinct, operator)
  return `${constants.once(`set ${JSON.stringify(distinct)}`, () => new Set(distinct))}.has(v)`
}

type Literal = string | number | bigint | boolean

function emitMembership(values: readonly Literal[], operator: Operator): string {
  if (operator === '!=') return `v!==${literal(values[0]!)}`
  return values.length === 0 ? 'false' : values.map((value) => `v===${literal(value)}`).join('||')
}

function literal(value: Literal): string {
  return typeof value === 'bigint' ? `${value}n` : JSON.stringify(value)
}

/** Between two fields, `v` and `w`. Of two numbers one may be a bigint: what is equal then has another type. */
function emitDynamic({ operator, type }: Predicate, constants: Constants): string {
  const isNumeric = type !== 'string' && type !== 'bytes' && type !== 'boolean'
  switch (operator) {
    case '=':
    case 'in':
    case 'intersects':
      return isNumeric ? 'v==w' : 'v===w'
    case '!=':
      return isNumeric ? 'v!=w' : 'v!==w'
    case 'contains':
    case 'bcontains':
      return 'v.includes(w)'
    case 'icontains': {
      const lower = constants.once('lower', () => asciiLower)
      return `${lower}(v).includes(${lower}(w))`
    }
    case 'startswith':
    case 'bstartswith':
      return 'v.startsWith(w)'
    case 'endswith':
      return 'v.endsWith(w)'
    case 'glob':
      return `${constants.once('matchesGlob', () => matchesGlob)}(w,v)`
    case 'iglob':
      return `${constants.once('matchesGlob', () => matchesGlob)}(w,v,true)`
    case '<':
    case '<=':
    case '>':
    case '>=':
      return `v${operator}w`
    default:
      throw new Error(`operator ${operator} cannot compare two fields`)
  }
}

function isOrder(operator: Operator): boolean {
  return operator === '<' || operator === '<=' || operator === '>' || operator === '>='
}
