/** `seamark rules push`: makes rules those of the whole deployment. */
import { AppError } from '../../core/model/errors.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { requireDeployment } from '../distributed/process.ts'
import { withDocuments } from '../distributed/with-documents.ts'
import { publishRules } from '../rules/published-rules.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'

export const rulesPush: Command = {
  name: 'rules push',
  summary: 'Publish rules to all hosts and analyzers of a deployment',
  options: {
    'allow-empty': { type: 'boolean', doc: 'also publish a set without an enabled rule, which detects nothing' },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Needs redis.url. Rules with a mistake are refused as a whole and those in force stay. What arrives from then on is\n' +
    'judged by the new ones; what arrived before, by the old.',
  examples: [
    ['seamark rules push', 'the shipped rules'],
    ['seamark rules push --rules ./my-rules', 'with rules of your own'],
  ],
  async run(args) {
    const config = commandConfig(args)
    requireDeployment(config, 'redis')
    const files = readRuleFiles(config.rules)
    const enabled = compileRules(files, config).ruleSet.rules.filter((rule) => rule.enabled).length
    if (enabled === 0 && !args.flag('allow-empty'))
      throw new AppError('E_RULES_INVALID', 'No rule of these is enabled: nothing would be detected (--allow-empty)')
    const ruleSet = await withDocuments(config, (documents) => publishRules(documents, files, config))
    process.stdout.write(`${countOf(enabled, 'enabled rule')} published, version ${ruleSet.version}\n`)
    return EXIT.ok
  },
}
