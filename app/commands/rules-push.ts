/** `seamark rules push`: makes rules those of the whole deployment. */
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { requireDeployment } from '../distributed/process.ts'
import { withDocuments } from '../distributed/with-documents.ts'
import { publishRules } from '../rules/published-rules.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

export const rulesPush: Command = {
  name: 'rules push',
  summary: 'Publish rules to all hosts and analyzers of a deployment',
  options: { ...RULE_OPTIONS, ...COMMON_OPTIONS },
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
    const ruleSet = await withDocuments(config, (documents) => publishRules(documents, files, config))
    const enabled = ruleSet.rules.filter((rule) => rule.enabled).length
    process.stdout.write(`${countOf(enabled, 'enabled rule')} published, version ${ruleSet.version}\n`)
    return EXIT.ok
  },
}
