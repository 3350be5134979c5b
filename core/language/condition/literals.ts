/** The values that stand in a check as text, converted to the type of what they are compared with. All throw Mistake. */
import { fromText } from '../../batch/strings.ts'
import { EVENT_TYPES } from '../../fields/event-types.ts'
import type { FieldType } from '../../fields/field.ts'
import { parseGlob } from '../../fields/glob.ts'
import { findField } from '../../fields/index.ts'
import { parseBlock } from '../../fields/ip-address.ts'
import { KNOWN_EVENT_NAMES, UNSEEN_EVENTS } from '../../fields/unseen-events.ts'
import { nearestName } from '../nearest-name.ts'
import type { Check, Operator, TextValue } from './ast.ts'
import { type CheckProblem, Mistake, shorten } from './mistake.ts'
import { regexMistake } from './regex.ts'
import { servicePort } from './service-ports.ts'

/** The names that `evt.type` is compared with. Throws Mistake. */
export function checkEventName(operator: Operator, item: TextValue, problems: CheckProblem[]): void {
  if (operator !== '=' && operator !== '!=' && operator !== 'in' && operator !== 'intersects') return
  if (Object.hasOwn(EVENT_TYPES, item.text)) return
  const unseen = UNSEEN_EVENTS.get(item.text)
  if (unseen !== undefined) {
    problems.push({
      code: 'W_RULE_EVENT_NOT_CAPTURED',
      falcoCode: 'LOAD_NO_EVTTYPE',
      severity: 'warning',
      message: `Seamark does not capture "${item.text}": ${unseen.why}`,
      at: item.at,
      ...(unseen.instead === undefined ? {} : { hint: `use ${unseen.instead}` }),
    })
    return
  }
  const near = nearestName(item.text, [...KNOWN_EVENT_NAMES])
  const hint = near === undefined ? undefined : `did you mean "${near}"?`
  throw new Mistake('E_RULE_EVENT_TYPE', `unknown event type "${shorten(item.text)}"`, item.at, hint)
}

export function checkText(check: Check, item: TextValue, problems: CheckProblem[]): void {
  if (check.operator === 'regex') {
    const mistake = regexMistake(fromText(item.text))
    if (mistake !== null) throw new Mistake('E_RULE_REGEX', mistake.message, item.at, mistake.hint)
    const simpler = simplerThanRegex(item.text)
    if (simpler !== null) {
      problems.push({
        code: 'W_RULE_REGEX_SIMPLE',
        falcoCode: 'LOAD_COMPILE_CONDITION',
        severity: 'warning',
        message: `the regular expression "${shorten(item.text)}" only compares a text`,
        at: item.at,
        hint: `use ${simpler}`,
      })
    }
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
  } else if (item.quoted && TRANSFORMED.test(item.text)) {
    problems.push({
      code: 'W_RULE_VALUE_IS_FIELD',
      falcoCode: 'LOAD_COMPILE_CONDITION',
      severity: 'warning',
      message: `"${shorten(item.text)}" is compared as text, though it looks like a transformer`,
      at: item.at,
      hint: 'leave out the quotes to apply it',
    })
  }
}

const TRANSFORMED = /^(tolower|toupper|b64|basename|len|concat|join|getopt|val)\(.*\)$/

/** The operator that does the same, as a rule would write it; null for what needs a regular expression. */
function simplerThanRegex(pattern: string): string | null {
  const parts = /^\^?(\.\*)?([\w /@:,-]+)(\.\*)?\$?$/.exec(pattern)
  if (parts === null) return null
  const [, before, text, after] = parts
  const operator =
    before === undefined ? (after === undefined ? '=' : 'startswith') : after === undefined ? 'endswith' : 'contains'
  return `${operator} "${text}"`
}

export function bytesOf(check: Check, item: TextValue): string {
  if (check.operator !== 'bcontains' && check.operator !== 'bstartswith') return fromText(item.text)
  if (!/^([0-9a-fA-F]{2})+$/.test(item.text)) {
    throw new Mistake('E_RULE_VALUE', `"${shorten(item.text)}" is not pairs of hexadecimal digits`, item.at)
  }
  return Buffer.from(item.text, 'hex').toString('latin1')
}

export function booleanOf(item: TextValue): boolean {
  if (item.text === 'true') return true
  if (item.text === 'false') return false
  throw new Mistake('E_RULE_VALUE', `expected true or false, not "${shorten(item.text)}"`, item.at)
}

export function blockOf(item: TextValue, type: 'ip' | 'net') {
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

/** Nanoseconds: more digits than a double holds. */
export function timeOf(item: TextValue): bigint {
  const time = wholeOf(item)
  if (time !== undefined) return time
  throw new Mistake('E_RULE_VALUE', `"${shorten(item.text)}" is not a whole number of ns`, item.at)
}

export function numberOf(item: TextValue, type: FieldType, decimals: boolean): number {
  const { text } = item
  const whole = wholeOf(item)
  if (whole !== undefined) return Number(whole)
  if (decimals && text.length <= MAX_DECIMAL_LENGTH && DECIMAL.test(text)) return Number(text)
  const port = type === 'port' ? servicePort(text) : undefined
  if (port !== undefined) return port
  const hint = /^0x/i.test(text) ? 'write it in decimal digits' : undefined
  throw new Mistake('E_RULE_VALUE', `"${shorten(text)}" is not a ${decimals ? '' : 'whole '}number`, item.at, hint)
}

/** Whole numbers are those of 64 bits, with or without a sign; undefined for what is none. */
function wholeOf({ text, at }: TextValue): bigint | undefined {
  if (!/^[+-]?\d{1,40}$/.test(text)) return undefined
  const whole = BigInt(text.replace('+', ''))
  if (whole >= LEAST && whole <= GREATEST) return whole
  throw new Mistake('E_RULE_VALUE', `"${shorten(text)}" is not a number of 64 bits`, at)
}

const LEAST = -(2n ** 63n)
const GREATEST = 2n ** 64n - 1n
const MAX_DECIMAL_LENGTH = 40
const DECIMAL = /^[+-]?\d+\.?\d*(?:[eE][+-]?\d{1,3})?$/
