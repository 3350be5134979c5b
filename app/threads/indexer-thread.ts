/** The thread that writes the search store. */
import { workerData } from 'node:worker_threads'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { Indexer } from '../../indexer/indexer.ts'
import { PartRoller } from '../../indexer/part-roller.ts'
import { openDocuments, openQueue, openSearchStore } from '../backends.ts'
import { measureQueue, measureStore } from '../measure-backends.ts'
import { buildHealth } from '../roles/health.ts'
import type { ThreadData } from './thread-data.ts'
import { runThread } from './thread-main.ts'

runThread(async () => {
  const { config } = workerData as ThreadData
  const metrics = new Metrics()
  const logger = createLogger({ level: config.log.level, component: 'indexer' })
  const queue = openQueue(config, logger)
  const store = openSearchStore(config, logger)
  const documents = openDocuments(config, logger)
  const { conditions, reporting } = buildHealth({ config, role: 'indexer', queue, documents, metrics, logger })
  const { retentionDays, maxBytes, partBytes: maxPartBytes } = config.store
  const component = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('queue', queue)
    .add('documents', documents)
    .add('store', store)
    .add('health', reporting)
    .add('part roller', new PartRoller({ documents, store, maxPartBytes, metrics, logger }))
    .add('indexer', new Indexer({ queue, store, retentionDays, maxBytes, conditions, metrics, logger }))
  return {
    component,
    metrics,
    measure: () => {
      measureQueue(metrics, queue)
      measureStore(metrics, store)
    },
  }
})
