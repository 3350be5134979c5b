/**
 * KQL over plain documents in the most obvious way, to hold backends against: the meaning is that of
 * core/language/kql/ast.ts, the code shares nothing with them.
 */
import { BlockList, isIP } from 'node:net'
import type { KqlNode, KqlValue } from '../../core/language/kql/ast.ts'

type Types = Readonly<Record<string, string>>
type Body = Readonly<Record<string, unknown>>

export function naiveMatches(node: KqlNode, body: Body, types: Types): boolean {
  switch (node.kind) {
    case 'all':
      return true
    case 'and':
      return node.children.every((child) => naiveMatches(child, body, types))
    case 'or':
      return node.children.some((child) => naiveMatches(child, body, types))
    case 'not':
      return !naiveMatches(node.child, body, types)
    case 'exists':
      return valuesAt(body, node.field).length > 0
    case 'range':
      return valuesAt(body, node.field).some((value) =>
        inRange(value, node.operator, node.value.text, types[node.field]),
      )
    case 'is': {
      const { field, value } = node
      if (field !== null) return valuesAt(body, field).some((found) => equals(found, value, types[field]))
      return Object.keys(types)
        .filter((name) => types[name] === 'keyword')
        .some((name) => valuesAt(body, name).some((found) => lower(String(found)).includes(lower(value.text))))
    }
  }
}

function valuesAt(body: Body, field: string): unknown[] {
  let values: unknown[] = [body]
  for (const key of field.split('.')) {
    values = values
      .flat(10)
      .flatMap((value) =>
        value && typeof value === 'object' && Object.hasOwn(value, key) ? [(value as Body)[key]] : [],
      )
  }
  return values.flat(10).filter((value) => value !== null && typeof value !== 'object')
}

function equals(found: unknown, value: KqlValue, type = 'keyword'): boolean {
  const pattern = !value.quoted && value.wildcards.length > 0
  if (type === 'keyword' || (type === 'ip' && pattern)) {
    if (!pattern) return String(found) === value.text
    const source = [...value.text.split('')].map((letter, i) =>
      value.wildcards.includes(i) ? '[^]*' : escaped(letter),
    )
    return new RegExp(`^${source.join('')}$`).test(String(found))
  }
  if (type === 'ip') {
    if (isIP(String(found)) === 0) return false
    const [address = '', prefix] = value.text.split('/')
    const family = isIP(address) === 4 ? 'ipv4' : 'ipv6'
    const foundFamily = isIP(String(found)) === 4 ? 'ipv4' : 'ipv6'
    if (isIP(address) === 0) return false
    const list = new BlockList()
    try {
      list.addSubnet(address, prefix === undefined ? (family === 'ipv4' ? 32 : 128) : Number(prefix), family)
    } catch {
      return false
    }
    return list.check(String(found), foundFamily)
  }
  const [a, b] = [converted(found, type), converted(value.text, type)]
  return b !== undefined && a === b
}

function inRange(found: unknown, operator: string, text: string, type = 'keyword'): boolean {
  const [a, b] = [converted(found, type), converted(text, type)]
  if (a === undefined || b === undefined) return false
  return operator === '<' ? a < b : operator === '<=' ? a <= b : operator === '>' ? a > b : a >= b
}

function converted(value: unknown, type: string): string | number | boolean | undefined {
  const text = String(value)
  if (type === 'keyword') return text
  if (type === 'boolean') return text === 'true' ? true : text === 'false' ? false : undefined
  if (type === 'date') return Number.isNaN(Date.parse(text)) ? undefined : Date.parse(text)
  if (type === 'ip') {
    // Enough for the IPv4 addresses that the tests compare.
    return isIP(text) === 4 ? text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) : undefined
  }
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : undefined
}

function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

function escaped(letter: string): string {
  return letter.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&')
}
