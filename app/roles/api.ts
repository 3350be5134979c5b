/** The API on the backends that the configuration names. */
import { statfs } from 'node:fs/promises'
import { Registry } from 'prom-client'
import { createApi, type ReadinessCheck } from '../../api/server.ts'
import { readConditions } from '../../core/health/published-conditions.ts'
import { shownCondition } from '../../core/health/readiness.ts'
import { checkDocumentField, DOCUMENT_CHECKS } from '../../core/language/kql/known-field.ts'
import { parseKql } from '../../core/language/kql/parser.ts'
import type { Component } from '../../core/model/component.ts'
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import { openDocuments, openFeed, openSearchStore } from '../backends.ts'
import type { Config } from '../config.ts'
import { VERSION } from '../version.ts'

/** With less, the queue may refuse the next batch. */
const MIN_FREE_BYTES = 4 * 1024 * 1024

export interface BuildApiOptions {
  config: Config
  logger: Logger
  /** Metrics of all threads in the Prometheus text format. */
  readMetrics: () => Promise<string>
}

export function buildApi({ config, logger, readMetrics }: BuildApiOptions): Component & { address(): string } {
  const store = openSearchStore(config, logger, true)
  const feed = openFeed(config, logger)
  const documents = openWhenPossible(openDocuments(config, logger))
  const api = createApi({
    ...config.api,
    store,
    feed,
    parseKql: (text) => parseKql(text, DOCUMENT_CHECKS),
    checkField: checkDocumentField,
    metrics: { contentType: Registry.PROMETHEUS_CONTENT_TYPE, metrics: readMetrics },
    readConditions: async () =>
      (await readConditions(await documents.opened(), Date.now())).map((one) => ({
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

interface OpenedDocuments extends Component {
  /** Rejects while they cannot be opened. */
  opened(): Promise<Documents>
}

/** Searching works without them: an API that starts while Redis is away opens them later. */
function openWhenPossible(documents: Documents & Component): OpenedDocuments {
  let opening: Promise<Documents> | null = null
  const opened = () => {
    opening ??= documents
      .start()
      .then(() => documents)
      .catch((error: unknown) => {
        opening = null
        throw error
      })
    return opening
  }
  return {
    opened,
    start: () =>
      opened().then(
        () => {},
        () => {},
      ),
    stop: (deadlineMs) => documents.stop(deadlineMs),
  }
}

function redisCheck(documents: Pick<OpenedDocuments, 'opened'>): ReadinessCheck {
  return {
    name: 'redis',
    check: async () => {
      await (await documents.opened()).get('agents', '')
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
