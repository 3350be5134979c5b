/**
 * A host of a deployment: the collector with its queue on disk, the shipper behind it, and the rules of the centre. It
 * watches from its first second, with the rules it had or the shipped ones, whether or not ingest can be reached.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Credentials, enrol, readCredentials } from '../../collector/central/enrolment.ts'
import { IngestClient } from '../../collector/central/ingest-client.ts'
import { createRemoteCommands } from '../../collector/central/remote-commands.ts'
import { RulesFollower } from '../../collector/central/rules-follower.ts'
import { Shipper } from '../../collector/central/shipper.ts'
import { CommandRunner } from '../../collector/commands/command-runner.ts'
import { ConditionReporter } from '../../core/health/condition-reporter.ts'
import { Conditions } from '../../core/health/conditions.ts'
import type { HealthEvent } from '../../core/health/health-event.ts'
import { AppError } from '../../core/model/errors.ts'
import type { RuleSet } from '../../core/model/rule-set.ts'
import { openJournal, openSpool } from '../backends.ts'
import { collectorId } from '../config.ts'
import { claimDataDirectory } from '../data-directory.ts'
import { measureQueue, measureTopics } from '../measure-backends.ts'
import { buildCollector } from '../roles/collector.ts'
import { compilePublished } from '../rules/published-rules.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'
import { readSecret } from '../secret-file.ts'
import { createHealthServer } from './health-server.ts'
import type { ProcessContext } from './process.ts'

const ENROL_WAIT_MS = 2_000

export async function startHost(context: ProcessContext): Promise<string> {
  const { config, logger, metrics, run } = context
  const { url, caFile } = config.central
  if (url === undefined) throw new AppError('E_CONFIG_INVALID', 'A host needs central.url or SEAMARK_CENTRAL_URL')
  const directory = claimDataDirectory(config.dataDir)
  await run('data directory', { start: async () => {}, stop: async () => directory.release() })
  const queue = openSpool(config, logger)
  await run('queue', queue)

  const ca = readSecret(caFile, 'central.ca_file')
  const central = { url, ...(ca === undefined ? {} : { ca }) }
  const credentialsPath = join(config.dataDir, 'agent.json')
  const known = readCredentials(credentialsPath)
  const id = known?.collector ?? collectorId(config)

  const rulesPath = join(config.dataDir, 'rules.json')
  const ruleSet = firstRules(context, rulesPath)
  const conditions = new Conditions({ metrics })
  const epoch = randomBytes(6).toString('hex')
  const built = buildCollector({ config, id, epoch, queue, ruleSet, conditions, metrics, logger })
  await run('collector', built.collector)
  const emit = (event: HealthEvent) => built.collector.reportHealth(event)
  await run('conditions', new ConditionReporter({ conditions, part: `collector@${id}`, emit, metrics, logger }))
  const readMetrics = async () => {
    built.measure()
    measureQueue(metrics, queue)
    await measureTopics(metrics, queue, ['batches', 'dead'])
    return metrics.registry.metrics()
  }
  const check = async () => void (await queue.depth('batches'))
  await run('health', createHealthServer({ ...config.health, logger, readMetrics, check, conditions }))

  // From here on it watches; what it sees waits on its disk until there is somebody to send it to.
  const { key } = known ?? (await enrolWhenPossible(context, central, credentialsPath, id))
  const client = new IngestClient({ ...central, key })
  const follower = new RulesFollower({
    client,
    path: rulesPath,
    logger,
    apply: (rules) => built.collector.useRuleSet(compilePublished(rules, config)),
  })
  await run('rules', follower)
  const onActiveRules = (version: string) => follower.hear(version)
  await run('shipper', new Shipper({ queue, client, conditions, metrics, logger, onActiveRules }))
  const journal = openJournal(config, logger)
  await run('journal', journal)
  const commandClient = new IngestClient({ ...central, key })
  // Stops after those who use it: what they are telling ingest is told.
  await run('command connections', { start: async () => {}, stop: async () => commandClient.close() })
  const commands = { channel: createRemoteCommands(commandClient), actions: built.actions, journal }
  await run('commands', new CommandRunner({ ...commands, sink: built.collector, metrics, logger }))
  await run('connections', { start: async () => {}, stop: async () => client.close() })
  return `Seamark watches ${id} and sends what it sees to ${url}.`
}

/** For as long as it takes until ingest answers. */
async function enrolWhenPossible(
  { config, logger, signal }: ProcessContext,
  central: { url: string; ca?: string },
  path: string,
  id: string,
): Promise<Credentials> {
  const token = readSecret(config.central.tokenFile, 'central.token_file')
  if (token === undefined)
    throw new AppError(
      'E_INGEST_TOKEN',
      'This host is not enrolled: put the output of `seamark agents token` into a file and name it in central.token_file',
    )
  const client = new IngestClient(central)
  try {
    for (let isTold = false; ; isTold = true) {
      try {
        return await enrol(client, path, token, id)
      } catch (error) {
        if (!(error instanceof AppError) || !error.retryable) throw error
        if (!isTold) logger.warn({ err: error }, 'Ingest cannot be reached; this host is enrolled as soon as it can')
        await sleep(ENROL_WAIT_MS, undefined, { signal })
      }
    }
  } finally {
    client.close()
  }
}

/** What it had when it last ran, if that still loads; else the rules of its own configuration. */
function firstRules({ config, logger }: ProcessContext, path: string): RuleSet {
  const stored = RulesFollower.stored(path)
  if (stored !== null) {
    try {
      return compilePublished(stored, config)
    } catch (error) {
      logger.warn({ err: error }, 'The rules of the last run cannot be used')
    }
  }
  return compileRules(readRuleFiles(config.rules), config).ruleSet
}
