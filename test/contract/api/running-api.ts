/** An API on a real store and feed, for its tests. */
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { onTestFinished } from 'vitest'
import type { ParsedKql } from '../../../api/filter.ts'
import { type ApiOptions, createApi } from '../../../api/server.ts'
import { createMemoryFeed } from '../../../backends/memory/feed.ts'
import { createSqliteSearchStore } from '../../../backends/sqlite/search-store.ts'
import { naiveMatches } from '../../oracle/naive-kql.ts'
import { is, TEST_FIELDS } from '../search-store.suite.ts'

/** `field: value`, or a mistake at the first brace; the language has tests of its own. */
export function parseOne(text: string): ParsedKql {
  const at = text.search(/[{}]/)
  if (at >= 0) return { ok: false, message: 'nested queries are not supported', at, hint: 'use parentheses' }
  const [field, value] = text.split(':').map((part) => part.trim())
  return { ok: true, node: value === undefined ? is(null, field!) : is(field!, value) }
}

export async function runningApi(options: Partial<ApiOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-api-'))
  const store = createSqliteSearchStore({ directory, fields: TEST_FIELDS })
  const evaluate = (node: Parameters<typeof naiveMatches>[0], body: Readonly<Record<string, unknown>>) =>
    naiveMatches(node, body, TEST_FIELDS)
  const feed = createMemoryFeed({ name: randomUUID(), evaluate, maxBacklog: 50 })
  const api = createApi({
    port: 0,
    store,
    feed,
    parseKql: parseOne,
    metrics: new Registry(),
    version: '1.2.3',
    ...options,
  })
  await store.start()
  await feed.start()
  onTestFinished(async () => {
    await api.stop(1_000)
    await feed.stop(1_000)
    await store.stop(1_000)
    rmSync(directory, { recursive: true, force: true })
  })
  const get = async (url: string, headers: Record<string, string> = {}) => {
    const response = await api.app.inject({ method: 'GET', url, headers: { host: '127.0.0.1:7327', ...headers } })
    return {
      status: response.statusCode,
      type: response.headers['content-type'],
      headers: response.headers,
      json: () => response.json(),
      text: response.body,
    }
  }
  return { api, store, feed, get }
}
