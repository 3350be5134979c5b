/** Operands: looks up fields and their arguments, and types transformers. */
import { fromText } from '../../batch/strings.ts'
import type { Field, FieldType } from '../../fields/field.ts'
import { fieldNames, findField } from '../../fields/index.ts'
import type { SourceName } from '../../model/event.ts'
import { nearestName } from '../nearest-name.ts'
import type { CallOperand, Operand } from './ast.ts'
import { type CheckProblem, Mistake, shorten } from './mistake.ts'
import type { CallInput, ValueSource } from './predicate.ts'

/** Generations beyond those that are kept, and places behind the last, are absent. */
const MAX_INDEX = 9_999

/** Of Falco 0.44. */
const DEPRECATED: ReadonlySet<string> = new Set([
  ...['evt.dir', 'evt.wait_latency'],
  ...['evt.latency', 'evt.latency.s', 'evt.latency.ns', 'evt.latency.human'],
])

/** The operand of an output format; null after a problem was noted. */
export function checkOutputOperand(operand: Operand, source: SourceName, problems: CheckProblem[]): ValueSource | null {
  try {
    const resolved = resolveOperand(operand, source, problems)
    if (resolved.kind === 'call' || resolved.field.printable) return resolved
    throw new Mistake('E_RULE_OUTPUT', `field "${resolved.field.name}" can be compared but not printed`, operand.at)
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
    if (!/^\d{1,4}$/.test(found.argument)) {
      return {
        code: 'E_RULE_FIELD_ARGUMENT',
        message: `field "${name}" takes a number from 0 to ${MAX_INDEX}, not "${shorten(found.argument)}"`,
      }
    }
  }
  if (found.argument !== null && field.keys?.has(found.argument) === false) {
    return {
      code: 'E_RULE_FIELD_ARGUMENT',
      message: `field "${name}" takes ${field.keys.are}, not "${shorten(found.argument)}"`,
    }
  }
  return { field, argument: found.argument === null ? null : fromText(found.argument) }
}

/** Throws Mistake. A field that is never filled is a problem, not a mistake. */
export function resolveOperand(operand: Operand, source: SourceName, problems: CheckProblem[]): ValueSource {
  if (operand.kind === 'call') return resolveCall(operand, source, problems)
  const found = lookUpField(operand.name, operand.argument, source)
  if ('message' in found) throw new Mistake(found.code, found.message, operand.at, found.hint)
  const { refused } = found.field
  if (DEPRECATED.has(operand.name)) {
    problems.push({
      code: 'W_RULE_FIELD_DEPRECATED',
      falcoCode: 'LOAD_DEPRECATED_ITEM',
      severity: 'warning',
      message: `Falco will drop the field "${operand.name}"`,
      at: operand.at,
    })
  }
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

/** What is wrong with a transformer's inputs, or null. */
function callMistake(call: CallOperand, inputs: readonly CallInput[]): string | null {
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

function isSeveral(input: CallInput): boolean {
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
