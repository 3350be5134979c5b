/** The thread of the collector: sources in, sealed batches out. */
import { workerData } from 'node:worker_threads'
import { CommandRunner } from '../../collector/commands/command-runner.ts'
import { CommandDesk } from '../../core/commands/command-desk.ts'
import { ConditionReporter } from '../../core/health/condition-reporter.ts'
import { Conditions } from '../../core/health/conditions.ts'
import type { HealthEvent } from '../../core/health/health-event.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { openDocuments, openLocalStore, openQueue } from '../backends.ts'
import { createEnvelopeStamp } from '../embedded/envelope-stamp.ts'
import { measureQueue } from '../measure-backends.ts'
import { buildCollector } from '../roles/collector.ts'
import { compileRules } from '../rules/rule-set.ts'
import type { ThreadData } from './thread-data.ts'
import { runThread } from './thread-main.ts'

runThread(async () => {
  const { config, collector: id, epoch, ruleFiles } = workerData as ThreadData
  const metrics = new Metrics()
  const logger = createLogger({ level: config.log.level, component: 'collector' })
  const queue = openQueue(config, logger)
  const store = openLocalStore(config, logger, true)
  const documents = openDocuments(config, logger)
  const conditions = new Conditions({ metrics })
  const { ruleSet } = compileRules(ruleFiles, config)
  const built = buildCollector({
    config,
    id,
    epoch,
    queue,
    ruleSet,
    conditions,
    metrics,
    logger,
    stamp: createEnvelopeStamp({ currentPart: (day) => store.currentPart(day) }),
  })
  const desk = new CommandDesk({
    documents,
    onError: (error) => logger.error({ err: error }, 'Commands are not heard'),
  })
  const emit = (event: HealthEvent) => built.collector.reportHealth(event)
  const component = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('queue', queue)
    .add('store', store)
    .add('documents', documents)
    .add('collector', built.collector)
    .add('desk', desk)
    .add(
      'commands',
      new CommandRunner({
        channel: desk.channel(id),
        actions: built.actions,
        journal: documents,
        sink: built.collector,
        metrics,
        logger,
      }),
    )
    .add('health', new ConditionReporter({ conditions, part: `collector@${id}`, documents, emit, metrics, logger }))
  return {
    component,
    metrics,
    measure: () => {
      built.measure()
      measureQueue(metrics, queue)
    },
    onRules: (files) => built.collector.useRuleSet(compileRules(files, config).ruleSet),
  }
})
