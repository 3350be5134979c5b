/** `seamark analyzer`: judges what the hosts of a deployment send, and indexes it. Any number of them share the work. */
import { setTimeout as sleep } from 'node:timers/promises'
import { AggregatorRegistry } from 'prom-client'
import { openDocuments } from '../backends.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command } from '../command-line.ts'
import { collectorId } from '../config.ts'
import { formatOf } from '../destinations.ts'
import { createHealthServer } from '../distributed/health-server.ts'
import { requireDeployment, runProcess } from '../distributed/process.ts'
import { activeRules } from '../rules/published-rules.ts'
import { Thread, type ThreadMetrics } from '../threads/thread.ts'
import type { ThreadData } from '../threads/thread-data.ts'

const RULES_MS = 1_000

export const analyzer: Command = {
  name: 'analyzer',
  summary: 'Judge and index what the hosts of a deployment send',
  options: {
    json: { type: 'boolean', doc: "print alerts as one JSON object a line, in Falco's shape" },
    ...COMMON_OPTIONS,
  },
  notes:
    'Needs redis.url and elasticsearch.url. Start as many as there is work: each takes what the others leave. Detection\n' +
    'goes on while Elasticsearch is away; what is to be indexed waits on Redis.',
  examples: [['seamark analyzer', 'with the addresses of the configuration']],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis', 'elasticsearch')
    return runProcess('analyzer', config, async ({ run, logger, metrics, signal, fail }) => {
      const documents = openDocuments(config, logger)
      await run('documents', documents)
      let rules = await activeRules(documents)
      for (let isTold = false; rules === null; rules = await activeRules(documents)) {
        if (!isTold) process.stderr.write('Seamark analyzer waits for rules: start ingest, or seamark rules push\n')
        isTold = true
        await sleep(RULES_MS, undefined, { signal })
      }
      const data: ThreadData = {
        config: { ...config, rules: { ...config.rules, matching: rules.matching } },
        collector: collectorId(config),
        epoch: '',
        ruleFiles: rules.files,
        terminal: {
          format: args.flag('json') ? formatOf(config, 'json') : 'line',
          colours: process.stdout.isTTY === true,
        },
      }
      const onDeath = (name: string, error: Error) => fail(`the ${name} ended unexpectedly: ${error.message}`)
      const onFailure = (thread: string, request: string, error: unknown) => {
        metrics.add('seamark_thread_failures_total', 1, { thread, request })
        logger.error({ err: error, thread, request }, 'A thread could not do what it was asked, and goes on without')
      }
      const threads = (['indexer', 'analyzer'] as const).map((name) => {
        const module = new URL(`../threads/${name}-thread.ts`, import.meta.url)
        return new Thread({ name, module, data, onDeath, onFailure })
      })
      for (const [i, thread] of threads.entries()) await run(['indexer', 'analyzer'][i]!, thread)
      const readMetrics = async () => {
        const own = (await metrics.registry.getMetricsAsJSON()) as ThreadMetrics
        return AggregatorRegistry.aggregate([own, ...(await Promise.all(threads.map((t) => t.metrics())))]).metrics()
      }
      const check = async () => void (await documents.get('agents', ''))
      await run('health', createHealthServer({ ...config.health, logger, readMetrics, check }))
      return `Seamark analyzer judges with rules ${rules.version}.`
    })
  },
}
