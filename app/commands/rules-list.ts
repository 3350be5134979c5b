/** `seamark rules list`: the rules that would be active. */
import type { RuleInfo } from '../../core/model/rule-set.ts'
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
      process.stdout.write(args.flag('json') ? `${jsonLine(rule)}\n` : lineOf(rule))
    }
    if (!args.flag('json')) process.stdout.write(`${countOf(rules.length, 'rule')}\n`)
    return EXIT.ok
  },
}

function lineOf({ priority, enabled, name, source, defined, changed }: RuleInfo): string {
  const place = `${safeText(defined.file)}:${defined.line}`
  const change = changed === null ? '' : `, changed in ${safeText(changed.file)}:${changed.line}`
  const mark = enabled ? ' ' : '-'
  return `${priority.padEnd(13)} ${mark} ${safeText(name).padEnd(60)} ${source.padEnd(8)} ${place}${change}\n`
}
