/** `seamark rules check`: whether rule files load, and everything that is wrong with them. */
import { AppError } from '../../core/model/errors.ts'
import type { Problem } from '../../core/model/problem.ts'
import { loadRuleSet } from '../../core/ruleset/load.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { jsonLine } from '../../core/runtime/safe-text.ts'
import { type Command, countOf, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { falcoLoadResults } from '../rules/falco-load-results.ts'
import { type RuleFile, readRuleFiles } from '../rules/rule-files.ts'

export const rulesCheck: Command = {
  name: 'rules check',
  summary: 'Check rule files and list every problem',
  operands: 'FILE…',
  options: {
    rules: RULE_OPTIONS.rules,
    'with-builtin-rules': { type: 'boolean', doc: 'load the shipped rules before them, for files that change these' },
    json: { type: 'boolean', doc: "one JSON object in the shape of Falco's load results" },
    quiet: { type: 'boolean', short: 'q', doc: 'errors only, no warnings' },
  },
  notes:
    'Files are loaded together, in the order given, as Falco would. Exits with 1 when there is an error. Positions in the\n' +
    "JSON count from 0, as Falco's do, and `code` is Falco's where it has one.",
  examples: [
    ['seamark rules check my-rules.yaml', 'problems as file:line:column'],
    ['seamark rules check falco_rules.yaml local.yaml', 'a file and what overrides it'],
    ['seamark rules check --with-builtin-rules mine.yaml', 'a file that appends to a shipped list'],
    ['seamark rules check rules/ --json', 'for scripts'],
  ],
  async run(args) {
    const paths = [...args.texts('rules'), ...args.operands]
    if (paths.length === 0) throw new AppError('E_USAGE', 'Name at least one file\nTry: seamark rules check --help')
    const isJson = args.flag('json')
    const { files, unreadable } = filesOf(paths, args.flag('with-builtin-rules'), isJson)
    const { ruleSet, problems: found } = loadRuleSet(files)
    const problems = [...unreadable, ...found]
    const shown = args.flag('quiet') ? problems.filter(({ severity }) => severity === 'error') : problems
    const errors = problems.filter(({ severity }) => severity === 'error').length
    const summary = { rules: errors > 0 ? 0 : (ruleSet?.rules.length ?? 0), errors, warnings: problems.length - errors }
    if (isJson) {
      const named = [...files, ...unreadable.map(({ location }) => ({ name: location.file, text: '' }))]
      process.stdout.write(`${jsonLine({ ...falcoLoadResults(named, shown), summary })}\n`)
    } else {
      if (shown.length > 0) process.stdout.write(`${formatProblems(shown)}\n`)
      process.stdout.write(
        errors > 0
          ? `refused: ${countOf(errors, 'error')}, ${countOf(summary.warnings, 'warning')}\n`
          : `ok: ${countOf(summary.rules, 'rule')}, ${countOf(summary.warnings, 'warning')}\n`,
      )
    }
    return errors > 0 ? EXIT.negative : EXIT.ok
  },
}

/** A path that cannot be read ends the command, but for scripts it is an error among the others. */
function filesOf(
  paths: readonly string[],
  builtin: boolean,
  collects: boolean,
): { files: RuleFile[]; unreadable: Problem[] } {
  const files = readRuleFiles({ builtin, paths: collects ? [] : paths })
  const unreadable: Problem[] = []
  for (const path of collects ? paths : []) {
    try {
      files.push(...readRuleFiles({ builtin: false, paths: [path] }))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      unreadable.push({
        code: error.code,
        falcoCode: 'LOAD_ERR_FILE_READ',
        severity: 'error',
        message: error.message,
        location: { file: path, line: 1, column: 1 },
      })
    }
  }
  return { files, unreadable }
}
