/**
 * The embedded shape: everything in one process, a thread each for capture, analysis and the store's writer, so that
 * the API stays quick under load. Only files in `app/` know of this shape.
 */
import { randomBytes } from 'node:crypto'
import { AggregatorRegistry } from 'prom-client'
import { AppError } from '../../core/model/errors.ts'
import { Lifecycle } from '../../core/runtime/lifecycle.ts'
import { createLogger } from '../../core/runtime/logging.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { exposureWarning, publishAddress, withdrawAddress } from '../api-address.ts'
import { countOf } from '../command-line.ts'
import { type Config, collectorId } from '../config.ts'
import { claimDataDirectory } from '../data-directory.ts'
import { buildApi } from '../roles/api.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'
import { Thread, type ThreadMetrics } from '../threads/thread.ts'
import type { TerminalConfig, ThreadData } from '../threads/thread-data.ts'
import { VERSION } from '../version.ts'
import { furtherCommand } from './further-command.ts'

export interface EmbeddedOptions {
  config: Config
  /** Null: no alerts on the terminal. */
  terminal: TerminalConfig | null
  /** A part died; the program should end so that whoever supervises it starts it afresh. */
  onFatal?: (message: string) => void
}

export interface Embedded {
  /** Where the API listens, such as http://127.0.0.1:7327. */
  address: string
  /** What to tell a person who just started it. */
  greeting: string
  /**
   * Reads the rule files again, one reading after the other; says what came of it and never rejects. Mistakes leave the
   * previous rules active.
   */
  reloadRules(): Promise<string>
  stop(): Promise<void>
}

/** Throws AppError: bad configuration or rules, a busy data directory, a taken port. */
export async function startEmbedded({ config, terminal, onFatal = () => {} }: EmbeddedOptions): Promise<Embedded> {
  const logger = createLogger({ level: config.log.level, component: 'main' })
  const metrics = new Metrics()
  const ruleFiles = readRuleFiles(config.rules)
  const { ruleSet, warnings } = compileRules(ruleFiles, config)
  metrics.set('seamark_rules_loaded', ruleSet.rules.filter((rule) => rule.enabled).length)
  for (const warning of warnings) logger.info({ problem: warning }, 'A rule file has a warning')

  const directory = claimDataDirectory(config.dataDir)
  const data: ThreadData = {
    config,
    collector: collectorId(config),
    epoch: randomBytes(6).toString('hex'),
    ruleFiles,
    terminal,
  }
  const onDeath = (name: string, error: Error) => {
    logger.error({ err: error, thread: name }, 'A thread ended; Seamark cannot go on without it')
    onFatal(`the ${name} ended unexpectedly: ${error.message}`)
  }
  const onFailure = (name: string, request: string, error: unknown) => {
    metrics.add('seamark_thread_failures_total', 1, { thread: name, request })
    logger.error({ err: error, thread: name, request }, 'A thread could not do what it was asked, and goes on without')
  }
  const threads = (['indexer', 'analyzer', 'collector'] as const).map(
    (name) =>
      new Thread({ name, module: new URL(`../threads/${name}-thread.ts`, import.meta.url), data, onDeath, onFailure }),
  )
  const [indexer, analyzer, collector] = threads as [Thread, Thread, Thread]
  const api = buildApi({
    config,
    logger,
    readMetrics: async () => {
      const own = (await metrics.registry.getMetricsAsJSON()) as ThreadMetrics
      const all = await Promise.all(threads.map((thread) => thread.metrics()))
      return AggregatorRegistry.aggregate([own, ...all]).metrics()
    },
  })
  // Stopped in reverse: first nothing new comes in, then what is under way is finished.
  const lifecycle = new Lifecycle((name, error) =>
    logger.error({ err: error, part: name }, 'A part did not stop in time'),
  )
    .add('indexer', indexer)
    .add('analyzer', analyzer)
    .add('api', api)
    .add('collector', collector)
  try {
    await lifecycle.start()
  } catch (error) {
    directory.release()
    throw error
  }
  /** The analyzer learns the new rules first, so that it knows those that the collector then stamps on batches. */
  const reload = async (): Promise<string> => {
    try {
      const files = readRuleFiles(config.rules)
      const loaded = compileRules(files, config).ruleSet
      await analyzer.reloadRules(files)
      await collector.reloadRules(files)
      const enabled = loaded.rules.filter((rule) => rule.enabled).length
      metrics.set('seamark_rules_loaded', enabled)
      metrics.add('seamark_rules_reloads_total', 1, { result: 'accepted' })
      return `rules read again: ${countOf(enabled, 'rule')}, version ${loaded.version}`
    } catch (error) {
      metrics.add('seamark_rules_reloads_total', 1, { result: 'refused' })
      // Mistakes of the user's are told to the user; anything else is ours to log too.
      if (!(error instanceof AppError && error.code === 'E_RULES_INVALID'))
        logger.error({ err: error }, 'The rules could not be replaced')
      return `${error instanceof Error ? error.message : String(error)}\nthe previous rules stay active`
    }
  }
  let reloaded = Promise.resolve('')
  const address = api.address()
  const publishing = publishWhenPossible(config.dataDir, address, (error) =>
    onFailure('main', 'publish-address', error),
  )
  const blind = blindSources(await collector.metrics())
  return {
    address,
    greeting: [
      `Seamark ${VERSION} watches ${data.collector} with ${countOf(ruleSet.rules.filter((rule) => rule.enabled).length, 'rule')}.`,
      ...(blind.length === 0
        ? []
        : [
            `BLIND: ${blind.join(' and ')} cannot be seen; ${furtherCommand('doctor', config)} says why and what helps.`,
          ]),
      `Alerts appear below; REST API: ${address}/api/v1/alerts; data: ${config.dataDir}.`,
      ...exposureWarning(config.api.host, address),
      `What this host can see: ${furtherCommand('doctor', config)}`,
      `Four attacks to try it: ${furtherCommand('demo', config)}`,
    ].join('\n'),
    reloadRules: () => {
      reloaded = reloaded.then(reload)
      return reloaded
    },
    stop: async () => {
      await lifecycle.stop(config.shutdown.deadlineMs)
      clearInterval(publishing)
      withdrawAddress(config.dataDir)
      directory.release()
    },
  }
}

const PUBLISH_AGAIN_MS = 5_000
const SOURCE_NAMES: Readonly<Record<string, string>> = { syscall: 'system calls', 'docker-events': "Docker's events" }

/** A full disk at the start must not keep the command line from finding this Seamark for good. */
function publishWhenPossible(
  dataDir: string,
  address: string,
  onFailure: (error: unknown) => void,
): NodeJS.Timeout | undefined {
  const publish = (): boolean => {
    try {
      publishAddress(dataDir, address)
      return true
    } catch {
      return false
    }
  }
  if (publish()) return undefined
  onFailure(new Error(`the address of the API cannot be written to ${dataDir} yet`))
  const timer = setInterval(() => {
    if (publish()) clearInterval(timer)
  }, PUBLISH_AGAIN_MS)
  return timer
}

/** What the collector's sources do not see now, in words. */
function blindSources(metrics: ThreadMetrics): string[] {
  const values = metrics.find(({ name }) => name === 'seamark_source_up')?.values ?? []
  return values.flatMap(({ value, labels }) => {
    const source = String((labels as { source?: unknown }).source)
    return value === 0 ? [SOURCE_NAMES[source] ?? source] : []
  })
}
