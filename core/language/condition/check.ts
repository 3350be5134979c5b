/**
 * Type checking: looks up the fields of a check and converts its values, or says what is wrong with it. Lists must have
 * been put in before.
 */
import { fromText } from '../../batch/strings.ts'
import type { Field, FieldType } from '../../fields/field.ts'
import type { SourceName } from '../../model/event.ts'
import { type Check, isOneOf, type Operand, type Operator } from './ast.ts'
import { HOST_NAME_FIELDS, HOST_NAME_OPERATORS } from './host-names.ts'
import { blockOf, booleanOf, bytesOf, checkEventName, checkText, numberOf, timeOf } from './literals.ts'
import { type CheckProblem, Mistake } from './mistake.ts'
import { resolveOperand, typeOf } from './operand.ts'
import type { CallInput, Predicate, RightValues, ValueSource } from './predicate.ts'
import { printCheck } from './printer.ts'

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

/** `source` is the rule's: a field must be one that this source can fill. */
export function checkPredicate(check: Check, source: SourceName): CheckResult {
  const problems: CheckProblem[] = []
  try {
    const left = resolveOperand(check.left, source, problems)
    const { type, several } = typeOf(left)
    checkOperator(check, type, several)
    if (left.kind === 'call' && left.inputs.some(isEventType))
      throw new Mistake('E_RULE_TRANSFORMER', 'evt.type is compared as it is, without a transformer', check.left.at)
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

function isDecimal(source: ValueSource): boolean {
  return source.kind === 'field' && source.field.decimals
}

/** What is captured and which rules are asked follows from the names that evt.type is compared with. */
function isEventType(input: CallInput): boolean {
  if (input.kind === 'call') return input.inputs.some(isEventType)
  return input.kind === 'field' && (input.field.name === 'evt.type' || input.field.name === 'syscall.type')
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
    case 'time':
      return { kind: 'times', values: items.map(timeOf) }
    default:
      return { kind: 'numbers', values: items.map((item) => numberOf(item, type, isDecimal(left))) }
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
  if (check.operator === 'regex' || check.operator === 'pmatch' || type === 'net') {
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

/** Whether an operator needs its values as a list. */
export function isListOperator(operator: Operator): boolean {
  return isOneOf(['in', 'intersects', 'pmatch'], operator)
}
