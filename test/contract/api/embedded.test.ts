import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createMemoryFeed } from '../../../backends/memory/feed.ts'
import { createSqliteSearchStore } from '../../../backends/sqlite/search-store.ts'
import { TEST_FIELDS } from '../search-store.suite.ts'
import { pagingSuite } from './paging.suite.ts'
import { requestsSuite } from './requests.suite.ts'
import { type ApiBackends, evaluateFilter, MAX_BACKLOG } from './running-api.ts'
import { socketsSuite } from './sockets.suite.ts'

function backends(): ApiBackends {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-api-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  const feed = { name: randomUUID(), evaluate: evaluateFilter, maxBacklog: MAX_BACKLOG }
  return {
    store: createSqliteSearchStore({ directory, fields: TEST_FIELDS }),
    feed: createMemoryFeed(feed),
    publisher: createMemoryFeed(feed),
  }
}

requestsSuite('SQLite and the memory feed', backends)
pagingSuite('SQLite', backends)
socketsSuite('SQLite and the memory feed', backends)
