/**
 * Output formats: text with `%field`, `%field[arg]`, `%transformer(field)` and `%Nfield`, which pads or cuts to N
 * columns. After a `%` the longest text that reads as a field counts, so `%fd.name.` ends before the last dot.
 *
 *   format = { text | "%" [ digits ] operand }
 */
import { toText } from '../../batch/strings.ts'
import type { Cursor } from '../../fields/cursor.ts'
import type { Reader } from '../../fields/field.ts'
import { findField } from '../../fields/index.ts'
import type { SourceName, Value } from '../../model/event.ts'
import type { Operand } from '../condition/ast.ts'
import type { CheckProblem } from '../condition/mistake.ts'
import { checkOutputOperand } from '../condition/operand.ts'
import { parseOperandAt } from '../condition/parser.ts'
import type { ValueSource } from '../condition/predicate.ts'
import { printOperand } from '../condition/printer.ts'
import { valueReader } from '../condition/value-reader.ts'

/** What stands for an absent value in text. */
export const ABSENT_TEXT = '<NA>'
export const MAX_OUTPUT_LENGTH = 65_536
const MAX_COLUMNS = 1024

export interface OutputPart {
  /** Literal text before the value. */
  text: string
  value: OutputValue | null
}

export interface OutputValue {
  /** As written, without the percent sign and the width. */
  name: string
  source: ValueSource
  /** 0 for no padding. */
  columns: number
  read: Reader
  print: (cursor: Cursor) => string | undefined
}

export interface OutputFormat {
  parts: readonly OutputPart[]
  /** What goes into `output_fields` and not into the text. */
  entries?: readonly OutputEntry[]
}

/** A text by its name, or without one the value of a single field by the field's. */
export interface OutputEntry {
  name: string | null
  format: OutputFormat
}

type FieldValues = Record<string, string | number | boolean | null | (string | number)[]>

/** Parses and checks a format for events of one source. Mistakes are collected with their offsets. */
export function parseOutput(text: string, source: SourceName): { format: OutputFormat; problems: CheckProblem[] } {
  const problems: CheckProblem[] = []
  const parts: OutputPart[] = []
  let literal = ''
  let at = 0
  if (text.length > MAX_OUTPUT_LENGTH) {
    problems.push(mistake(`an output has at most ${MAX_OUTPUT_LENGTH} characters`, 0))
    return { format: { parts }, problems }
  }
  while (at < text.length) {
    const percent = text.indexOf('%', at)
    if (percent < 0) break
    literal += text.slice(at, percent)
    const digits = /^\*?(\d{0,4})/.exec(text.slice(percent + 1, percent + 6))!
    const from = percent + 1 + digits[0].length
    const found = parseOperandAt(text, from)
    if (!found.ok) {
      problems.push(
        mistake(
          percent + 1 === text.length
            ? 'the output ends with a percent sign'
            : `after the percent sign: ${found.message}`,
          percent,
        ),
      )
      at = percent + 1
      continue
    }
    const operand = longestField(found.node.operand)
    at = found.node.end - (printOperand(found.node.operand).length - printOperand(operand).length)
    const value = outputValue(operand, Number(digits[1] || '0'), source, problems)
    if (value === null) continue
    parts.push({ text: literal, value })
    literal = ''
  }
  literal += text.slice(at)
  if (literal !== '') parts.push({ text: literal, value: null })
  return { format: { parts }, problems }
}

/** `%fd.name.bak` names the field fd.name, followed by text. */
function longestField(operand: Operand): Operand {
  if (operand.kind !== 'field' || operand.argument !== null) return operand
  for (let name = operand.name; name.includes('.'); name = name.slice(0, name.lastIndexOf('.'))) {
    if (findField(name, null) !== undefined) return { ...operand, name }
  }
  return operand
}

function outputValue(
  operand: Operand,
  columns: number,
  source: SourceName,
  problems: CheckProblem[],
): OutputValue | null {
  const name = printOperand(operand)
  if (name === 'container.info') {
    problems.push({
      code: 'W_OUTPUT_DEPRECATED',
      falcoCode: 'LOAD_DEPRECATED_ITEM',
      severity: 'warning',
      message: '%container.info is deprecated and was left out',
      at: operand.at,
    })
    return null
  }
  if (columns > MAX_COLUMNS) {
    problems.push(mistake(`a value is padded to at most ${MAX_COLUMNS} columns`, operand.at))
    return null
  }
  const resolved = checkOutputOperand(operand, source, problems)
  if (resolved === null) return null
  const read = valueReader(resolved)
  const exact = resolved.kind === 'field' ? resolved.field.print : undefined
  return { name, source: resolved, columns, read, print: exact ?? ((cursor) => valueText(read(cursor))) }
}

/** The message for the event at the cursor, readable. */
export function formatOutput(format: OutputFormat, cursor: Cursor): string {
  let text = ''
  for (const part of format.parts) {
    text += part.text
    if (part.value === null) continue
    const value = toText(part.value.print(cursor) ?? ABSENT_TEXT)
    text += part.value.columns === 0 ? value : value.slice(0, part.value.columns).padEnd(part.value.columns)
  }
  return text
}

/** Falco's output_fields: every plain field of the format with its native value; transformed ones are left out. */
export function outputFields(format: OutputFormat, cursor: Cursor): FieldValues {
  const fields: FieldValues = Object.create(null)
  for (const { value } of format.parts) {
    if (value === null || value.source.kind !== 'field') continue
    // Numbers that a double cannot hold go out as their exact digits.
    const exact = value.source.field.print?.(cursor)
    fields[value.name] = exact ?? readable(value.read(cursor))
  }
  for (const { name, format: entry } of format.entries ?? []) {
    if (name === null) Object.assign(fields, outputFields(entry, cursor))
    else fields[name] = formatOutput(entry, cursor)
  }
  return fields
}

function readable(value: Value | undefined): string | number | boolean | null | (string | number)[] {
  if (value === undefined) return null
  if (typeof value === 'string') return toText(value)
  // A time has more digits than a double holds; JSON has no other number.
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'object') return value.map((entry) => (typeof entry === 'string' ? toText(entry) : entry))
  return value
}

function valueText(value: Value | undefined): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string') return value
  return typeof value === 'object' ? value.join(' ') : String(value)
}

function mistake(message: string, at: number): CheckProblem {
  return { code: 'E_RULE_OUTPUT', falcoCode: 'LOAD_ERR_COMPILE_OUTPUT', severity: 'error', message, at }
}

/** Names of the fields a format prints, those inside transformers included. */
export function formatFieldNames(format: OutputFormat): string[] {
  const names: string[] = []
  const visit = (source: ValueSource | { kind: 'text' }): void => {
    if (source.kind === 'field') names.push(source.field.name)
    else if (source.kind === 'call') for (const input of source.inputs) visit(input)
  }
  for (const { value } of format.parts) if (value !== null) visit(value.source)
  for (const entry of format.entries ?? []) names.push(...formatFieldNames(entry.format))
  return names
}
