/** The rules of a deployment: published as a whole once they load without mistakes, kept by version. */
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { ACTIVE_RULES, type ActiveRules, type PublishedRules, RULES_SPACE } from '../../core/model/published-rules.ts'
import type { RuleSet } from '../../core/model/rule-set.ts'
import type { Config } from '../config.ts'
import type { RuleFile } from './rule-files.ts'
import { compileRules } from './rule-set.ts'

/** Versions that stay, for batches that were stamped with them and for going back. */
const MAX_VERSIONS = 50
const MAX_TRIES = 5

/** Throws AppError E_RULES_INVALID with every problem, and the active rules stay; returns what is active now. */
export async function publishRules(documents: Documents, files: readonly RuleFile[], config: Config): Promise<RuleSet> {
  const { ruleSet } = compileRules(files, config)
  const { version } = ruleSet
  const published: PublishedRules = {
    version,
    files: [...files],
    matching: config.rules.matching,
    publishedMs: Date.now(),
  }
  await documents.put(RULES_SPACE, version, published, 0)
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const active = await documents.get(RULES_SPACE, ACTIVE_RULES)
    const value: ActiveRules = { version, sinceMs: Date.now() }
    if (!(await documents.put(RULES_SPACE, ACTIVE_RULES, value, active?.version ?? 0))) continue
    await forgetOld(documents, version)
    return ruleSet
  }
  throw new AppError(
    'E_RULES_INVALID',
    'Others publish rules at the same time; look at what is active, and try again',
    {
      retryable: true,
    },
  )
}

/** The rules that judge what arrives now; null while none were published. */
export async function activeRules(documents: Documents): Promise<PublishedRules | null> {
  const active = (await documents.get(RULES_SPACE, ACTIVE_RULES))?.value as ActiveRules | undefined
  return active === undefined ? null : publishedRules(documents, active.version)
}

export async function publishedRules(documents: Documents, version: string): Promise<PublishedRules | null> {
  if (version === ACTIVE_RULES) return null
  return ((await documents.get(RULES_SPACE, version))?.value as PublishedRules | undefined) ?? null
}

/** With its publisher's order of matching; what is kept and captured is this process's own affair. Throws AppError E_RULES_INVALID where this version of Seamark cannot read it. */
export function compilePublished(published: PublishedRules, config: Config): RuleSet {
  const rules = { ...config.rules, matching: published.matching }
  return compileRules(published.files, { ...config, rules }).ruleSet
}

async function forgetOld(documents: Documents, active: string): Promise<void> {
  const all = (await documents.scan(RULES_SPACE, '', 10_000)).filter(
    ({ key }) => key !== ACTIVE_RULES && key !== active,
  )
  const age = ({ value }: { value: unknown }) => (value as PublishedRules).publishedMs
  const old = all.sort((a, b) => age(b) - age(a)).slice(MAX_VERSIONS - 1)
  for (const { key, version } of old) await documents.remove(RULES_SPACE, key, version)
}
