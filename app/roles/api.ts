/** The API on the backends that the configuration names. */
import { statfs } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { CurrentAlerts } from '../../alerts/current-alerts.ts'
import { createApi, type ReadinessCheck } from '../../api/server.ts'
import { readConditions } from '../../core/health/published-conditions.ts'
import { shownCondition } from '../../core/health/readiness.ts'
import { checkDocumentField, DOCUMENT_CHECKS } from '../../core/language/kql/known-field.ts'
import { parseKql } from '../../core/language/kql/parser.ts'
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { withinTime } from '../../core/runtime/deadline.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import { openDocuments, openFeed, openQueue, openSearchStore } from '../backends.ts'
import type { Config } from '../config.ts'
import { alertsWhenAway } from '../distributed/alerts-when-away.ts'
import { OpenedWhenNeeded } from '../distributed/opened-when-needed.ts'
import { VERSION } from '../version.ts'

/** With less, the queue may refuse the next batch. */
const MIN_FREE_BYTES = 4 * 1024 * 1024
/** What waits to be stored is looked at this often at most. */
const BEHIND_ASKED_MS = 1_000

export interface BuildApiOptions {
  config: Config
  logger: Logger
  /** Metrics of all threads in the Prometheus text format. */
  readMetrics: () => Promise<string>
}

export function buildApi({ config, logger, readMetrics }: BuildApiOptions): Component & { address(): string } {
  const store = openSearchStore(config, logger, true)
  const feed = openFeed(config, logger)
  // What is searched is served without Redis too.
  const documents = new OpenedWhenNeeded(() => openDocuments(config, logger))
  const current = async () => new CurrentAlerts(await documents.use())
  const queue = new OpenedWhenNeeded(() => openQueue(config, logger))
  const behindMs = atMostEvery(BEHIND_ASKED_MS, async () => (await (await queue.use()).depth('index')).oldestMs)
  const api = createApi({
    ...config.api,
    store: config.elasticsearch.url === undefined ? store : alertsWhenAway({ store, current, behindMs }),
    feed,
    parseKql: (text) => parseKql(text, DOCUMENT_CHECKS),
    checkField: checkDocumentField,
    metrics: { contentType: Registry.PROMETHEUS_CONTENT_TYPE, metrics: readMetrics },
    readConditions: async () =>
      (await readConditions(await documents.use(), Date.now())).map((one) => ({
        ...shownCondition(one),
        part: one.part,
      })),
    readiness: [
      ...(config.redis.url === undefined ? [] : [redisCheck(documents)]),
      ...(config.elasticsearch.url === undefined ? [diskCheck(config.dataDir)] : []),
      {
        name: 'search store',
        check: async () => {
          await store.search({ kind: 'alert', limit: 1 })
          return { ok: true }
        },
      },
    ],
    version: VERSION,
    logger,
  })
  const lifecycle = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('store', store)
    .add('feed', feed)
    .add('documents', documents)
    .add('queue', queue)
    .add('api', api)
  return {
    start: async () => {
      try {
        await lifecycle.start()
      } catch (error) {
        throw withWayOut(error)
      }
    },
    stop: (deadlineMs) => lifecycle.stop(deadlineMs),
    address: () => api.address(),
  }
}

/** The answer of the last call while that is not older. */
function atMostEvery<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let askedMs = Number.NEGATIVE_INFINITY
  let answer: Promise<T> | undefined
  return () => {
    if (answer === undefined || performance.now() - askedMs >= ms) {
      askedMs = performance.now()
      answer = withinTime(ms, ask(), 'the queue did not answer')
    }
    return answer
  }
}

function redisCheck(documents: OpenedWhenNeeded<Documents & Component>): ReadinessCheck {
  return {
    name: 'redis',
    check: async () => {
      await (await documents.use()).get('agents', '')
      return { ok: true }
    },
  }
}

function diskCheck(directory: string): ReadinessCheck {
  return {
    name: 'disk',
    check: async () => {
      const { bavail, bsize } = await statfs(directory)
      const reason = `${directory} has ${bavail * bsize} bytes left`
      return bavail * bsize >= MIN_FREE_BYTES ? { ok: true } : { ok: false, reason }
    },
  }
}

/** What to change when the address cannot be had; any other failure as it is. */
function withWayOut(error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== 'E_API_UNAVAILABLE') return error
  const reason = (error.cause as NodeJS.ErrnoException | undefined)?.code
  const way =
    reason === 'EADDRNOTAVAIL' || reason === 'ENOTFOUND'
      ? 'choose an address of this machine with SEAMARK_API_HOST or api.host'
      : 'choose another port with --port, SEAMARK_API_PORT or api.port (0 takes a free one)'
  return new AppError(error.code, `${error.message}; ${way}`, { cause: error.cause })
}
