/** An API on real backends, for its tests; which ones, the caller of a suite decides. */
import { Registry } from 'prom-client'
import { onTestFinished } from 'vitest'
import type { ParsedKql } from '../../../api/filter.ts'
import { type ApiOptions, createApi } from '../../../api/server.ts'
import type { KqlNode } from '../../../core/language/kql/ast.ts'
import type { Component } from '../../../core/model/component.ts'
import type { Feed } from '../../../core/model/feed.ts'
import type { SearchStore } from '../../../core/model/search-store.ts'
import { naiveMatches } from '../../oracle/naive-kql.ts'
import { is, TEST_FIELDS } from '../search-store.suite.ts'

export interface ApiBackends {
  /** Empty; what was written can be found when the write resolves. */
  store: SearchStore & Component
  /** The API's own member of the feed. */
  feed: Feed & Component
  /** Another member, as stages have it: in another thread or process. */
  publisher: Feed & Component
}

/** New ones, not started; `MAX_BACKLOG` items may wait for a follower. */
export type CreateBackends = () => ApiBackends

export const MAX_BACKLOG = 50

export const evaluateFilter = (node: KqlNode, body: Readonly<Record<string, unknown>>) =>
  naiveMatches(node, body, TEST_FIELDS)

/** `field: value`, or a mistake at the first brace; the language has tests of its own. */
export function parseOne(text: string): ParsedKql {
  const at = text.search(/[{}]/)
  if (at >= 0) return { ok: false, message: 'nested queries are not supported', at, hint: 'use parentheses' }
  const [field, value] = text.split(':').map((part) => part.trim())
  return { ok: true, node: value === undefined ? is(null, field!) : is(field!, value) }
}

/** The API and what is behind it; not listening yet. All of it is stopped when the test ends. */
export async function runningApi(create: CreateBackends, options: Partial<ApiOptions> = {}) {
  const { store, feed, publisher } = create()
  const api = createApi({
    port: 0,
    store,
    feed,
    parseKql: parseOne,
    metrics: new Registry(),
    version: '1.2.3',
    ...options,
  })
  const backends = [store, feed, publisher]
  onTestFinished(async () => {
    for (const component of [api, ...backends]) await component.stop(1_000)
  })
  for (const component of backends) await component.start()
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
  return { api, store, feed, publisher, get }
}
