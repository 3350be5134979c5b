/** Writes a query back as text. Parsing that text gives the same tree. */
import type { KqlNode, KqlValue } from './ast.ts'

const BINDING = { or: 1, and: 2, not: 3, is: 4, exists: 4, range: 4, all: 4 } as const

export function printKql(node: KqlNode): string {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.children.map((child) => within(child, BINDING[node.kind] + 1)).join(` ${node.kind} `)
    case 'not':
      return `not ${within(node.child, BINDING.not + 1)}`
    case 'is':
      return node.field === null
        ? `*: ${printValue(node.value)}`
        : `${printWord(node.field, [])}: ${printValue(node.value)}`
    case 'exists':
      return `${printWord(node.field, [])}: *`
    case 'range':
      return `${printWord(node.field, [])} ${node.operator} ${printValue(node.value)}`
    case 'all':
      return '*'
  }
}

function printValue(value: KqlValue): string {
  if (!value.quoted) return printWord(value.text, value.wildcards)
  return `"${value.text.replace(/[\\"\n\r\t]/g, (character) => QUOTED.get(character)!)}"`
}

const QUOTED = new Map([
  ['\\', '\\\\'],
  ['"', '\\"'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

function printWord(text: string, wildcards: readonly number[]): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!
    const isOrdinary = (character === '*' && wildcards.includes(i)) || !/[\\():<>"*{}\s]/.test(character)
    out += isOrdinary ? character : `\\${character}`
  }
  return /^(and|or|not)$/i.test(out) ? `\\${out}` : out
}

function within(node: KqlNode, binding: number): string {
  const text = printKql(node)
  return BINDING[node.kind] < binding ? `(${text})` : text
}
