/**
 * The collector role in a process of its own, as it runs on a host: capture, identity, edge filter, durable queue.
 * Arguments: directory of the queue, then rule files; `--once` ends it as soon as it has started. Empties its queue, so that only the collector's work is measured.
 */
import { readConfig } from '../../app/config.ts'
import { buildCollector } from '../../app/roles/collector.ts'
import { readRuleFiles } from '../../app/rules/rule-files.ts'
import { compileRules } from '../../app/rules/rule-set.ts'
import { createSqliteQueue } from '../../backends/sqlite/queue.ts'
import { Conditions } from '../../core/health/conditions.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'

const isOnce = process.argv.includes('--once')
const [directory, ...paths] = process.argv.slice(2).filter((argument) => argument !== '--once')
const keep = process.env.SEAMARK_BENCH_KEEP
const base = readConfig(undefined)
const config = {
  ...base,
  ...(keep === undefined ? {} : { store: { ...base.store, keep: [] } }),
  rules: { ...base.rules, builtin: paths.length === 0, paths },
}
const metrics = new Metrics()
const logger = createLogger({ level: 'warn', component: 'collector' })
const queue = createSqliteQueue({ directory: directory!, maxBytes: 4 * 1024 ** 3 })
const { ruleSet } = compileRules(readRuleFiles(config.rules), config)
const { collector } = buildCollector({
  config,
  id: 'bench',
  epoch: String(Date.now()),
  queue,
  ruleSet,
  conditions: new Conditions({ metrics }),
  metrics,
  logger,
})
await queue.start()
await collector.start()
process.send?.({ kind: 'started' })
if (isOnce) {
  await collector.stop(2_000)
  await queue.stop(2_000)
  process.exit(0)
}
process.on('message', (message: string) => {
  if (message === 'metrics') {
    void metrics.registry.getMetricsAsJSON().then((all) => {
      const { user, system } = process.cpuUsage()
      process.send?.({ kind: 'metrics', metrics: all, cpuSeconds: (user + system) / 1e6 })
    })
  }
})
