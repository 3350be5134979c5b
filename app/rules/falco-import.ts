/**
 * Looks at an existing Falco configuration: which rule files it loads, what of them works here, where the outcome differs
 * from Falco's, and what would see nothing. Changes nothing.
 */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import { fieldsOf } from '../../core/language/condition/predicate.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Problem } from '../../core/model/problem.ts'
import { compileRules } from '../../core/ruleset/compiler.ts'
import { visitExpressions } from '../../core/ruleset/expression.ts'
import { placeOf, type ReadyRule, readRules } from '../../core/ruleset/load.ts'
import { RuleFile as RuleText } from '../../core/ruleset/rule-file.ts'
import { readItems } from '../../core/ruleset/yaml-items.ts'
import { formatProblems } from '../../core/runtime/problem-text.ts'
import { appendOutputOf } from '../falco-config/append-output.ts'
import { namedRules, openFalcoConfig } from '../falco-config/file.ts'
import { priorityOf } from '../falco-config/read.ts'
import { placeOf as pathOf } from '../falco-config/rule-paths.ts'
import { unusedKeys } from '../falco-config/unused-keys.ts'
import { FALCO_DIFFERENCES } from './falco-differences.ts'
import { concerns, FIELD_DIFFERENCES } from './falco-field-differences.ts'
import { type RuleFile, readRuleFiles } from './rule-files.ts'
import { usedBy } from './used-fields.ts'

export interface FalcoConfiguration {
  /** The falco.yaml, where there is one. */
  settings: string | null
  /** In the order in which Falco loads them. */
  files: RuleFile[]
  /** Named by falco.yaml and not there. */
  missing: string[]
  /** `first` is Falco's default. */
  matching: 'all' | 'first'
  plugins: string[]
  /** Keys of falco.yaml without a meaning here. */
  leftOut: Problem[]
}

export interface ImportReport {
  settings: string | null
  files: string[]
  missing: string[]
  rules: { total: number; enabled: number }
  /** A set with an error is refused as a whole, here as in Falco. */
  errors: Problem[]
  warnings: Problem[]
  differences: { code: string; what: string; places: string[] }[]
  blind: {
    rules: { rule: string; why: string; isDead: boolean }[]
    plugins: string[]
  }
}

/** Plugins whose fields Seamark fills by itself. */
const OWN_PLUGINS: readonly string[] = ['container']
const SETTINGS = 'falco.yaml'

/**
 * `path`: a folder with or without a falco.yaml, or that file itself. Throws AppError E_RULES_INVALID, or E_CONFIG_INVALID
 * for mistakes in that file.
 */
export function readFalcoConfiguration(path: string): FalcoConfiguration {
  const isFolder = existsSync(path) && statSync(path).isDirectory()
  const settings = isFolder ? join(path, SETTINGS) : path
  if (isFolder && !existsSync(settings)) {
    const files = readRuleFiles({ builtin: false, paths: [path] })
    if (files.length === 0) throw new AppError('E_RULES_INVALID', `There are no rule files in ${path}`)
    return { settings: null, files, missing: [], matching: 'first', plugins: [], leftOut: [] }
  }
  const { values, root, locate } = openFalcoConfig(settings, 'give the folder it lies in, or use `rules check`')
  const named = namedRules(settings, values)
  const found = named.map((name) => pathOf(name, settings))
  const select = values.selection('rules')
  const leastPriority = priorityOf(values)
  const appendOutput = appendOutputOf(values)
  const matching = values.oneOf('rule_matching', ['first', 'all']) ?? 'first'
  const plugins = values.texts('load_plugins')
  if (values.problems.length > 0) throw new AppError('E_CONFIG_INVALID', formatProblems(values.problems))
  return {
    settings,
    files: readRuleFiles({
      builtin: false,
      paths: found.filter((one) => one !== null),
      select,
      leastPriority,
      appendOutput,
    }),
    missing: named.filter((_, i) => found[i] === null),
    matching,
    plugins,
    leftOut: unusedKeys(root, locate),
  }
}

export function reportImport({
  settings,
  files,
  missing,
  matching,
  plugins,
  leftOut,
}: FalcoConfiguration): ImportReport {
  const { rules, pool, problems } = readRules(files)
  const errors = problems.filter(({ severity }) => severity === 'error')
  const { eventTypes } = compileRules(
    pool,
    rules.map(({ condition, source }) => ({ condition, source, namesEventTypes: true })),
    'all',
  )
  const blind = rules.flatMap((rule, i) => {
    const never = new Set<string>()
    visitExpressions([rule.condition], (node) => {
      if (node.kind !== 'check') return
      for (const { field } of fieldsOf(node.predicate)) if (field.refused !== null) never.add(field.name)
    })
    const few = rule.eventTypes !== null && rule.eventTypes.length < 100 ? rule.eventTypes : []
    const types = few.filter((type) => !Object.hasOwn(EVENT_TYPES, type))
    const why = [
      ...(never.size > 0 ? [`fields that are never filled: ${[...never].join(', ')}`] : []),
      ...(types.length > 0 ? [`events that are not captured: ${types.join(', ')}`] : []),
    ]
    const isDead = eventTypes[i]!.length === 0
    if (why.length === 0 && !isDead) return []
    return [{ rule: rule.definition.name, why: why.join('; ') || 'its condition can never hold', isDead }]
  })
  const unknownSources = problems
    .filter(({ code }) => code === 'W_RULE_SOURCE')
    .map(({ message }) => ({ rule: /"([^"]*)"/.exec(message)?.[1] ?? '', why: message, isDead: true }))
  return {
    settings,
    files: files.map(({ name }) => name),
    missing,
    rules: { total: rules.length, enabled: rules.filter(({ definition }) => definition.enabled).length },
    errors,
    warnings: problems.filter(({ severity }) => severity === 'warning'),
    differences: differences(files, rules, problems, matching, leftOut),
    blind: {
      rules: [...unknownSources, ...blind],
      plugins: [...new Set([...plugins, ...requiredPlugins(files)])].filter((name) => !OWN_PLUGINS.includes(name)),
    },
  }
}

function differences(
  files: readonly RuleFile[],
  rules: readonly ReadyRule[],
  problems: readonly Problem[],
  matching: 'all' | 'first',
  leftOut: readonly Problem[],
): ImportReport['differences'] {
  const found: ImportReport['differences'] = []
  const using = rules.map((rule) => ({ place: rulePlace(rule), ...usedBy(rule) }))
  const patterns = using.filter(({ operators }) => operators.has('regex')).map(({ place }) => place)
  for (const [code, what] of Object.entries(FALCO_DIFFERENCES)) {
    const warned = problems.filter((problem) => problem.code === code).map(placeText)
    const places = code === 'capture' ? itemsWith(files, 'capture') : code === 'regex' ? patterns : warned
    if (places.length > 0 || (code === 'rule-matching' && matching === 'first')) found.push({ code, what, places })
  }
  for (const difference of FIELD_DIFFERENCES) {
    for (const field of difference.fields) {
      const own = { ...difference, fields: [field] }
      const places = using.filter(({ fields }) => fields.some((used) => concerns(own, used))).map(({ place }) => place)
      const where = difference.only === undefined ? '' : ` ${difference.only}`
      if (places.length > 0) found.push({ code: field, what: `\`${field}\`${where}: ${difference.here}`, places })
    }
  }
  if (leftOut.length > 0)
    found.push({
      code: 'settings',
      what: 'of falco.yaml, seamark up --falco-config does not take over',
      places: leftOut.map((problem) => {
        const hint = problem.hint === undefined ? '' : ` (${problem.hint})`
        return `${placeText(problem)} ${problem.message}${hint}`
      }),
    })
  return found
}

function rulePlace({ definition }: ReadyRule): string {
  const { file, line } = placeOf(definition.at)
  return `${file}:${line} ${definition.name}`
}

function placeText({ location }: Problem): string {
  return `${location.file}:${location.line}:${location.column}`
}

function itemsWith(files: readonly RuleFile[], key: string): string[] {
  return files.flatMap((file) => {
    const text = new RuleText(file)
    return readItems(text).items.flatMap(({ entries }) => {
      const entry = entries.get(key)
      if (entry === undefined || !entries.has('rule')) return []
      const { line, column } = text.locate(entry.key.start)
      return [`${file.name}:${line}:${column}`]
    })
  })
}

function requiredPlugins(files: readonly RuleFile[]): string[] {
  return files.flatMap((file) =>
    readItems(new RuleText(file)).items.flatMap(({ entries }) => {
      const value = entries.get('required_plugin_versions')?.value
      const items = value?.kind === 'sequence' ? value.items : []
      return items.flatMap((item) => {
        const name = item.kind === 'map' ? item.entries.get('name')?.value : undefined
        return name?.kind === 'scalar' ? [name.scalar.text] : []
      })
    }),
  )
}
