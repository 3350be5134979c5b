/** The thread of the analyzer and of alerting: batches in, detections, alerts and notifications out. */
import { workerData } from 'node:worker_threads'
import { Alerting } from '../../alerts/alerting.ts'
import { notificationTopic } from '../../alerts/notify/destination.ts'
import { Outbox } from '../../alerts/notify/outbox.ts'
import { Analyzer } from '../../analyzer/analyzer.ts'
import { DeadLetters } from '../../analyzer/dead-letters.ts'
import { QueueWatch } from '../../core/health/queue-watch.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { documentsOf } from '../../indexer/event-documents.ts'
import { openDocuments, openFeed, openQueue } from '../backends.ts'
import { destinationsOf } from '../destinations.ts'
import { measureQueue, measureTopics } from '../measure-backends.ts'
import { buildHealth } from '../roles/health.ts'
import { compilePublished, publishedRules } from '../rules/published-rules.ts'
import { compileRules } from '../rules/rule-set.ts'
import type { ThreadData } from './thread-data.ts'
import { runThread } from './thread-main.ts'

runThread(async () => {
  const { config, ruleFiles, terminal } = workerData as ThreadData
  const metrics = new Metrics()
  const logger = createLogger({ level: config.log.level, component: 'analyzer' })
  const queue = openQueue(config, logger)
  const documents = openDocuments(config, logger)
  const feed = openFeed(config, logger)
  const { conditions, reporting } = buildHealth({ config, role: 'analyzer', queue, documents, metrics, logger })
  const destinations = destinationsOf(config, terminal, process.stdout)
  const notifyTopics = destinations.map(({ name }) => notificationTopic(name))
  const analyzer = new Analyzer({
    queue,
    ruleSet: compileRules(ruleFiles, config).ruleSet,
    metrics,
    logger,
    loadRuleSet: async (version) => {
      const published = await publishedRules(documents, version)
      return published === null ? null : compilePublished(published, config)
    },
    onBatch: (header, batch, envelope) => {
      if (!feed.hasSubscribers('event')) return
      const items = [...documentsOf(header, batch, envelope)]
      feed.publish(items.map(({ kind, id, timeMs, body }) => ({ kind, id, timeMs, body })))
    },
  })
  const component = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('queue', queue)
    .add('documents', documents)
    .add('feed', feed)
    .add('health', reporting)
    .add('outbox', new Outbox({ queue, documents, destinations, metrics, logger }))
    .add(
      'outbox watch',
      new QueueWatch({ queue, topics: notifyTopics, conditions, condition: 'notify.waiting', metrics, logger }),
    )
    .add(
      'alerting',
      new Alerting({
        queue,
        documents,
        feed,
        destinations: destinations.map(({ name }) => name),
        retentionDays: config.store.retentionDays,
        metrics,
        logger,
      }),
    )
    .add('dead letters', new DeadLetters({ queue, documents, conditions, metrics, logger }))
    .add('analyzer', analyzer)
  return {
    component,
    metrics,
    measure: async () => {
      measureQueue(metrics, queue)
      await measureTopics(metrics, queue, ['batches', 'detections', 'index', ...notifyTopics, 'dead'])
    },
    onRules: async (files) => analyzer.useRuleSet(compileRules(files, config).ruleSet),
  }
})
