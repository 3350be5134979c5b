/** `seamark rules explain`: why a rule matched an event, or why it did not. */
import { ConditionTrees } from '../../core/explain/condition-tree.ts'
import { type Explained, type Explanation, explain } from '../../core/explain/explain.ts'
import { isByName } from '../../core/fields/calls-by-name.ts'
import type { EventTypeName } from '../../core/fields/event-types.ts'
import { isoText } from '../../core/fields/time-text.ts'
import { AppError } from '../../core/model/errors.ts'
import { compileRules } from '../../core/ruleset/compiler.ts'
import { typesNamedBy } from '../../core/ruleset/event-type-index.ts'
import type { ReadyRule } from '../../core/ruleset/load.ts'
import { jsonLine, safeText } from '../../core/runtime/safe-text.ts'
import { ApiClient } from '../api-client.ts'
import { commandConfig } from '../command-config.ts'
import { API_OPTIONS, COMMON_OPTIONS, type Command, EXIT, RULE_OPTIONS } from '../command-line.ts'
import { checkedRules, ruleNamed } from '../rules/checked-rules.ts'
import { eventInFile, type FoundEvent, storedEventById } from '../rules/explained-event.ts'
import { readRuleFiles } from '../rules/rule-files.ts'

export const rulesExplain: Command = {
  name: 'rules explain',
  summary: 'Explain why a rule matches an event or does not, part by part',
  operands: 'RULE',
  options: {
    event: { type: 'string', short: 'e', value: 'ID|FILE', doc: 'a stored event, or a file (see below)' },
    index: { type: 'string', value: 'N', doc: 'of a recording the Nth event (default: the first the rule looks at)' },
    'short-circuit': { type: 'boolean', doc: 'leave out what need not be looked at once its neighbours decided' },
    json: { type: 'boolean', doc: 'as one JSON object' },
    ...API_OPTIONS,
    ...RULE_OPTIONS,
    ...COMMON_OPTIONS,
  },
  notes:
    'A file is JSON, an event as in the tests of rule files or a document as `seamark query --json` prints it, or a\n' +
    'recording of `seamark record` or a capture (.scap). The id of a stored event is its event.id; the Seamark that\n' +
    'stored it has to run.\n' +
    'Stored documents do not tell every field: parts that need one of the others are marked with ? and stay open.\n' +
    'Marks: + holds, - does not, ? cannot be told; in brackets: not needed, a part before it decided.\n' +
    'Exits with 0 when the rule matches, else with 1.',
  examples: [
    ['seamark rules explain container.interactive-shell --event 0198c2…', 'a stored event'],
    ["seamark rules explain 'Read sensitive file' -r mine.yaml --event event.json", 'an event in plain data'],
    ['seamark rules explain my.rule -r mine.yaml -e day.rec --index 17 --json', 'the 17th of a recording'],
  ],
  async run(args) {
    const [name, ...more] = args.operands
    const wanted = args.text('event')
    if (name === undefined || more.length > 0 || wanted === undefined)
      throw new AppError('E_USAGE', 'Name one rule and --event ID or FILE\nTry: seamark rules explain --help')
    const index = args.text('index')
    if (index !== undefined && !/^[1-9]\d{0,11}$/.test(index))
      throw new AppError('E_USAGE', `--index takes a whole number from 1, not '${index}'`)
    const config = commandConfig(args)
    const checked = checkedRules(readRuleFiles(config.rules))
    const rule = ruleNamed(checked, name)
    const { condition, source } = rule
    const compiled = compileRules(checked.pool, [{ condition, source, namesEventTypes: true }], 'all')
    const types = new Set<string | undefined>(compiled.eventTypes[0])
    const found =
      (await eventInFile(wanted, index === undefined ? null : Number(index), ({ type }) => types.has(type))) ??
      (await storedEventById(new ApiClient(config, args.text('url')), wanted))
    const explanation = explainAt(new ConditionTrees(checked.definitions).of(rule), found)
    const result = {
      rule: name,
      enabled: rule.definition.enabled,
      event: summary(found),
      isJudged: isJudged(found.cursor.type, checked.rules, config.store.keep),
      ...explanation,
    }
    if (args.flag('short-circuit')) result.tree = withoutSkipped(result.tree)
    process.stdout.write(args.flag('json') ? `${jsonLine(result)}\n` : pageOf(result))
    return explanation.verdict === true ? EXIT.ok : EXIT.negative
  },
}

type Result = Explanation & {
  rule: string
  enabled: boolean
  event: ReturnType<typeof summary>
  /** False of a call that is captured and judged only by name, and that nothing names. */
  isJudged: boolean
}

function isJudged(type: EventTypeName | undefined, rules: readonly ReadyRule[], keep: readonly string[]): boolean {
  if (type === undefined || !isByName(type) || keep.includes(type)) return true
  return rules.some(({ definition, condition }) => definition.enabled && typesNamedBy(condition).includes(type))
}

function explainAt(tree: Parameters<typeof explain>[0], { cursor, tells }: FoundEvent): Explanation {
  try {
    return explain(tree, cursor, tells)
  } catch (error) {
    if (error instanceof RangeError) throw new AppError('E_USAGE', `It cannot be explained: ${error.message}`)
    throw error
  }
}

function summary({ cursor, origin }: FoundEvent) {
  return { origin, type: cursor.type ?? null, time: isoText(cursor.timeNs) }
}

function withoutSkipped(node: Explained): Explained {
  if (node.children === undefined) return node
  return { ...node, children: node.children.filter(({ skipped }) => !skipped).map(withoutSkipped) }
}

function pageOf({ rule, enabled, event, isJudged, verdict, tree, hiddenBy, unknownFields }: Result): string {
  const answer =
    verdict === true ? 'matches' : verdict === false ? 'does not match' : 'may match: it cannot be told for'
  const lines = [
    `${rule}${enabled ? '' : ' (disabled)'} ${answer} ${event.type ?? 'unknown'} at ${event.time} (${event.origin})`,
    ...(isJudged
      ? []
      : [`not asked: ${event.type} is captured only where an enabled rule, or store.keep, names it, and none does`]),
    ...hiddenBy.map((name) => `hidden by exception "${name}": the condition holds without it`),
    ...(unknownFields.length > 0 ? [`not told by what is stored of the event: ${unknownFields.join(', ')}`] : []),
    '',
  ]
  const walk = (node: Explained, depth: number): void => {
    const mark = node.verdict === null ? '?' : node.verdict ? '+' : '-'
    lines.push(`${'  '.repeat(depth)}${node.skipped ? `(${mark})` : ` ${mark} `} ${labelOf(node)}`)
    for (const child of node.children ?? []) walk(child, depth + 1)
  }
  walk(tree, 0)
  return `${lines.map(safeText).join('\n')}\n`
}

function labelOf({ kind, name, location, check, values = [] }: Explained): string {
  if (kind === 'check') {
    const seen = values.map(({ field, value, known }) => {
      return `${field} is ${known ? (value === null ? 'absent' : JSON.stringify(value)) : 'not stored'}`
    })
    return `${check}   [${seen.join('; ')}]`
  }
  if (name === undefined || location === undefined) return kind
  return `${kind} ${name} (${location.file}:${location.line})`
}
