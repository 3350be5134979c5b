/** What the items of rules files say, before any name in them is looked up. */
import type { Priority } from '../model/event.ts'
import type { Pieces, Scalar } from './rule-file.ts'
import type { Plain } from './yaml-items.ts'

export interface ListDefinition {
  name: string
  items: Scalar[]
  /** Position of its first definition among all items. */
  index: number
  /** Position of its last change: it sees what was first defined before that. */
  visibility: number
  at: Scalar
}

export interface MacroDefinition {
  name: string
  condition: Pieces
  index: number
  visibility: number
  at: Scalar
}

export interface ExceptionDefinition {
  name: string
  at: Scalar
  /** One field: values is a flat list. */
  isSingle: boolean
  fields: Scalar[]
  /** As long as `fields`. */
  operators: string[]
  rows: ExceptionRow[]
}

/** One value per field; a value may itself be a list. */
export interface ExceptionRow {
  cells: (Scalar | Scalar[])[]
  at: Scalar
}

/** Without a name it is a field. */
export interface EntryDefinition {
  name: string | null
  format: Scalar
}

export interface RuleDefinition {
  name: string
  /** Of the last change of when it fires, among all definitions: lists that come later are told of. */
  index: number
  /** Of that same change. */
  at: Scalar
  /** Of the first definition. */
  definedAt: Scalar
  /** Of the last item of its name after that; null for none. */
  changedAt: Scalar | null
  description: string
  condition: Pieces
  output: Pieces
  outputEntries: EntryDefinition[]
  priority: Priority
  tags: string[]
  source: string
  enabled: boolean
  exceptions: ExceptionDefinition[]
  warnsOfEventTypes: boolean
  skipsUnknownFilters: boolean
}

export interface TestDefinition {
  /** The rule that is tested. */
  rule: string
  at: Scalar
  /** The item as plain data. */
  body: Plain
}
