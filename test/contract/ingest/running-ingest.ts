/** A real ingest on a real queue, for tests that talk to it over its socket. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { createSqliteDocuments } from '../../../backends/sqlite/documents.ts'
import { createSqliteQueue, type SqliteQueueOptions } from '../../../backends/sqlite/queue.ts'
import { emptyBatch } from '../../../core/batch/batch.ts'
import { joinFrames } from '../../../core/batch/frames.ts'
import { sealBatch } from '../../../core/batch/seal.ts'
import { Conditions } from '../../../core/health/conditions.ts'
import type { BatchHeader } from '../../../core/model/batch.ts'
import { createLogger } from '../../../core/runtime/logging.ts'
import { Metrics } from '../../../core/runtime/metrics.ts'
import { Agents } from '../../../ingest/agents.ts'
import { createIngest, type IngestOptions } from '../../../ingest/server.ts'

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-ingest-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

export const quiet = createLogger({ level: 'silent', component: 'test' })

export async function openQueue(options: Partial<SqliteQueueOptions> = {}) {
  const queue = createSqliteQueue({ directory: temporaryDirectory(), backoffMs: { first: 5, most: 50 }, ...options })
  await queue.start()
  onTestFinished(() => queue.stop(1_000))
  return queue
}

export async function runIngest(
  options: Partial<IngestOptions> & { queueOptions?: Partial<SqliteQueueOptions>; directory?: string } = {},
) {
  const queue = await openQueue(options.queueOptions)
  const documents = createSqliteDocuments({ directory: options.directory ?? temporaryDirectory() })
  await documents.start()
  onTestFinished(() => documents.stop(1_000))
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics })
  const ingest = createIngest({
    host: '127.0.0.1',
    port: 0,
    queue,
    documents,
    conditions,
    metrics,
    readMetrics: () => metrics.registry.metrics(),
    logger: quiet,
    ...options,
  })
  await ingest.start()
  onTestFinished(() => ingest.stop(1_000))
  const agents = new Agents({ documents, ...(options.nowMs === undefined ? {} : { nowMs: options.nowMs }) })
  return { queue, documents, conditions, metrics, ingest, url: ingest.address(), agents }
}

export const header = (collector: string, sequence: number, extra: Partial<BatchHeader> = {}): BatchHeader => ({
  collector,
  epoch: 'e1',
  sequence,
  lowMs: {},
  dropped: {},
  plan: 'p',
  edgeRuleset: 'r',
  class: 'routine',
  rows: 0,
  ...extra,
})

export const sealed = (collector: string, sequence: number, extra: Partial<BatchHeader> = {}) =>
  sealBatch(header(collector, sequence, extra), emptyBatch()).bytes

export function post(url: string, key: string | null, batches: readonly Uint8Array[], headers = {}) {
  return fetch(`${url}/ingest/v1/batches`, {
    method: 'POST',
    headers: {
      'content-type': 'application/vnd.seamark.batches',
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    body: new Uint8Array(joinFrames(batches)),
  })
}
