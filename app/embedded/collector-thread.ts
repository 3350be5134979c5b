/** The thread of the collector: sources in, sealed batches out. */
import { workerData } from 'node:worker_threads'
import { storageDay } from '../../core/batch/storage-day.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { buildCollector } from '../roles/collector.ts'
import { compileRules } from '../rule-set.ts'
import { openQueue } from './backends.ts'
import type { ThreadData } from './thread-data.ts'
import { runThread } from './thread-main.ts'

runThread(async () => {
  const { config, collector: id, epoch, ruleFiles } = workerData as ThreadData
  const metrics = new Metrics()
  const logger = createLogger({ level: config.log.level, component: 'collector' })
  const queue = openQueue(config, logger)
  const { ruleSet } = compileRules(ruleFiles, config)
  const built = buildCollector({
    config,
    id,
    epoch,
    queue,
    ruleSet,
    metrics,
    logger,
    // In one process the collector's own offer is where a batch becomes durable, so it stamps what ingest would.
    stamp: () => {
      const receivedMs = Date.now()
      return { receivedMs, ruleset: ruleSet.version, parts: { [storageDay(receivedMs, receivedMs)]: 0 } }
    },
  })
  const component = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('queue', queue)
    .add('collector', built.collector)
  return {
    component,
    metrics,
    measure: built.measure,
    onRules: (files) => built.collector.useRuleSet(compileRules(files, config).ruleSet),
  }
})
