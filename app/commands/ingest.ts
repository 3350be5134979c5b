/** `seamark ingest`: takes batches from the hosts of a deployment. */
import { readFileSync } from 'node:fs'
import { QueueWatch } from '../../core/health/queue-watch.ts'
import { AppError } from '../../core/model/errors.ts'
import { createIngest } from '../../ingest/server.ts'
import { openDocuments, openQueue, openRedisMonitor } from '../backends.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, RULE_OPTIONS } from '../command-line.ts'
import type { Config } from '../config.ts'
import { requireDeployment, runProcess } from '../distributed/process.ts'
import { measureQueue, measureTopics } from '../measure-backends.ts'
import { buildHealth } from '../roles/health.ts'
import { activeRules, publishRules } from '../rules/published-rules.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

export const ingest: Command = {
  name: 'ingest',
  summary: 'Take batches from the hosts of a deployment',
  options: { ...RULE_OPTIONS, ...COMMON_OPTIONS },
  notes: 'Needs redis.url. Where no rules were published yet, publishes those that it is given.',
  examples: [
    ['seamark ingest', 'with the addresses of the configuration'],
    ['SEAMARK_REDIS_URL=redis://127.0.0.1:6379 seamark ingest', 'with a Redis on this machine'],
  ],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis')
    const tls = readTls(config)
    return runProcess('ingest', config, async ({ run, logger, metrics }) => {
      const queue = openQueue(config, logger)
      const documents = openDocuments(config, logger)
      await run('queue', queue)
      await run('documents', documents)
      const health = buildHealth({ config, role: 'ingest', queue, documents, metrics, logger })
      const { conditions } = health
      await run('health', health.reporting)
      const monitor = openRedisMonitor(config, conditions, metrics)
      if (monitor !== null) await run('redis monitor', monitor)
      const topics = ['batches', 'detections', 'index'] as const
      await run(
        'queue watch',
        new QueueWatch({ queue, topics, conditions, condition: 'queue.waiting', metrics, logger }),
      )
      if ((await activeRules(documents)) === null) await publishRules(documents, readRuleFiles(config.rules), config)
      const { host, port } = config.ingest
      const readMetrics = async () => {
        measureQueue(metrics, queue)
        await measureTopics(metrics, queue, ['batches'])
        return metrics.registry.metrics()
      }
      const tlsOptions = tls === null ? {} : { tls }
      const backends = { queue, documents, conditions, metrics, readMetrics, logger }
      const server = createIngest({ host, port, ...tlsOptions, ...backends })
      await run('ingest', server)
      return `Seamark ingest listens on ${server.address()}. Enrol a host: seamark agents token`
    })
  },
}

function readTls({ ingest: { certificateFile, keyFile } }: Config): { certificate: string; key: string } | null {
  if (certificateFile === undefined && keyFile === undefined) return null
  if (certificateFile === undefined || keyFile === undefined)
    throw new AppError('E_CONFIG_INVALID', 'ingest.certificate_file and ingest.key_file belong together')
  try {
    return { certificate: readFileSync(certificateFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  } catch (cause) {
    throw new AppError('E_CONFIG_INVALID', `The certificate of ingest cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}
