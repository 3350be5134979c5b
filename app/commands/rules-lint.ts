/** `seamark rules lint`: what loads and is hardly meant. */
import { lintRules } from '../../core/lint/lint.ts'
import { AppError } from '../../core/model/errors.ts'
import type { SourceName } from '../../core/model/event.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { jsonLine } from '../../core/runtime/safe-text.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

export const rulesLint: Command = {
  name: 'rules lint',
  summary: 'Find rules that can never match, values no event has, and names nobody uses',
  operands: '[FILE…]',
  options: {
    json: { type: 'boolean', doc: 'one JSON object a line' },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Codes: L_RULE_DEAD, L_PART_DEAD, L_RULE_SHADOWED (with rule matching first), L_RULE_SOURCE_OFF,\n' +
    'L_VALUE_NEVER_MATCHES, L_VALUE_REPEATED, L_LIST_EMPTY, W_RULE_FIELD_NEVER_FILLED, W_MACRO_UNUSED, W_LIST_UNUSED, W_LIST_UNKNOWN, W_LIST_LATER.\n' +
    'Exits with 1 when something was found.',
  examples: [
    ['seamark rules lint my-rules.yaml', 'yours, after the shipped ones'],
    ['seamark rules lint --no-builtin-rules falco_rules.yaml --rule-matching first', 'as Falco would ask them'],
  ],
  async run(args) {
    const config = commandConfig(args)
    const paths = [...config.rules.paths, ...args.operands]
    const disabledSources: SourceName[] = [
      ...(config.capture.enabled ? [] : (['syscall'] as const)),
      ...(config.docker.enabled ? [] : (['docker'] as const)),
    ]
    const files = readRuleFiles({ ...config.rules, paths })
    const { errors, findings } = lintRules(files, { matching: config.rules.matching, disabledSources })
    if (errors.length > 0) throw new AppError('E_RULES_INVALID', `The rules have mistakes:\n${formatProblems(errors)}`)
    if (args.flag('json')) for (const finding of findings) process.stdout.write(`${jsonLine(finding)}\n`)
    else {
      if (findings.length > 0) process.stdout.write(`${formatProblems(findings)}\n`)
      process.stdout.write(`${countOf(findings.length, 'finding')}\n`)
    }
    return findings.length > 0 ? EXIT.negative : EXIT.ok
  },
}
