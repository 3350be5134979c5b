/**
 * Type checking: looks up the fields of a check and converts its values, or says what is wrong with it. Lists must have
 * been put in before.
 */
import { fromText } from '../../batch/strings.ts'
import { MAX_ANCESTORS } from '../../fields/cursor.ts'
import { KNOWN_EVENT_NAMES } from '../../fields/event-names.ts'
import { EVENT_TYPES } from '../../fields/event-types.ts'
import type { Field, FieldType } from '../../fields/field.ts'
import { parseGlob } from '../../fields/glob.ts'
import { fieldNames, findField } from '../../fields/index.ts'
import { parseBlock } from '../../fields/ip-address.ts'
import type { SourceName } from '../../model/event.ts'
import { nearestName } from '../nearest-name.ts'
import { type CallOperand, type Check, isOneOf, type Operand, type Operator, type TextValue } from './ast.ts'
import { HOST_NAME_FIELDS, HOST_NAME_OPERATORS } from './host-names.ts'
import type { Predicate, RightValues, ValueSource } from './predicate.ts'
import { printCheck } from './printer.ts'
import { regexMistake } from './regex.ts'
import { servicePort } from './service-ports.ts'

export interface CheckProblem {
  code: string
  falcoCode: string
  severity: 'error' | 'warning'
  message: string
  at: number
  hint?: string
}

export interface CheckResult {
  predicate: Predicate | null
  problems: CheckProblem[]
}

const EVERY: readonly Operator[] = ['=', '!=', 'in', 'intersects', 'exists']
const ORDER: readonly Operator[] = ['<', '<=', '>', '>=']
const TEXT: readonly Operator[] = [
  'contains',
  'icontains',
  'startswith',
  'endswith',
  'glob',
  'iglob',
  'regex',
  'pmatch',
]

/** Which operators fit which type. */
const OPERATORS: Record<FieldType, readonly Operator[]> = {
  string: [...EVERY, ...ORDER, ...TEXT],
  number: [...EVERY, ...ORDER],
  port: [...EVERY, ...ORDER],
  time: [...EVERY, ...ORDER],
  duration: [...EVERY, ...ORDER],
  boolean: EVERY,
  ip: EVERY,
  net: EVERY,
  bytes: [...EVERY, 'contains', 'startswith', 'endswith', 'bcontains', 'bstartswith'],
}
const LIST_FIELD_OPERATORS: readonly Operator[] = ['in', 'intersects', 'exists']
const TYPE_NAMES: Record<FieldType, string> = {
  string: 'text',
  number: 'a number',
  port: 'a port',
  time: 'a time in ns',
  duration: 'a duration in ns',
  boolean: 'true or false',
  ip: 'an address',
  net: 'a network',
  bytes: 'bytes',
}

/** Of fields whose index is no generation. */
const MAX_INDEX = 9_999

class Mistake extends Error {
  readonly problem: CheckProblem

  constructor(code: string, message: string, at: number, hint?: string) {
    super(message)
    this.problem = {
      code,
      falcoCode: 'LOAD_ERR_COMPILE_CONDITION',
      severity: 'error',
      message,
      at,
      ...(hint === undefined ? {} : { hint }),
    }
  }
}

/** `source` is the rule's: a field must be one that this source can fill. */
export function checkPredicate(check: Check, source: SourceName): CheckResult {
  const problems: CheckProblem[] = []
  try {
    const left = resolveOperand(check.left, source, problems)
    const { type, several } = typeOf(left)
    checkOperator(check, type, several)
    const right = resolveRight(check, left, type, several, source, problems)
    if (left.kind === 'field' && HOST_NAME_FIELDS.has(left.field.name)) warnOfUnknownNames(check, left.field, problems)
    const predicate: Predicate = {
      key: printCheck(check),
      left,
      type,
      several,
      operator: meantOperator(check.operator, left),
      modifier: check.modifier,
      right,
    }
    return { predicate: Object.freeze(predicate), problems }
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    return { predicate: null, problems: [...problems, error.problem] }
  }
}

/** Only names that stand in rules as they are can be looked up. */
function warnOfUnknownNames({ operator, at }: Check, { name }: Field, problems: CheckProblem[]): void {
  if (HOST_NAME_OPERATORS.has(operator) || operator === 'exists') return
  problems.push({
    code: 'W_RULE_FIELD_NEVER_FILLED',
    falcoCode: 'LOAD_COMPILE_CONDITION',
    severity: 'warning',
    message: `${name} holds only host names that some rule gives whole; ${operator} gives none to look up`,
    hint: `use one of ${[...HOST_NAME_OPERATORS].join(' ')}`,
    at,
  })
}

/** Falco's `evt.around[T] = D` asks for a time that is at most D away from T. */
function meantOperator(operator: Operator, left: ValueSource): Operator {
  const isAround = left.kind === 'field' && left.field.name === 'evt.around'
  return isAround && operator === '=' ? '<=' : operator
}

/** The operand of an output format; null after a problem was noted. */
export function checkOutputOperand(operand: Operand, source: SourceName, problems: CheckProblem[]): ValueSource | null {
  try {
    const resolved = resolveOperand(operand, source, problems)
    if (resolved.kind === 'call' || resolved.field.printable) return resolved
    throw new Mistake('E_RULE_FIELD', `field "${resolved.field.name}" can be compared but not printed`, operand.at)
  } catch (error) {
    if (!(error instanceof Mistake)) throw error
    problems.push({ ...error.problem, falcoCode: 'LOAD_ERR_COMPILE_OUTPUT' })
    return null
  }
}

/** A field by name, with the nearest known name when there is none. */
function lookUpField(
  name: string,
  argument: string | null,
  source: SourceName,
): { field: Field; argument: string | null } | { message: string; hint?: string; code: string } {
  const found = findField(name, argument)
  if (found === undefined) {
    const near = nearestName(name, fieldNames())
    return {
      code: 'E_RULE_FIELD',
      message: `unknown field "${shorten(name)}"`,
      ...(near === undefined ? {} : { hint: `did you mean "${near}"?` }),
    }
  }
  const { field } = found
  if (!field.sources.includes(source)) {
    return {
      code: 'E_RULE_FIELD_SOURCE',
      message: `field "${name}" does not exist in events of source "${source}"`,
      hint: `it is there for ${field.sources.join(', ')}`,
    }
  }
  if (found.argument === null && field.argumentRequired) {
    return { code: 'E_RULE_FIELD_ARGUMENT', message: `field "${name}" needs an argument, as in ${name}[…]` }
  }
  if (found.argument !== null && field.argument === 'none') {
    return { code: 'E_RULE_FIELD_ARGUMENT', message: `field "${name}" takes no argument` }
  }
  if (found.argument !== null && field.argument === 'index') {
    const most = field.several === 'any' ? MAX_ANCESTORS : MAX_INDEX
    if (!/^\d{1,4}$/.test(found.argument) || Number(found.argument) > most) {
      return {
        code: 'E_RULE_FIELD_ARGUMENT',
        message: `field "${name}" takes a number from 0 to ${most}, not "${shorten(found.argument)}"`,
      }
    }
  }
  return { field, argument: found.argument === null ? null : fromText(found.argument) }
}

function resolveOperand(operand: Operand, source: SourceName, problems: CheckProblem[]): ValueSource {
  if (operand.kind === 'call') return resolveCall(operand, source, problems)
  const found = lookUpField(operand.name, operand.argument, source)
  if ('message' in found) throw new Mistake(found.code, found.message, operand.at, found.hint)
  const { refused } = found.field
  if (refused !== null) {
    problems.push({
      code: 'W_RULE_FIELD_NEVER_FILLED',
      falcoCode: 'LOAD_COMPILE_CONDITION',
      severity: 'warning',
      message: `field "${operand.name}" is never filled: ${refused.why}; a check on it is never true`,
      hint: `use ${refused.instead}`,
      at: operand.at,
    })
  }
  return { kind: 'field', field: found.field, argument: found.argument }
}

function resolveCall(call: CallOperand, source: SourceName, problems: CheckProblem[]): ValueSource {
  const inputs = call.inputs.map((input) =>
    input.kind === 'text'
      ? { kind: 'text' as const, text: fromText(input.text) }
      : resolveOperand(input, source, problems),
  )
  const wrong = callMistake(call, inputs)
  if (wrong !== null) throw new Mistake('E_RULE_TRANSFORMER', `${call.name}() ${wrong}`, call.at)
  return { kind: 'call', name: call.name, inputs, argument: call.argument }
}

type Input = ValueSource | { kind: 'text'; text: string }

/** What is wrong with a transformer's inputs, or null. */
function callMistake(call: CallOperand, inputs: readonly Input[]): string | null {
  const types = inputs.map((input) => (input.kind === 'text' ? 'string' : typeOf(input).type))
  const count = inputs.length
  switch (call.name) {
    case 'val':
      return 'belongs alone on the right side'
    case 'tolower':
    case 'toupper':
    case 'basename':
      if (count !== 1 || inputs[0]!.kind === 'text') return 'takes one field'
      return types[0] === 'string' ? null : 'takes text only'
    case 'b64':
    case 'len':
      if (count !== 1 || inputs[0]!.kind === 'text') return 'takes one field'
      return types[0] === 'string' || types[0] === 'bytes' || isSeveral(inputs[0]!) ? null : 'takes text or a list'
    case 'concat':
      return count >= 2 ? null : 'takes two values or more'
    case 'join':
      return count >= 2 && inputs[0]!.kind === 'text' ? null : 'takes a separator and at least one value'
    case 'getopt':
      return count === 2 && inputs[1]!.kind === 'text' ? null : 'takes a field and a text of option letters'
  }
}

function isSeveral(input: Input): boolean {
  return input.kind !== 'text' && typeOf(input).several !== 'no'
}

export function typeOf(source: ValueSource): { type: FieldType; several: Field['several'] } {
  if (source.kind === 'field') {
    const { field } = source
    // With an index there is one ancestor, without one there are all.
    const several = field.several === 'any' && source.argument !== null ? 'no' : field.several
    return { type: field.type, several }
  }
  if (source.name === 'len') return { type: 'number', several: 'no' }
  if (source.name === 'getopt') return { type: 'string', several: source.argument === null ? 'list' : 'no' }
  const [first] = source.inputs
  const keeps = source.name !== 'concat' && source.name !== 'join'
  const several = keeps && first !== undefined && first.kind !== 'text' ? typeOf(first).several : 'no'
  return { type: 'string', several }
}

function checkOperator(check: Check, type: FieldType, several: Field['several']): void {
  const allowed = several === 'list' ? LIST_FIELD_OPERATORS : OPERATORS[type]
  if (!allowed.includes(check.operator)) {
    const what = several === 'list' ? 'a list' : TYPE_NAMES[type]
    throw new Mistake(
      'E_RULE_OPERATOR',
      `operator ${check.operator} does not fit a field that holds ${what}`,
      check.at,
      `use one of ${allowed.join(' ')}`,
    )
  }
}

function resolveRight(
  check: Check,
  left: ValueSource,
  type: FieldType,
  several: Field['several'],
  source: SourceName,
  problems: CheckProblem[],
): RightValues {
  const { right } = check
  if (right === null) return { kind: 'none' }
  if (right.kind === 'field' || right.kind === 'call') {
    return resolveRightOperand(check, right, left, type, several, source, problems)
  }
  const items = right.kind === 'list' ? right.items : [right]
  if (left.kind === 'field' && (left.field.name === 'evt.type' || left.field.name === 'syscall.type')) {
    for (const item of items) checkEventName(check.operator, item, problems)
  }
  switch (type) {
    case 'string':
      for (const item of items) checkText(check, item, problems)
      return { kind: 'strings', values: items.map((item) => fromText(item.text)) }
    case 'bytes':
      return { kind: 'strings', values: items.map((item) => bytesOf(check, item)) }
    case 'boolean':
      return { kind: 'booleans', values: items.map(booleanOf) }
    case 'ip':
    case 'net':
      return { kind: 'blocks', values: items.map((item) => blockOf(item, type)) }
    default:
      return { kind: 'numbers', values: items.map((item) => numberOf(item, type)) }
  }
}

function resolveRightOperand(
  check: Check,
  right: Operand,
  left: ValueSource,
  type: FieldType,
  several: Field['several'],
  source: SourceName,
  problems: CheckProblem[],
): RightValues {
  const operand = resolveOperand(right, source, problems)
  const other = typeOf(operand)
  const banned = [left, operand].flatMap((side) =>
    side.kind === 'field' && !side.field.rightSide ? [side.field.name] : [],
  )
  if (operand.kind === 'field' && banned.includes(operand.field.name)) {
    throw new Mistake('E_RULE_RIGHT_SIDE', `field "${operand.field.name}" may not stand on the right side`, right.at)
  }
  if (check.operator === 'regex' || check.operator === 'pmatch' || type === 'net' || type === 'ip') {
    throw new Mistake('E_RULE_RIGHT_SIDE', `operator ${check.operator} cannot compare these two fields`, right.at)
  }
  if (left.kind === 'field' && (left.field.name === 'evt.type' || left.field.name === 'syscall.type')) {
    throw new Mistake('E_RULE_RIGHT_SIDE', `"${left.field.name}" is compared with names only`, right.at)
  }
  const numeric = (t: FieldType) => t === 'number' || t === 'time' || t === 'duration' || t === 'port'
  if (other.type !== type && !(numeric(type) && numeric(other.type))) {
    throw new Mistake('E_RULE_TYPE', `compares ${TYPE_NAMES[type]} with ${TYPE_NAMES[other.type]}`, right.at)
  }
  if (other.several !== 'no' || several === 'list') {
    throw new Mistake('E_RULE_TYPE', 'a field with several values cannot be compared with another field', right.at)
  }
  return { kind: 'operand', operand }
}

function checkEventName(operator: Operator, item: TextValue, problems: CheckProblem[]): void {
  if (operator !== '=' && operator !== '!=' && operator !== 'in' && operator !== 'intersects') return
  if (Object.hasOwn(EVENT_TYPES, item.text)) return
  if (KNOWN_EVENT_NAMES.has(item.text)) {
    problems.push({
      code: 'W_RULE_EVENT_NOT_CAPTURED',
      falcoCode: 'LOAD_NO_EVTTYPE',
      severity: 'warning',
      message: `Seamark does not capture "${item.text}"`,
      at: item.at,
    })
    return
  }
  const near = nearestName(item.text, [...Object.keys(EVENT_TYPES), ...KNOWN_EVENT_NAMES])
  const hint = near === undefined ? undefined : `did you mean "${near}"?`
  throw new Mistake('E_RULE_EVENT_TYPE', `unknown event type "${shorten(item.text)}"`, item.at, hint)
}

function checkText(check: Check, item: TextValue, problems: CheckProblem[]): void {
  if (check.operator === 'regex') {
    const mistake = regexMistake(fromText(item.text))
    if (mistake !== null) throw new Mistake('E_RULE_REGEX', mistake.message, item.at, mistake.hint)
  } else if (check.operator === 'glob' || check.operator === 'iglob' || check.operator === 'pmatch') {
    parseGlob(item.text)
  }
  if (!item.quoted && findField(item.text, null) !== undefined) {
    problems.push({
      code: 'W_RULE_VALUE_IS_FIELD',
      falcoCode: 'LOAD_COMPILE_CONDITION',
      severity: 'warning',
      message: `"${item.text}" is compared as text, though it is the name of a field`,
      at: item.at,
      hint: `write val(${item.text}) to compare with the field`,
    })
  }
}

function bytesOf(check: Check, item: TextValue): string {
  if (check.operator !== 'bcontains' && check.operator !== 'bstartswith') return fromText(item.text)
  if (!/^([0-9a-fA-F]{2})+$/.test(item.text)) {
    throw new Mistake('E_RULE_VALUE', `"${shorten(item.text)}" is not pairs of hexadecimal digits`, item.at)
  }
  return Buffer.from(item.text, 'hex').toString('latin1')
}

function booleanOf(item: TextValue): boolean {
  if (item.text === 'true') return true
  if (item.text === 'false') return false
  throw new Mistake('E_RULE_VALUE', `expected true or false, not "${shorten(item.text)}"`, item.at)
}

function blockOf(item: TextValue, type: 'ip' | 'net') {
  const block = parseBlock(item.text)
  if (block !== null) return block
  const example = type === 'net' ? '10.0.0.0/8' : '10.0.0.1'
  throw new Mistake(
    'E_RULE_VALUE',
    `"${shorten(item.text)}" is no ${type === 'net' ? 'network' : 'address'}`,
    item.at,
    `such as ${example}`,
  )
}

function numberOf(item: TextValue, type: FieldType): number {
  if (/^[+-]?\d{1,19}$/.test(item.text)) return Number(item.text)
  const port = type === 'port' ? servicePort(item.text) : undefined
  if (port !== undefined) return port
  const hint = /^0x/i.test(item.text) ? 'write it in decimal digits' : undefined
  throw new Mistake('E_RULE_VALUE', `"${shorten(item.text)}" is not a whole number`, item.at, hint)
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Whether an operator needs its values as a list. */
export function isListOperator(operator: Operator): boolean {
  return isOneOf(['in', 'intersects', 'pmatch'], operator)
}
