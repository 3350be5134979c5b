/** Rules that loaded, with their definitions at hand: what the commands for writers of rules look at. */
import { nearestName } from '../../core/language/nearest-name.ts'
import { AppError } from '../../core/model/errors.ts'
import { type ReadyRule, readRules } from '../../core/ruleset/load.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import type { RuleFile } from './rule-files.ts'

export type CheckedRules = ReturnType<typeof readRules>

/** Throws AppError E_RULES_INVALID with every error. */
export function checkedRules(files: readonly RuleFile[]): CheckedRules {
  const checked = readRules(files)
  const errors = checked.problems.filter(({ severity }) => severity === 'error')
  if (errors.length > 0)
    throw new AppError(
      'E_RULES_INVALID',
      `The rules have mistakes; see: seamark rules check\n${formatProblems(errors)}`,
    )
  return checked
}

/** Throws AppError E_USAGE, with the nearest name, where there is no such rule. */
export function ruleNamed({ rules }: CheckedRules, name: string): ReadyRule {
  const found = rules.find(({ definition }) => definition.name === name)
  if (found !== undefined) return found
  const near = nearestName(
    name,
    rules.map(({ definition }) => definition.name),
  )
  const hint = near === undefined ? '; see: seamark rules list --all' : `; did you mean '${near}'?`
  throw new AppError('E_USAGE', `There is no rule '${name}'${hint}`)
}
