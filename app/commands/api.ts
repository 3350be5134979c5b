/** `seamark api`: the REST API and live tail of a deployment. */
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command } from '../command-line.ts'
import { requireDeployment, runProcess } from '../distributed/process.ts'
import { buildApi } from '../roles/api.ts'

export const api: Command = {
  name: 'api',
  summary: 'Serve the REST API of a deployment',
  options: COMMON_OPTIONS,
  notes: 'Needs redis.url and elasticsearch.url.',
  examples: [['seamark api', 'with the addresses of the configuration']],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis', 'elasticsearch')
    return runProcess('api', config, async ({ run, logger, metrics }) => {
      const server = buildApi({ config, logger, readMetrics: () => metrics.registry.metrics() })
      await run('api', server)
      return `Seamark API: ${server.address()}/api/v1/alerts`
    })
  },
}
