/** `seamark rules test`: runs the tests that rule files carry. */
import { AppError } from '../../core/model/errors.ts'
import { type RuleTestResult, runRuleTests } from '../../core/ruleset/rule-tests.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

export const rulesTest: Command = {
  name: 'rules test',
  summary: 'Run the tests inside rule files',
  operands: '[FILE…]',
  options: {
    rules: RULE_OPTIONS.rules,
    'no-builtin-rules': { type: 'boolean', doc: 'leave the shipped rules (and their macros and lists) out' },
    json: { type: 'boolean', doc: 'one JSON object a line' },
  },
  notes:
    'Files are loaded after the shipped rules, whose macros and lists they may use. Exits with 1 when a test fails.',
  examples: [
    ['seamark rules test', 'the shipped rules'],
    ['seamark rules test my-rules.yaml', 'yours too'],
  ],
  async run(args) {
    const files = readRuleFiles({
      builtin: !args.flag('no-builtin-rules'),
      paths: [...args.texts('rules'), ...args.operands],
    })
    const { results, problems, untested } = runRuleTests(files)
    const errors = problems.filter(({ severity }) => severity === 'error')
    if (errors.length > 0) throw new AppError('E_RULES_INVALID', `The rules have mistakes:\n${formatProblems(errors)}`)
    const failed = results.filter(({ passed }) => !passed)
    if (args.flag('json')) {
      for (const result of results) process.stdout.write(`${jsonLine(result)}\n`)
    } else {
      for (const result of failed) process.stdout.write(`${failure(result)}\n`)
      for (const rule of untested) process.stdout.write(`note: ${safeText(rule)} lacks a hit or a miss\n`)
      process.stdout.write(`${results.length - failed.length} of ${results.length} tests pass\n`)
    }
    return failed.length > 0 ? EXIT.negative : EXIT.ok
  },
}

function failure({ location, rule, name, expected, reason }: RuleTestResult): string {
  const place = `${safeText(location.file)}:${location.line}:${location.column}`
  return `${place}: ${safeText(rule)}: expected a ${expected}: ${safeText(name)}${reason === undefined ? '' : ` (${safeText(reason)})`}`
}
