/** `seamark rules import`: what an existing Falco configuration would do here. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { AppError } from '../../core/model/errors.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { jsonLine } from '../../core/runtime/safe-text.ts'
import { type Command, countOf, EXIT, safeLines } from '../command-line.ts'
import { type ImportReport, readFalcoConfiguration, reportImport } from '../rules/falco-import.ts'
import type { RuleFile } from '../rules/rule-files.ts'

export const rulesImport: Command = {
  name: 'rules import',
  summary: 'Look at an existing Falco configuration: what works here, what differs, what would be blind',
  operands: 'DIR',
  options: {
    output: { type: 'string', short: 'o', value: 'DIR', doc: 'write the rule files there, numbered in their order' },
    json: { type: 'boolean', doc: 'as one JSON object' },
  },
  notes:
    'DIR is a folder such as /etc/falco (or its falco.yaml), or one with rule files alone. Nothing is written without\n' +
    '--output, whose folder must be empty or not there. Exits with 1 when the rules have an error or a file is missing.',
  examples: [
    ['seamark rules import /etc/falco', 'the report'],
    ['seamark up --falco-config /etc/falco/falco.yaml', 'instead, with what falco.yaml says of outputs and priorities'],
    ['seamark rules import /etc/falco --output ./my-rules', 'and the files, for seamark up --rules ./my-rules'],
  ],
  async run(args) {
    const [path, ...more] = args.operands
    if (path === undefined || more.length > 0)
      throw new AppError('E_USAGE', 'Name one folder\nTry: seamark rules import --help')
    const configuration = readFalcoConfiguration(path)
    const report = reportImport(configuration)
    const output = args.text('output')
    const isFine = report.errors.length === 0 && report.missing.length === 0
    const written = output !== undefined && report.errors.length === 0 ? writeFiles(output, configuration.files) : []
    if (args.flag('json')) process.stdout.write(`${jsonLine({ ...report, written })}\n`)
    else process.stdout.write(pageOf(report, written, output))
    return isFine ? EXIT.ok : EXIT.negative
  },
}

function writeFiles(folder: string, files: readonly RuleFile[]): string[] {
  if (existsSync(folder) && readdirSync(folder).length > 0)
    throw new AppError('E_USAGE', `--output: ${folder} is not empty`)
  mkdirSync(folder, { recursive: true })
  const digits = String(files.length).length
  return files.map(({ name, text }, i) => {
    // What falco.yaml says of rules is a file without a place.
    const shortName = /^\(.*\)$/.test(name) ? `${name.slice(1, -1).replaceAll(' ', '-')}.yaml` : basename(name)
    const path = join(folder, `${String(i + 1).padStart(digits, '0')}-${shortName}`)
    writeFileSync(path, text, { flag: 'wx' })
    return path
  })
}

function pageOf(report: ImportReport, written: readonly string[], output: string | undefined): string {
  const { rules, files, missing, errors, warnings, differences, blind } = report
  const lines = [
    `${countOf(files.length, 'rule file')}${report.settings === null ? '' : ` named by ${report.settings}`}:`,
    ...files.map((file) => `  ${file}`),
    ...missing.map((file) => `  ${file}: missing`),
    errors.length > 0
      ? `refused as a whole: ${countOf(errors.length, 'error')}`
      : `loads: ${countOf(rules.total, 'rule')}, ${rules.enabled} enabled, ${countOf(warnings.length, 'warning')} (seamark rules check tells them)`,
    ...(errors.length > 0 ? [formatProblems(errors)] : []),
    '',
    differences.length === 0 ? 'Nothing in it differs from Falco here.' : 'What differs from Falco:',
    ...differences.flatMap(({ what, places }) => [`  ${what}`, ...places.map((place) => `    ${place}`)]),
    '',
    blind.rules.length + blind.plugins.length === 0
      ? 'Nothing in it would be blind here.'
      : 'What would be blind here:',
    ...blind.rules.map(({ rule, why, isDead }) => `  ${rule}: ${isDead ? 'never matches' : 'in part'} (${why})`),
    ...blind.plugins.map((plugin) => `  plugin ${plugin}: plugins of Falco are not loaded`),
    ...(written.length > 0 ? ['', ...written.map((path) => `written: ${path}`)] : []),
    ...(output !== undefined && errors.length > 0 ? ['', 'nothing written: the rules have errors'] : []),
  ]
  return `${lines.map(safeLines).join('\n')}\n`
}
