/** What `doctor` finds on the machine it runs on, whether or not a Seamark runs there. */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs'
import { release } from 'node:os'
import { dirname } from 'node:path'
import { SYSCALLS } from '../../collector/sources/syscalls/syscall-table.ts'
import { AppError } from '../../core/model/errors.ts'
import type { RuleSet } from '../../core/model/rule-set.ts'
import type { Visibility } from '../../core/model/source.ts'
import type { Config } from '../config.ts'
import { sourcesOf } from '../roles/collector.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'
import { VERSION } from '../version.ts'

/** Seen by hooks of their own rather than as calls. */
const LIFECYCLE = ['clone', 'clone3', 'fork', 'vfork', 'procexit', 'execve', 'execveat'] as const
const LOW_DISK_BYTES = 1024 ** 3

/** Program, sources, storage and rules. Kernel programs are loaded for a trial and thrown away. */
export async function thisMachine(config: Config): Promise<Visibility[]> {
  const found: Visibility[] = [programVisibility()]
  for (const source of sourcesOf(config)) found.push(await source.probe())
  found.push(storageVisibility(config), rulesVisibility(config, found))
  return found
}

function programVisibility(): Visibility {
  const sees = [`Seamark ${VERSION}, Node ${process.versions.node}, kernel ${release()}, ${process.arch}`]
  return { source: 'program', sees, blind: [] }
}

/** Free space where data is kept, or will be. */
export function storageVisibility(config: Pick<Config, 'dataDir'>): Visibility {
  // The directory may not be there yet: what counts is the nearest one above it that is.
  let path = config.dataDir
  while (!existsSync(path) && dirname(path) !== path) path = dirname(path)
  try {
    accessSync(path, constants.W_OK)
    const { bavail, bsize } = statfsSync(path)
    const freeBytes = bavail * bsize
    const free = `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`
    const place = path === config.dataDir ? path : `${config.dataDir}, which is not there yet and will be made`
    if (freeBytes >= LOW_DISK_BYTES) return { source: 'storage', sees: [`${place} (${free})`], blind: [] }
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
