/** The backends of the embedded shape: SQLite files under the data directory, and a feed within the process. */
import { join } from 'node:path'
import { createMemoryFeed } from '../backends/memory/feed.ts'
import { createSqliteDocuments } from '../backends/sqlite/documents.ts'
import { createSqliteQueue, type SqliteQueue } from '../backends/sqlite/queue.ts'
import { createSqliteSearchStore, type SqliteSearchStore } from '../backends/sqlite/search-store.ts'
import { DOCUMENT_FIELDS } from '../core/fields/document-fields.ts'
import { evaluate } from '../core/language/kql/evaluate.ts'
import type { Component } from '../core/model/component.ts'
import type { Documents } from '../core/model/documents.ts'
import type { Feed } from '../core/model/feed.ts'
import type { Logger } from '../core/runtime/logging.ts'
import type { Config } from './config.ts'

export function openQueue(config: Config, logger: Logger): SqliteQueue {
  return createSqliteQueue({
    directory: join(config.dataDir, 'queue'),
    maxBytes: config.queue.maxBytes,
    onCorrupt: reportCorrupt(logger),
    onStorageError: (error) => logger.error({ err: error }, 'The queue cannot read or write its files'),
  })
}

export function openDocuments(config: Config, logger: Logger): Documents & Component {
  return createSqliteDocuments({ directory: join(config.dataDir, 'documents'), onCorrupt: reportCorrupt(logger) })
}

export function openSearchStore(config: Config, logger: Logger, readOnly = false): SqliteSearchStore {
  return createSqliteSearchStore({
    directory: join(config.dataDir, 'store'),
    fields: DOCUMENT_FIELDS,
    readOnly,
    maxPartBytes: config.store.partBytes,
    onCorrupt: reportCorrupt(logger),
  })
}

export function openFeed(config: Config): Feed & Component {
  return createMemoryFeed({ name: config.dataDir, evaluate })
}

function reportCorrupt(logger: Logger): (found: unknown) => void {
  return (found) => logger.error({ found }, 'A damaged file was set aside; the rest works on')
}
