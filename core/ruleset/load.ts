/**
 * From the texts of rules files to a rule set that judges batches. Every problem of all files is collected; one error
 * refuses the whole set, because a set with a hole would look complete.
 */
import { createHash } from 'node:crypto'
import { formatFieldNames, type OutputFormat, parseOutput } from '../language/output/format.ts'
import { SOURCE_NAMES, type SourceName } from '../model/event.ts'
import type { Problem } from '../model/problem.ts'
import type { RuleInfo, RuleSet } from '../model/rule-set.ts'
import type { CapturePlan } from '../model/source.ts'
import { capturePlan, domainsNamedBy, MAX_DOMAINS } from './capture-plan.ts'
import { compileRules, matchedTypes } from './compiler.ts'
import type { RuleDefinition } from './definitions.ts'
import { DetectionWriter } from './detection-writer.ts'
import { eventTypesOf, MANY_EVENT_TYPES } from './event-type-index.ts'
import { type Expression, ExpressionPool, visitExpressions } from './expression.ts'
import { mergeValues } from './merge-values.ts'
import { type MergedDefinitions, mergeDefinitions } from './merged-definitions.ts'
import { outputEntries } from './output-entries.ts'
import type { RuleMatching } from './program-writer.ts'
import { Resolver } from './resolver.ts'
import type { RuleText, Scalar } from './rule-file.ts'

export interface LoadOptions {
  /** Whether every rule that holds fires, or only the first in order, as Falco does by default. */
  ruleMatching?: RuleMatching
  /** Event types to capture, and to judge, whether or not a rule asks for them. */
  keepEventTypes?: readonly string[]
  scope?: CapturePlan['scope']
}

export interface Loaded {
  /** Null when there was an error. */
  ruleSet: RuleSet | null
  /** Errors and warnings, in the order of files and lines. */
  problems: Problem[]
}

/** Rules in one set. */
export const MAX_RULES = 10_000

/** Different checks in one rule, macros and exceptions put in; values of one field joined by `or` count as one. */
export const MAX_CHECKS = 20_000

/** A rule that passed all checks, on its way to the compiler. */
export interface ReadyRule {
  definition: RuleDefinition
  source: SourceName
  condition: Expression
  /** As the condition names them; null for any. */
  eventTypes: string[] | null
  output: OutputFormat
}

export function loadRuleSet(files: readonly RuleText[], options: LoadOptions = {}): Loaded {
  const { rules, pool, problems } = readRules(files)
  if (problems.some(({ severity }) => severity === 'error')) return { ruleSet: null, problems }
  return { ruleSet: buildRuleSet(files, rules, pool, options), problems }
}

/** Everything up to compilation: what linters, explainers and other interpreters of rules start from. */
export function readRules(files: readonly RuleText[]): {
  rules: ReadyRule[]
  pool: ExpressionPool
  definitions: MergedDefinitions
  problems: Problem[]
} {
  const definitions = mergeDefinitions(files)
  const pool = new ExpressionPool()
  const problems = [...definitions.problems]
  const resolver = new Resolver(definitions, pool)
  const rules: ReadyRule[] = []
  for (const definition of definitions.rules.values()) {
    const ready = readyRule(definition, resolver, pool, problems)
    if (ready !== null) rules.push(ready)
  }
  if (rules.length > MAX_RULES) {
    const { at } = rules[MAX_RULES]!.definition
    problems.push(
      at.file.problem(at.start, {
        code: 'E_RULE_INVALID',
        severity: 'error',
        message: `a set has at most ${MAX_RULES} rules`,
      }),
    )
  }
  checkUnused(definitions, resolver, problems)
  checkHostNames(rules, problems)
  return { rules, pool, definitions, problems: inOrder(files, problems) }
}

function readyRule(
  definition: RuleDefinition,
  resolver: Resolver,
  pool: ExpressionPool,
  problems: Problem[],
): ReadyRule | null {
  const source = SOURCE_NAMES.find((name) => name === definition.source)
  const { at } = definition
  if (source === undefined) {
    problems.push(
      at.file.problem(at.start, {
        code: 'W_RULE_SOURCE',
        falcoCode: 'LOAD_UNKNOWN_SOURCE',
        severity: 'warning',
        message: `rule "${definition.name}" has the unknown source "${definition.source}" and was left out`,
      }),
    )
    return null
  }
  const { expression, problems: found } = resolver.rule(definition, source)
  const text = definition.output.text.trim()
  const skipped = definition.output.text.length - definition.output.text.trimStart().length
  const { format, problems: mistakes } = parseOutput(text, source)
  for (const { at: offset, ...what } of mistakes) found.push(definition.output.problem(offset + skipped, what))
  const entries = outputEntries(definition.outputEntries, source, found)
  if (definition.skipsUnknownFilters && found.some(isUnknownName)) {
    problems.push(...found.filter((problem) => problem.severity === 'warning'))
    problems.push(...found.filter(isUnknownName).map(asWarning))
    return null
  }
  problems.push(...found)
  const checks = countChecks(expression, pool)
  if (checks > MAX_CHECKS) {
    problems.push(
      definition.condition.problem(0, {
        code: 'E_RULE_INVALID',
        falcoCode: 'LOAD_ERR_VALIDATE',
        severity: 'error',
        message: `rule "${definition.name}" makes ${checks} different checks, and a rule has at most ${MAX_CHECKS}`,
        hint: 'compare a field with a list: in (…), pmatch (…), startswith anyof (…)',
      }),
    )
  }
  const eventTypes = eventTypesOf(expression)
  const isMany = eventTypes === null || eventTypes.length === 0 || eventTypes.length > MANY_EVENT_TYPES
  if (source === 'syscall' && isMany && definition.warnsOfEventTypes && !found.some(isError)) {
    const matched = eventTypes === null ? null : matchedTypes(pool, expression, source).length
    problems.push(
      definition.condition.problem(0, {
        code: 'W_RULE_EVENT_TYPES',
        falcoCode: 'LOAD_NO_EVTTYPE',
        severity: 'warning',
        ...askedAbout(definition.name, matched),
      }),
    )
  }
  return { definition, source, condition: expression, eventTypes, output: { ...format, entries } }
}

/** `types` null is any. */
function askedAbout(name: string, types: number | null): Pick<Problem, 'message' | 'hint'> {
  if (types === 0) {
    return {
      message: `rule "${name}" can never match: no event that Seamark captures is of a type that its condition lets through`,
      hint: 'see which checks of the type exclude each other: seamark rules show',
    }
  }
  return {
    message: `rule "${name}" is asked about ${types === null ? 'every event type' : `${types} event ${types === 1 ? 'type' : 'types'}`}`,
    hint: 'name the event types it is about with evt.type',
  }
}

function countChecks(condition: Expression, pool: ExpressionPool): number {
  const count = (root: Expression): number => {
    let checks = 0
    visitExpressions([root], ({ kind }) => {
      if (kind === 'check') checks++
    })
    return checks
  }
  const written = count(condition)
  return written > MAX_CHECKS ? count(mergeValues(pool, condition)) : written
}

/** One warning, at the first rule, because what is left out depends on all of them. */
function checkHostNames(rules: readonly ReadyRule[], problems: Problem[]): void {
  const named = domainsNamedBy(rules.filter(({ definition }) => definition.enabled))
  const first = rules.find((rule) => domainsNamedBy([rule]).length > 0)
  if (named.length <= MAX_DOMAINS || first === undefined) return
  problems.push(
    first.definition.condition.problem(0, {
      code: 'W_RULE_HOST_NAMES',
      severity: 'warning',
      message:
        `the rules name ${named.length} hosts, of which the first ${MAX_DOMAINS} in alphabetical order are looked up: ` +
        `"${named[MAX_DOMAINS]}" and what follows never match`,
      hint: 'compare with addresses, or with networks',
    }),
  )
}

function checkUnused(definitions: MergedDefinitions, resolver: Resolver, problems: Problem[]): void {
  for (const macro of definitions.macros.values()) {
    if (resolver.usedMacros.has(macro.name)) continue
    problems.push(...resolver.unusedMacro(macro))
    problems.push(
      macro.at.file.problem(macro.at.start, {
        code: 'W_MACRO_UNUSED',
        falcoCode: 'LOAD_UNUSED_MACRO',
        severity: 'warning',
        message: `no rule uses macro "${macro.name}"`,
      }),
    )
  }
  for (const list of definitions.lists.values()) {
    if (resolver.usedLists.has(list.name)) continue
    problems.push(
      list.at.file.problem(list.at.start, {
        code: 'W_LIST_UNUSED',
        falcoCode: 'LOAD_UNUSED_LIST',
        severity: 'warning',
        message: `no rule uses list "${list.name}"`,
      }),
    )
  }
}

function buildRuleSet(
  files: readonly RuleText[],
  ready: readonly ReadyRule[],
  pool: ExpressionPool,
  options: LoadOptions,
): RuleSet {
  const ruleMatching = options.ruleMatching ?? 'all'
  const keepEventTypes = [...new Set(options.keepEventTypes ?? [])].sort()
  const scope = options.scope ?? 'all'
  const active = ready.filter(({ definition }) => definition.enabled)
  const program = compileRules(
    pool,
    ready.map(({ definition, condition, source, eventTypes }) => ({
      condition: definition.enabled ? condition : pool.false,
      source,
      namesEventTypes: eventTypes !== null,
    })),
    ruleMatching,
    keepEventTypes,
  )
  const planned = ready.map((rule, i) => ({
    condition: rule.condition,
    eventTypes: program.eventTypes[i]!,
    outputFields: formatFieldNames(rule.output),
  }))
  const plan = capturePlan(
    planned.filter((_, i) => active.includes(ready[i]!)),
    keepEventTypes,
    scope,
  )
  const texts = files.map(({ name, text }) => [name, text])
  const version = createHash('sha256')
    .update(JSON.stringify([texts, ruleMatching]))
    .digest('hex')
    .slice(0, 16)
  const rules = ready.map(ruleInfo)
  const writer = new DetectionWriter(
    version,
    rules,
    ready.map(({ output }) => output),
  )
  return {
    version,
    rules,
    plan,
    detect: (batch) => program.detect(batch),
    detection: (batch, match, context) => writer.write(batch, match, context),
  }
}

function ruleInfo({ definition, source, eventTypes }: ReadyRule): RuleInfo {
  const { file, line } = placeOf(definition.at)
  return {
    name: definition.name,
    description: definition.description,
    priority: definition.priority,
    tags: definition.tags,
    source,
    enabled: definition.enabled,
    file,
    line,
    defined: placeOf(definition.definedAt),
    changed: definition.changedAt === null ? null : placeOf(definition.changedAt),
    eventTypes,
  }
}

/** File and line of something in a rules file. */
export function placeOf({ file, start }: Scalar): { file: string; line: number } {
  const { line } = file.locate(start)
  return { file: file.name, line }
}

function isError(problem: Problem): boolean {
  return problem.severity === 'error'
}

/** Of a field or an event type that another version, or a plugin, may know. */
function isUnknownName({ code }: Problem): boolean {
  return code === 'E_RULE_FIELD' || code === 'E_RULE_EVENT_TYPE'
}

function asWarning(problem: Problem): Problem {
  return { ...problem, code: 'W_RULE_SKIPPED', falcoCode: 'LOAD_UNKNOWN_FILTER', severity: 'warning' }
}

function inOrder(files: readonly RuleText[], problems: readonly Problem[]): Problem[] {
  const position = new Map(files.map(({ name }, i) => [name, i]))
  const seen = new Set<string>()
  return problems
    .toSorted(
      (a, b) =>
        (position.get(a.location.file) ?? 0) - (position.get(b.location.file) ?? 0) ||
        a.location.line - b.location.line ||
        a.location.column - b.location.column,
    )
    .filter((problem) => {
      // A macro used for two sources is checked for each.
      const key = JSON.stringify([problem.code, problem.message, problem.location])
      return !seen.has(key) && seen.add(key)
    })
}
