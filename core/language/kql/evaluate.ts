/** Whether a document of ours matches a query, where documents pass by: live tail. Compiled once per query. */
import { DOCUMENT_FIELDS } from '../../fields/document-fields.ts'
import type { KqlNode } from './ast.ts'
import { createFields } from './fields.ts'
import { compileMatcher, type Matcher } from './matcher.ts'

const FIELDS = createFields(DOCUMENT_FIELDS)
const compiled = new WeakMap<KqlNode, Matcher>()

export function evaluate(node: KqlNode, document: Readonly<Record<string, unknown>>): boolean {
  let matcher = compiled.get(node)
  if (matcher === undefined) {
    matcher = compileMatcher(node, FIELDS)
    compiled.set(node, matcher)
  }
  return matcher(document)
}
