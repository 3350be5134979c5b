/** `seamark rules list`: the rules that would be active. */
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { compileRules } from '../rules/rule-set.ts'

export const rulesList: Command = {
  name: 'rules list',
  summary: 'List the rules that are active',
  options: {
    all: { type: 'boolean', short: 'a', doc: 'disabled rules too' },
    json: { type: 'boolean', doc: 'one JSON object a line' },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  examples: [
    ['seamark rules list', 'the shipped rules'],
    ['seamark rules list --rules falco_rules.yaml --json', 'with more, for scripts'],
  ],
  async run(args) {
    const config = commandConfig(args)
    const { ruleSet } = compileRules(readRuleFiles(config.rules), config)
    const rules = ruleSet.rules.filter((rule) => rule.enabled || args.flag('all'))
    for (const rule of rules) {
      process.stdout.write(
        args.flag('json')
          ? `${jsonLine(rule)}\n`
          : `${rule.priority.padEnd(13)} ${rule.enabled ? ' ' : '-'} ${safeText(rule.name).padEnd(60)} ${rule.source.padEnd(8)} ${safeText(rule.file)}:${rule.line}\n`,
      )
    }
    if (!args.flag('json')) process.stdout.write(`${countOf(rules.length, 'rule')}\n`)
    return EXIT.ok
  },
}
