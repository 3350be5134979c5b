/**
 * Looks at an existing Falco configuration: which rule files it loads, what of them works here, where the outcome differs
 * from Falco's, and what would see nothing. Changes nothing.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { basename, isAbsolute, join } from 'node:path'
import { parse } from 'yaml'
import { EVENT_TYPES } from '../../core/fields/event-types.ts'
import { fieldsOf } from '../../core/language/condition/predicate.ts'
import { AppError } from '../../core/model/errors.ts'
import { PRIORITIES } from '../../core/model/event.ts'
import type { Problem } from '../../core/model/problem.ts'
import { compileRules } from '../../core/ruleset/compiler.ts'
import { visitExpressions } from '../../core/ruleset/expression.ts'
import { readRules } from '../../core/ruleset/load.ts'
import { RuleFile as RuleText } from '../../core/ruleset/rule-file.ts'
import { readItems } from '../../core/ruleset/yaml-items.ts'
import { type RuleFile, readRuleFiles } from '../rule-files.ts'

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
  /** Settings of falco.yaml about rules that rule files do not carry. */
  notes: string[]
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
const HOME = '/etc/falco/'
const MAX_SETTINGS_BYTES = 1024 * 1024

/** `path`: a folder with or without a falco.yaml, or that file itself. Throws AppError E_RULES_INVALID. */
export function readFalcoConfiguration(path: string): FalcoConfiguration {
  const isFolder = existsSync(path) && statSync(path).isDirectory()
  const folder = isFolder ? path : join(path, '..')
  const settings = isFolder ? join(path, SETTINGS) : path
  if (isFolder && !existsSync(settings)) {
    const files = readRuleFiles({ builtin: false, paths: [path] })
    if (files.length === 0) throw new AppError('E_RULES_INVALID', `There are no rule files in ${path}`)
    return { settings: null, files, missing: [], matching: 'first', plugins: [], notes: [] }
  }
  const values = settingsOf(settings)
  const named = textsOf(values.rules_files ?? values.rules_file)
  const found = named.map((name) => placeOf(name, folder))
  const notes = ['rules', 'append_output', 'base_syscalls'].filter((key) => values[key] !== undefined)
  const priority = typeof values.priority === 'string' ? values.priority.toLowerCase() : 'debug'
  if (priority !== 'debug' && PRIORITIES.some((one) => one.toLowerCase().startsWith(priority)))
    notes.push(`priority: ${priority}`)
  return {
    settings,
    files: readRuleFiles({ builtin: false, paths: found.filter((one) => one !== null) }),
    missing: named.filter((_, i) => found[i] === null),
    matching: values.rule_matching === 'all' ? 'all' : 'first',
    plugins: textsOf(values.load_plugins),
    notes,
  }
}

export function reportImport({ settings, files, missing, matching, plugins, notes }: FalcoConfiguration): ImportReport {
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
    differences: differences(files, problems, matching, notes),
    blind: {
      rules: [...unknownSources, ...blind],
      plugins: [...new Set([...plugins, ...requiredPlugins(files)])].filter((name) => !OWN_PLUGINS.includes(name)),
    },
  }
}

/** Where Seamark decides otherwise than Falco, by the warning that says so. */
const BY_WARNING: Readonly<Record<string, string>> = {
  W_LIST_NESTED: 'lists in lists in lists are expanded; Falco expands one level and compares with the name of the next',
  W_LIST_IN_QUOTES: 'a list named inside quotes stays a word; Falco puts its items into the text',
  W_RULE_FIELD_NEVER_FILLED: 'a field that Falco fills is always absent here',
  W_RULE_SOURCE: 'rules of sources that need a plugin of Falco are left out',
}

function differences(
  files: readonly RuleFile[],
  problems: readonly Problem[],
  matching: 'all' | 'first',
  notes: readonly string[],
): ImportReport['differences'] {
  const found: ImportReport['differences'] = []
  for (const [code, what] of Object.entries(BY_WARNING)) {
    const places = problems.filter((problem) => problem.code === code).map(placeText)
    if (places.length > 0) found.push({ code, what, places })
  }
  const captures = itemsWith(files, 'capture')
  if (captures.length > 0)
    found.push({ code: 'capture', what: '`capture` is read and has no effect: no .scap is written', places: captures })
  if (matching === 'first')
    found.push({
      code: 'rule-matching',
      what: 'Falco raises only the first rule that holds for an event, Seamark all; `--rule-matching first` is as Falco',
      places: [],
    })
  for (const note of notes)
    found.push({
      code: 'settings',
      what: `${note} in falco.yaml is no part of rule files and is not taken over`,
      places: [],
    })
  return found
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

function settingsOf(path: string): Record<string, unknown> {
  try {
    if (statSync(path).size > MAX_SETTINGS_BYTES) throw new Error('it is too large')
    const value: unknown = parse(readFileSync(path, 'utf8'), { maxAliasCount: 100 })
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is no map of settings')
    return Object.assign(Object.create(null), value) as Record<string, unknown>
  } catch (cause) {
    throw new AppError('E_RULES_INVALID', `The settings at ${path} cannot be read: ${(cause as Error).message}`, {
      cause,
    })
  }
}

function textsOf(value: unknown): string[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string')
}

/** A copy of /etc/falco keeps its absolute names; the copy comes before what is installed here. */
function placeOf(name: string, folder: string): string | null {
  const candidates = isAbsolute(name)
    ? [...(name.startsWith(HOME) ? [join(folder, name.slice(HOME.length))] : []), join(folder, basename(name)), name]
    : [join(folder, name)]
  return candidates.find((path) => existsSync(path)) ?? null
}
