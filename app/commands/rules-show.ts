/** `seamark rules show`: one rule, as written and as it is judged. */
import { ConditionTrees, expandedText, predicatesOf } from '../../core/explain/condition-tree.ts'
import { fieldsOf, operandKey } from '../../core/language/condition/predicate.ts'
import { formatFieldNames } from '../../core/language/output/format.ts'
import { AppError } from '../../core/model/errors.ts'
import { compileRules } from '../../core/ruleset/compiler.ts'
import { placeOf, type ReadyRule } from '../../core/ruleset/load.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { commandConfig } from '../command-config.ts'
import { COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS, safeLines, table } from '../command-line.ts'
import { type CheckedRules, checkedRules, ruleNamed } from '../rules/checked-rules.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

export const rulesShow: Command = {
  name: 'rules show',
  summary: 'Show one rule with its condition expanded, its fields and the events it needs',
  operands: 'RULE',
  options: {
    json: { type: 'boolean', doc: 'as one JSON object' },
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'Expanded: macros and lists are put in and exceptions applied; the text is a condition that means the same.\n' +
    'Event types are those that Seamark captures and that can match at all.',
  examples: [
    ['seamark rules show container.interactive-shell', 'a shipped rule'],
    ["seamark rules show 'Terminal shell in container' -r falco_rules.yaml --json", 'one of yours, for scripts'],
  ],
  async run(args) {
    const [name, ...more] = args.operands
    if (name === undefined || more.length > 0)
      throw new AppError('E_USAGE', 'Name one rule, in quotes where it has blanks\nTry: seamark rules show --help')
    const checked = checkedRules(readRuleFiles(commandConfig(args).rules))
    const shown = describe(checked, ruleNamed(checked, name))
    process.stdout.write(args.flag('json') ? `${jsonLine(shown)}\n` : pageOf(shown))
    return EXIT.ok
  },
}

type Shown = ReturnType<typeof describe>

function describe({ pool, definitions }: CheckedRules, rule: ReadyRule) {
  const { definition, source } = rule
  const tree = new ConditionTrees(definitions).of(rule)
  const expanded = expandedText(tree)
  const compiled = compileRules(pool, [{ condition: rule.condition, source, namesEventTypes: true }], 'all')
  const fields = predicatesOf(tree)
    .flatMap(fieldsOf)
    .map(({ field, argument }) => operandKey({ kind: 'field', field, argument }).replace(/\["(.*)"\]$/, '[$1]'))
  const { file, line } = placeOf(definition.at)
  return {
    name: definition.name,
    description: definition.description,
    file,
    line,
    defined: placeOf(definition.definedAt),
    changed: definition.changedAt === null ? null : placeOf(definition.changedAt),
    enabled: definition.enabled,
    priority: definition.priority,
    tags: definition.tags,
    source,
    eventTypes: compiled.eventTypes[0]!,
    /** Named by the condition, captured by Seamark or not; null where it names none. */
    namedEventTypes: rule.eventTypes,
    condition: definition.condition.text.trim(),
    expanded: expanded.text,
    expandedIsCut: expanded.isCut,
    exceptions: definition.exceptions.map((one) => ({ name: one.name, rows: one.rows.length })),
    fields: [...new Set(fields)].sort(),
    neverFilled: [
      ...new Set(
        predicatesOf(tree)
          .flatMap(fieldsOf)
          .filter(({ field }) => field.refused !== null)
          .map(({ field }) => field.name),
      ),
    ],
    output: definition.output.text.trim(),
    outputFields: formatFieldNames(rule.output),
  }
}

function pageOf(shown: Shown): string {
  const types = shown.eventTypes.length > 0 ? shown.eventTypes.join(', ') : 'none: it can never match'
  const missing = (shown.namedEventTypes ?? []).filter((type) => !(shown.eventTypes as string[]).includes(type))
  const rows: [string, string][] = [
    ['defined in', `${shown.defined.file}:${shown.defined.line}`],
    ...(shown.changed === null
      ? []
      : ([['changed in', `${shown.changed.file}:${shown.changed.line}`]] as [string, string][])),
    ['priority', shown.priority + (shown.enabled ? '' : ' (disabled)')],
    ['tags', shown.tags.join(', ') || 'none'],
    ['source', shown.source],
    ['event types', types],
    ...(missing.length > 0 && shown.namedEventTypes!.length < 100
      ? ([['named, but not captured or without effect', missing.join(', ')]] as [string, string][])
      : []),
    ['fields', shown.fields.join(', ')],
    ...(shown.neverFilled.length > 0 ? ([['never filled', shown.neverFilled.join(', ')]] as [string, string][]) : []),
    ...shown.exceptions.map(({ name, rows }): [string, string] => ['exception', `${name} (${rows} rows)`]),
  ]
  const indented = (text: string) => `  ${safeLines(text.trim()).split('\n').join('\n  ')}`
  return [
    safeText(shown.name),
    indented(shown.description),
    '',
    table(rows.map(([left, right]) => [left, safeText(right)])),
    '',
    'Condition as written:',
    indented(shown.condition),
    '',
    `Condition expanded${shown.expandedIsCut ? ' (cut: it is too long to print)' : ''}:`,
    indented(shown.expanded),
    '',
    'Output:',
    indented(shown.output),
    '',
  ].join('\n')
}
