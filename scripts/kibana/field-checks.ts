/** Which fields a panel can use for what, and whether a KQL query means anything to our documents. */
import type { KqlNode } from '../../core/language/kql/ast.ts'
import { DOCUMENT_CHECKS } from '../../core/language/kql/known-field.ts'
import { parseKql } from '../../core/language/kql/parser.ts'

/** Reports one mistake. */
export type Tell = (message: string) => void

/** What a field is used for → the types of mappings that serve. */
const SERVES = {
  terms: ['keyword', 'long', 'ip', 'boolean'],
  sum: ['long', 'double'],
  unique_count: ['keyword', 'long', 'double', 'ip', 'date', 'boolean'],
  sorted: ['keyword', 'long', 'double', 'ip', 'date', 'boolean'],
  shown: ['keyword', 'long', 'double', 'ip', 'date', 'boolean', 'flattened'],
  time: ['date'],
} as const satisfies Record<string, readonly string[]>

export type FieldUse = keyof typeof SERVES

export function checkField(name: string, use: FieldUse, fields: ReadonlyMap<string, string>, tell: Tell): void {
  const type = fields.get(name)
  const serves: readonly string[] = SERVES[use]
  if (type === undefined) tell(`the index template has no field ${name}`)
  else if (!serves.includes(type)) tell(`${name} is ${type}, which cannot be used as ${use}`)
}

/** A query that our own parser reads, over fields that are indexed; text without a field means other things to Kibana. */
export function checkQuery(kql: string, fields: ReadonlyMap<string, string>, tell: Tell): void {
  const read = parseKql(kql, DOCUMENT_CHECKS)
  if (!read.ok) {
    tell(`KQL at ${read.at}: ${read.message}: ${kql}`)
    return
  }
  for (const name of fieldsOf(read.node)) {
    if (name === null) tell(`KQL without a field: ${kql}`)
    else if (!isIndexed(name, fields)) tell(`the index template has no field ${name}: ${kql}`)
  }
}

/** Below a flattened object every key is. */
function isIndexed(name: string, fields: ReadonlyMap<string, string>): boolean {
  if (fields.has(name)) return true
  const parts = name.split('.')
  return parts.some((_, length) => fields.get(parts.slice(0, length).join('.')) === 'flattened')
}

function fieldsOf(node: KqlNode): (string | null)[] {
  switch (node.kind) {
    case 'and':
    case 'or':
      return node.children.flatMap(fieldsOf)
    case 'not':
      return fieldsOf(node.child)
    case 'all':
      return []
    default:
      return [node.field]
  }
}
