/** Rows of a batch as the documents of a search store: the only place where every kept row becomes an object. */
import { type Batch, eventTables, timeMs } from '../core/batch/batch.ts'
import { RowIds } from '../core/batch/event-id.ts'
import { storageDay } from '../core/batch/storage-day.ts'
import { Cursor } from '../core/fields/cursor.ts'
import { eventDocument } from '../core/fields/document.ts'
import type { BatchHeader, Envelope } from '../core/model/batch.ts'
import type { Doc } from '../core/model/search-store.ts'

/** Every row of a batch as a document. */
export function* documentsOf(header: BatchHeader, batch: Batch, envelope: Envelope): Iterable<Doc> {
  const ids = new RowIds(header, batch)
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.hostname = header.collector
  for (const table of eventTables(batch)) {
    for (let row = 0; row < table.rowCount; row++) {
      cursor.moveTo(table, row)
      const id = ids.of(table, row)
      const atMs = timeMs(batch, table, row)
      const day = storageDay(atMs, envelope.receivedMs)
      const body = eventDocument(cursor, { id, collector: header.collector })
      yield { kind: 'event', id, timeMs: atMs, day, part: envelope.parts[day] ?? 0, body }
    }
  }
  cursor.close()
}
