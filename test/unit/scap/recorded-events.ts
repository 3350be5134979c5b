/** Events of a capture as Falco extracted them, and as Seamark reads them from the same capture. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { openCapture } from '../../../collector/sources/scap/capture-file.ts'
import { type Batch, eventTables } from '../../../core/batch/batch.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import type { OutputFormat } from '../../../core/language/output/format.ts'
import type { Value } from '../../../core/model/event.ts'
import { type Expression, visitExpressions } from '../../../core/ruleset/expression.ts'
import { readRules } from '../../../core/ruleset/load.ts'
import type { RuleText } from '../../../core/ruleset/rule-file.ts'
import { falcoRules } from '../../support/upstream.ts'

export type RecordedEvent = Record<string, string | number | boolean | (string | number)[]>

/** Null where Falco's files are not beside the checkout. */
export const CONFORMANCE = existing(new URL('../../../../shared/upstream/falco-conformance/', import.meta.url))

function existing(url: URL): string | null {
  const path = fileURLToPath(url)
  return existsSync(path) ? path : null
}

export function tracePath(name: string): string {
  return `${CONFORMANCE}traces/${name}.scap`
}

export function recordedEvents(name: string): RecordedEvent[] {
  const text = gunzipSync(readFileSync(`${CONFORMANCE}events/${name}.jsonl.gz`)).toString('utf8')
  return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as RecordedEvent]))
}

/** The traces of which Falco's values are recorded. */
export function recordedTraces(): string[] {
  if (CONFORMANCE === null) return []
  return readdirSync(`${CONFORMANCE}events`).map((file) => file.slice(0, file.indexOf('.')))
}

export interface FieldUse {
  name: string
  argument: string | null
}

/** Every field that conditions or outputs of the upstream rules use, with its argument; sorted. */
export function fieldsOfUpstreamRules(): FieldUse[] {
  const folder = falcoRules()
  if (folder === null) return []
  const files: RuleText[] = readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .map((name) => ({ name, text: readFileSync(`${folder}/${name}`, 'utf8') }))
  const uses = new Map<string, FieldUse>()
  const { rules } = readRules(files)
  const note = (value: unknown) => collect(value, uses)
  visitExpressions(
    rules.map(({ condition }) => condition),
    (node: Expression) => {
      if (node.kind === 'check') note(node.predicate)
    },
  )
  for (const { output } of rules as { output: OutputFormat }[]) note(output.parts)
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, use]) => use)
}

/** Fields stand at many places in a predicate: as operands, in transformers, on the right side. */
function collect(value: unknown, uses: Map<string, FieldUse>): void {
  if (typeof value !== 'object' || value === null) return
  const { kind, field, argument } = value as { kind?: unknown; field?: { name: string }; argument?: string | null }
  if (kind === 'field' && field !== undefined) {
    const use = { name: field.name, argument: argument ?? null }
    uses.set(`${use.name}[${use.argument ?? ''}]`, use)
    return
  }
  for (const part of Array.isArray(value) ? value : Object.values(value)) collect(part, uses)
}

export interface ReadEvent {
  num: number
  type: string | undefined
  value: (use: FieldUse) => Value | undefined
}

/** Calls back with every event of a trace, those without a type of Seamark's too. */
export async function readEvents(name: string, onEvent: (event: ReadEvent) => void): Promise<void> {
  const cursor = new Cursor()
  const readers = new Map<string, (cursor: Cursor) => Value | undefined>()
  const value = ({ name: field, argument }: FieldUse): Value | undefined => {
    const key = `${field}[${argument ?? ''}]`
    let reader = readers.get(key)
    if (reader === undefined) {
      const found = findField(field, argument)
      if (found === undefined) throw new Error(`no field ${field}`)
      reader = readerOf(found.field, found.argument)
      readers.set(key, reader)
    }
    return reader(cursor)
  }
  for await (const batch of (await openCapture(tracePath(name), { everyEvent: true }))!) {
    cursor.open(batch)
    for (const { table, row } of inOrder(batch)) {
      cursor.moveTo(table, row)
      onEvent({ num: cursor.number('ordinal')! + 1, type: cursor.type, value })
    }
  }
}

function inOrder(batch: Batch) {
  const rows = eventTables(batch).flatMap((table) =>
    Array.from({ length: table.rowCount }, (_, row) => ({ table, row })),
  )
  const at = ({ table, row }: (typeof rows)[number]) => (table.columns.ordinal as Uint32Array)[row]!
  return rows.sort((a, b) => at(a) - at(b))
}
