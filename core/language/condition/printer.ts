/** Writes a condition back as text. Parsing that text gives the same tree, positions aside. */
import type { Check, Condition, Operand, Right, TextValue } from './ast.ts'

const BINDING = { or: 1, and: 2, not: 3, macro: 4, check: 4 } as const

export function printCondition(node: Condition): string {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.children.map((child) => within(child, BINDING[node.kind] + 1)).join(` ${node.kind} `)
    case 'not':
      return `not ${within(node.child, BINDING.not + 1)}`
    case 'macro':
      return node.name
    case 'check':
      return printCheck(node)
  }
}

export function printCheck(check: Check): string {
  const left = printOperand(check.left)
  if (check.right === null) return `${left} ${check.operator}`
  const modifier = check.modifier === null ? '' : ` ${check.modifier}`
  return `${left} ${check.operator}${modifier} ${printRight(check.right)}`
}

export function printOperand(operand: Operand): string {
  const argument = operand.argument === null ? '' : `[${printArgument(operand.argument)}]`
  if (operand.kind === 'field') return operand.name + argument
  const inputs = operand.inputs.map((input) => (input.kind === 'text' ? printText(input) : printOperand(input)))
  return `${operand.name}(${inputs.join(', ')})${argument}`
}

function printRight(right: Right): string {
  if (right.kind === 'text') return printText(right)
  if (right.kind === 'list') return `(${right.items.map(printText).join(', ')})`
  return right.kind === 'field' ? `val(${printOperand(right)})` : printOperand(right)
}

function printText(value: TextValue): string {
  return value.quoted ? quote(value.text) : value.text
}

function printArgument(argument: string): string {
  return /^[^ \t\r\n\v\f"'[\]]+$/.test(argument) ? argument : quote(argument)
}

function quote(text: string): string {
  return `"${text.replace(/[\\"\n\r\t\f\x08]/g, (character) => ESCAPED.get(character)!)}"`
}

const ESCAPED = new Map([
  ['\\', '\\\\'],
  ['"', '\\"'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
  ['\f', '\\f'],
  ['\b', '\\b'],
])

function within(node: Condition, binding: number): string {
  const text = printCondition(node)
  return BINDING[node.kind] < binding ? `(${text})` : text
}
