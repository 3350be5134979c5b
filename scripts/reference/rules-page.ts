/** docs/reference/rules.md: the shipped rules, as they are loaded. */
import { readConfig } from '../../app/config.ts'
import { readRuleFiles } from '../../app/rules/rule-files.ts'
import { compileRules } from '../../app/rules/rule-set.ts'
import type { RuleInfo } from '../../core/model/rule-set.ts'
import { code, codes, page, section, tableOf } from './markdown.ts'

const SOURCES: Readonly<Record<string, string>> = {
  syscall: 'system calls (root, or CAP_BPF and CAP_PERFMON)',
  docker: 'the Docker socket',
  health: "nothing: Seamark's own health",
}

export function rulesPage(): string {
  const config = readConfig('/dev/null', {})
  const { ruleSet } = compileRules(readRuleFiles({ builtin: true, paths: [] }), config)
  return page(
    'Shipped rules',
    'Loaded unless `rules.builtin` is false; change them by lists and macros, or by a rule of the same name in a file of your ' +
      'own. `seamark rules list` shows what is active, `seamark rules test` runs the tests inside the files. Source: `rules/`.',
    tableOf(
      ['rule', 'priority', 'what it finds'],
      ruleSet.rules.map((rule) => [code(rule.name), rule.priority, rule.description.trim()]),
    ),
    ...ruleSet.rules.map((rule) => section(rule.name, rule.description.trim(), tableOf(['', ''], facts(rule)))),
  )
}

function facts({ priority, source, eventTypes, tags, file, enabled }: RuleInfo): string[][] {
  return [
    ['priority', priority],
    ['needs', SOURCES[source] ?? source],
    ['events', eventTypes === null ? 'all of its source' : codes(eventTypes)],
    ['tags', codes([...tags].sort())],
    ['file', code(file)],
    ...(enabled ? [] : [['enabled', 'no']]),
  ]
}
