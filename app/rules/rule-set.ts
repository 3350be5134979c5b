/** Loads the rule set a configuration names. */
import { AppError } from '../../core/model/errors.ts'
import type { Problem } from '../../core/model/problem.ts'
import type { RuleSet } from '../../core/model/rule-set.ts'
import { loadRuleSet } from '../../core/ruleset/load.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import type { Config } from '../config.ts'
import type { RuleFile } from './rule-files.ts'

export interface LoadedRules {
  ruleSet: RuleSet
  warnings: Problem[]
}

/** Throws AppError E_RULES_INVALID with every problem in its message. */
export function compileRules(files: readonly RuleFile[], config: Config): LoadedRules {
  const { ruleSet, problems } = loadRuleSet(files, {
    ruleMatching: config.rules.matching,
    keepEventTypes: config.store.keep,
    scope: config.capture.scope,
  })
  const errors = problems.filter((problem) => problem.severity === 'error')
  if (ruleSet === null || errors.length > 0) {
    throw new AppError(
      'E_RULES_INVALID',
      `The rules have mistakes and are refused as a whole:\n${formatProblems(errors)}`,
    )
  }
  return { ruleSet, warnings: problems }
}
