/** Finds the event that `rules explain` judges: in a file of any of three kinds, or stored by a running Seamark. */
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs'
import { type Batch, eventTables } from '../../core/batch/batch.ts'
import { storedEvent } from '../../core/explain/stored-event.ts'
import { Cursor } from '../../core/fields/cursor.ts'
import type { Field } from '../../core/fields/field.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Page } from '../../core/model/search-store.ts'
import { testBatch } from '../../core/ruleset/test-event.ts'
import type { Plain } from '../../core/ruleset/yaml-items.ts'
import type { ApiClient } from '../api-client.ts'
import { recordedBatches } from '../roles/recorded-batches.ts'

export interface FoundEvent {
  cursor: Cursor
  /** What it is, for people. */
  origin: string
  tells(field: Field, argument: string | null): boolean
}

const MAX_EVENT_BYTES = 4 * 1024 * 1024
const tellsAll = () => true

/** A file, or null where there is none of this name. `index` counts the events of a recording from 1. */
export async function eventInFile(
  path: string,
  index: number | null,
  isAsked: (cursor: Cursor) => boolean,
): Promise<FoundEvent | null> {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return null
  if (!stats.isFile()) throw new AppError('E_USAGE', `${path} is no file`)
  if (!beginsAsJson(path)) return inRecording(path, index, isAsked)
  if (stats.size > MAX_EVENT_BYTES) throw new AppError('E_USAGE', `${path} is too large to be one event`)
  let value: unknown
  try {
    value = JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new AppError('E_USAGE', `${path} is no JSON: ${(cause as Error).message}`, { cause })
  }
  if (typeof value === 'object' && value !== null && 'seamark' in value) return fromDocument(value, `document ${path}`)
  const batch = testBatch(plain(value))
  if (typeof batch === 'string') throw new AppError('E_USAGE', `${path}: ${batch}`)
  return { cursor: cursorAtFirst(batch), origin: `event in ${path}`, tells: tellsAll }
}

/** Throws AppError E_USAGE where none has the id. */
export async function storedEventById(client: ApiClient, id: string): Promise<FoundEvent> {
  const quoted = `"${id.replace(/[\\"]/g, '\\$&')}"`
  const page = await client.get<Page>('/api/v1/events', {
    filter: `event.id: ${quoted}`,
    from: new Date(0).toISOString(),
    limit: '1',
  })
  const [hit] = page.hits
  if (hit === undefined)
    throw new AppError('E_USAGE', `'${id}' is neither a file nor the id of a stored event (its event.id)`)
  return fromDocument(hit.body, `stored event ${id}`)
}

function fromDocument(body: unknown, origin: string): FoundEvent {
  const stored = storedEvent(body)
  if (typeof stored === 'string') throw new AppError('E_USAGE', `${origin}: ${stored}`)
  const { batch } = stored
  return { cursor: cursorAtFirst(batch), origin, tells: (...what) => stored.tells(...what) }
}

async function inRecording(
  path: string,
  index: number | null,
  isAsked: (cursor: Cursor) => boolean,
): Promise<FoundEvent> {
  const cursor = new Cursor()
  let events = 0
  for await (const batch of recordedBatches(path)) {
    cursor.open(batch)
    for (const table of eventTables(batch)) {
      for (let row = 0; row < table.rowCount; row++) {
        events++
        cursor.moveTo(table, row)
        if (index === null ? isAsked(cursor) : events === index)
          return { cursor, origin: `event ${events} of ${path}`, tells: tellsAll }
      }
    }
  }
  const what = index === null ? 'none that the rule looks at' : `no number ${index}`
  throw new AppError('E_USAGE', `${path} has ${events} events, ${what}`)
}

function cursorAtFirst(batch: Batch): Cursor {
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.moveTo(eventTables(batch)[0]!, 0)
  return cursor
}

function beginsAsJson(path: string): boolean {
  const buffer = Buffer.alloc(64)
  const file = openSync(path, 'r')
  try {
    return /^\s*[{[]/.test(buffer.toString('latin1', 0, readSync(file, buffer)))
  } finally {
    closeSync(file)
  }
}

/** Scalars as text, as in the tests of rule files. */
function plain(value: unknown): Plain {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value === 'object' && value !== null)
    return new Map(Object.entries(value).map(([key, entry]) => [key, plain(entry)]))
  return value === null ? null : String(value)
}
