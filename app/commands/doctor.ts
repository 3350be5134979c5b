/** `seamark doctor`: what this host can see, and for each thing it cannot: why, and how to mend it. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import { dirname } from 'node:path'
import { SYSCALLS } from '../../collector/sources/syscalls/syscall-table.ts'
import { AppError } from '../../core/model/errors.ts'
import type { RuleSet } from '../../core/model/rule-set.ts'
import type { Visibility } from '../../core/model/source.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import type { Config } from '../config.ts'
import { sourcesOf } from '../roles/collector.ts'
import { readRuleFiles } from '../rule-files.ts'
import { compileRules } from '../rule-set.ts'
import { VERSION } from '../version.ts'

/** Seen by hooks of their own rather than as calls. */
const LIFECYCLE = ['clone', 'clone3', 'fork', 'vfork', 'procexit', 'execve', 'execveat'] as const
const LOW_DISK_BYTES = 1024 ** 3

export const doctor: Command = {
  name: 'doctor',
  summary: 'Show what this host can see, and how to mend what it cannot',
  options: { json: { type: 'boolean', doc: 'one JSON object a line' }, ...RULE_OPTIONS, ...COMMON_OPTIONS },
  notes:
    'Changes nothing: kernel programs are loaded for a trial and thrown away. Exits with 1 when something is blind.',
  examples: [
    ['seamark doctor', 'look at this host'],
    ['seamark doctor --json | jq .blind', 'for scripts'],
  ],
  async run(args) {
    const config = commandConfig(args)
    const found: Visibility[] = [programVisibility()]
    for (const source of sourcesOf(config)) found.push(await source.probe())
    found.push(storageVisibility(config), rulesVisibility(config, found), await apiVisibility(config))
    for (const visibility of found) {
      process.stdout.write(args.flag('json') ? `${jsonLine(visibility)}\n` : readable(visibility))
    }
    return found.some(({ blind }) => blind.length > 0) ? EXIT.negative : EXIT.ok
  },
}

function programVisibility(): Visibility {
  const sees = [`Seamark ${VERSION}, Node ${process.versions.node}, kernel ${release()}, ${process.arch}`]
  return { source: 'program', sees, blind: [] }
}

function storageVisibility(config: Config): Visibility {
  // The directory may not be there yet: what counts is the nearest one above it that is.
  let path = config.dataDir
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path)
  try {
    accessSync(path, constants.W_OK)
    const { bavail, bsize } = statfsSync(path)
    const freeBytes = bavail * bsize
    const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`
    if (freeBytes >= LOW_DISK_BYTES) return { source: 'storage', sees: [`${config.dataDir} (${free})`], blind: [] }
    const why = `only ${free}`
    return {
      source: 'storage',
      sees: [],
      blind: [{ what: config.dataDir, why, fix: 'free some space, or lower store.max_bytes' }],
    }
  } catch (error) {
    const why = (error as Error).message
    return {
      source: 'storage',
      sees: [],
      blind: [{ what: config.dataDir, why, fix: 'run as root, or choose another with --data-dir' }],
    }
  }
}

/** Rules that wait for events which nothing here can see. */
function rulesVisibility(config: Config, found: readonly Visibility[]): Visibility {
  let ruleSet: RuleSet
  try {
    ruleSet = compileRules(readRuleFiles(config.rules), config).ruleSet
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return {
      source: 'rules',
      sees: [],
      blind: [{ what: 'rules', why: error.message, fix: 'seamark rules check FILE shows each mistake' }],
    }
  }
  const blindSources = new Set(
    found.filter(({ sees, blind }) => sees.length === 0 && blind.length > 0).map(({ source }) => source),
  )
  const captured = new Set<string>([...Object.keys(SYSCALLS), ...LIFECYCLE])
  const enabled = ruleSet.rules.filter((rule) => rule.enabled)
  const blind = enabled.flatMap((rule) => {
    const sourceName = rule.source === 'docker' ? 'docker-events' : rule.source
    if (blindSources.has(sourceName))
      return [{ what: `rule "${rule.name}"`, why: `the source ${sourceName} is blind`, fix: 'mend that source, above' }]
    if (rule.source !== 'syscall' || rule.eventTypes === null) return []
    const missing = rule.eventTypes.filter((type) => !captured.has(type))
    if (missing.length < rule.eventTypes.length || missing.length === 0) return []
    return [
      { what: `rule "${rule.name}"`, why: `Seamark does not capture ${missing.join(', ')}`, fix: 'disable the rule' },
    ]
  })
  return {
    source: 'rules',
    sees: [`${enabled.length - blind.length} of ${enabled.length} enabled rules have what they need`],
    blind,
  }
}

async function apiVisibility(config: Config): Promise<Visibility> {
  const client = new ApiClient(config)
  const status = await client.status()
  if (status.state === 'down')
    return { source: 'api', sees: [`no Seamark runs at ${client.base} (start one: seamark up)`], blind: [] }
  if (status.state === 'ready') return { source: 'api', sees: [`a Seamark answers at ${client.base}`], blind: [] }
  const fix = `see ${client.base}/readyz, and its log`
  return { source: 'api', sees: [], blind: [{ what: `the Seamark at ${client.base}`, why: status.reason, fix }] }
}

function readable({ source, sees, blind }: Visibility): string {
  const lines = [
    ...sees.map((line) => `  sees   ${safeText(line)}`),
    ...blind.flatMap(({ what, why, fix }) => [
      `  BLIND  ${safeText(what)}`,
      `         why: ${safeText(why)}`,
      `         fix: ${safeText(fix)}`,
    ]),
  ]
  return `${[source, ...lines].join('\n')}\n`
}
