/** Rows of a batch as the documents of a search store: the only place where every kept row becomes one. */
import { type Batch, eventTables, timeMs } from '../core/batch/batch.ts'
import { RowIds } from '../core/batch/event-id.ts'
import { storageDay } from '../core/batch/storage-day.ts'
import { Cursor } from '../core/fields/cursor.ts'
import { DocumentWriter } from '../core/fields/document.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import type { Doc } from '../core/model/search-store.ts'

/** Every row of a batch as a document. */
export function* documentsOf(header: BatchHeader, batch: Batch, envelope: Envelope): Iterable<Doc> {
  const ids = new RowIds(header, batch)
  const writer = new DocumentWriter()
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.hostname = header.collector
  for (const table of eventTables(batch)) {
    for (let row = 0; row < table.rowCount; row++) {
      cursor.moveTo(table, row)
      const id = ids.of(table, row)
      const atMs = timeMs(batch, table, row)
      const day = storageDay(atMs, envelope.receivedMs)
      const json = writer.json(cursor, { id, collector: header.collector })
      yield new EventDoc(id, atMs, day, envelope.parts[day] ?? 0, json)
    }
  }
  cursor.close()
}

/** Most stores take the text; for others it is read. */
class EventDoc implements Doc {
  readonly kind = 'event'
  readonly id: string
  readonly timeMs: number
  readonly day: string
  readonly part: number
  readonly json: string

  constructor(id: string, timeMs: number, day: string, part: number, json: string) {
    this.id = id
    this.timeMs = timeMs
    this.day = day
    this.part = part
    this.json = json
  }

  get body(): Doc['body'] {
    return JSON.parse(this.json) as Doc['body']
  }
}
