/**
 * Puts the items of all files together, in order: later items redefine, append to and override earlier ones. Names in
 * conditions are not looked up yet.
 */
import { nearestName } from '../language/nearest-name.ts'
import { PRIORITIES, type Priority } from '../model/event.ts'
import type { Problem } from '../model/problem.ts'
import type { ListDefinition, MacroDefinition, RuleDefinition, TestDefinition } from './definitions.ts'
import { checkEngineVersion, checkPluginVersions } from './engine-version.ts'
import { readExceptions } from './exceptions.ts'
import { ItemReader } from './item-reader.ts'
import { readOutputEntries } from './output-entries.ts'
import { type Changes, readChanges } from './overrides.ts'
import { Pieces, RuleFile, type RuleText, type Scalar } from './rule-file.ts'
import { type ItemMap, plainValue, readItems } from './yaml-items.ts'

export interface MergedDefinitions {
  lists: Map<string, ListDefinition>
  macros: Map<string, MacroDefinition>
  /** In evaluation order: a redefinition keeps its place. */
  rules: Map<string, RuleDefinition>
  tests: TestDefinition[]
  problems: Problem[]
}

const LIST_KEYS = ['list', 'items', 'append', 'override']
const MACRO_KEYS = ['macro', 'condition', 'append', 'override']
const RULE_TEXTS = ['condition', 'output', 'desc', 'priority'] as const
const RULE_KEYS = [
  'rule',
  ...RULE_TEXTS,
  'output_fields',
  'source',
  'enabled',
  'tags',
  'exceptions',
  'warn_evttypes',
  'skip-if-unknown-filter',
  'capture',
  'capture_duration',
  'append',
  'override',
]
const RULE_OVERRIDES = {
  append: ['condition', 'output', 'output_fields', 'desc', 'tags', 'exceptions'],
  replace: [
    'condition',
    'output',
    'output_fields',
    'desc',
    'priority',
    'capture',
    'capture_duration',
    'tags',
    'exceptions',
    'enabled',
    'warn_evttypes',
    'skip-if-unknown-filter',
  ],
}
const KINDS = ['required_engine_version', 'required_plugin_versions', 'list', 'macro', 'rule', 'tests'] as const

/** What an item defines; undefined where nothing here does. */
export function kindOf(item: ItemMap): (typeof KINDS)[number] | undefined {
  return KINDS.find((key) => item.entries.has(key))
}

export function mergeDefinitions(texts: readonly RuleText[]): MergedDefinitions {
  const merger = new Merger()
  for (const text of texts) merger.add(new RuleFile(text))
  return merger
}

class Merger implements MergedDefinitions {
  readonly lists = new Map<string, ListDefinition>()
  readonly macros = new Map<string, MacroDefinition>()
  readonly rules = new Map<string, RuleDefinition>()
  readonly tests: TestDefinition[] = []
  readonly problems: Problem[] = []
  private order = 0

  add(file: RuleFile): void {
    const { items, problems } = readItems(file)
    this.problems.push(...problems)
    for (const item of items) {
      this.order++
      this.item(item)
    }
  }

  private item(item: ItemMap): void {
    const kind = kindOf(item)
    if (kind === undefined) {
      const [first] = item.entries.keys()
      this.report(item.at, {
        code: 'W_RULE_ITEM',
        falcoCode: 'LOAD_UNKNOWN_ITEM',
        severity: 'warning',
        message: `an item that begins with "${(first ?? '').slice(0, 60)}" is unknown and was ignored`,
      })
      return
    }
    if (kind === 'required_plugin_versions') {
      checkPluginVersions(new ItemReader(item, kind, this.report))
      return
    }
    const reader = new ItemReader(item, kind, this.report)
    if (reader.failed) return
    if (kind === 'required_engine_version') checkEngineVersion(reader)
    else if (kind === 'list') this.list(reader)
    else if (kind === 'macro') this.macro(reader)
    else if (kind === 'rule') this.rule(reader)
    else this.tests.push({ rule: reader.name.text, at: reader.name, body: plainValue(item) })
  }

  private readonly report = (at: Scalar, problem: Omit<Problem, 'location' | 'snippet'>): void => {
    this.problems.push(at.file.problem(at.start, problem))
  }

  private list(reader: ItemReader): void {
    const name = reader.name.text
    reader.expectKeys(LIST_KEYS)
    if (!/^[^\s()"'=,]+$/.test(name)) {
      reader.warn(
        'W_LIST_NAME',
        'LOAD_INVALID_LIST_NAME',
        reader.name,
        `"${name}" cannot be used as the name of a list`,
      )
    }
    if (!reader.has('items')) reader.shape(reader.name, `list "${name}" has no "items"`)
    const items = reader.texts('items')
    const changes = readChanges(reader, { append: ['items'], replace: ['items'] })
    if (items === undefined || reader.failed) return
    const known = this.lists.get(name)
    if (changes?.append.has('items')) {
      if (known === undefined) {
        this.nothingToAppendTo(reader)
        return
      }
      known.items.push(...items)
      known.visibility = this.order
      return
    }
    if (known !== undefined) Object.assign(known, { items, visibility: this.order, at: reader.name })
    else this.lists.set(name, { name, items, index: this.order, visibility: this.order, at: reader.name })
  }

  private macro(reader: ItemReader): void {
    const name = reader.name.text
    reader.expectKeys(MACRO_KEYS)
    if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)) {
      reader.warn(
        'W_MACRO_NAME',
        'LOAD_INVALID_MACRO_NAME',
        reader.name,
        `"${name}" cannot be used as the name of a macro`,
      )
    }
    const condition = reader.required('condition')
    const changes = readChanges(reader, { append: ['condition'], replace: ['condition'] })
    if (condition === undefined || reader.failed) return
    const known = this.macros.get(name)
    if (changes?.append.has('condition')) {
      if (known === undefined) {
        this.nothingToAppendTo(reader)
        return
      }
      known.condition = known.condition.plus(condition)
      known.visibility = this.order
      return
    }
    const made = { name, condition: new Pieces([condition]), visibility: this.order, at: reader.name }
    if (known !== undefined) Object.assign(known, made)
    else this.macros.set(name, { ...made, index: this.order })
  }

  private rule(reader: ItemReader): void {
    reader.expectKeys(RULE_KEYS)
    checkCapture(reader)
    const changes = readChanges(reader, RULE_OVERRIDES)
    const known = this.rules.get(reader.name.text)
    if (reader.failed) return
    if (changes !== null) {
      if (known === undefined) {
        this.nothingToAppendTo(reader)
        return
      }
      if (reader.boolean('append') === true && !reader.has('condition') && !reader.has('exceptions')) {
        reader.invalid(reader.name, 'an appended rule must bring a condition or exceptions')
        return
      }
      if (this.sameSource(reader, known)) this.changeRule(reader, known, changes)
      return
    }
    if (RULE_TEXTS.some((key) => reader.has(key))) this.defineRule(reader, known)
    else this.switchRule(reader, known)
  }

  /** `- rule: X` with nothing but `enabled`. */
  private switchRule(reader: ItemReader, known: RuleDefinition | undefined): void {
    const enabled = reader.boolean('enabled')
    if (enabled === undefined) {
      reader.shape(reader.name, `rule "${reader.name.text}" has no "condition"`)
      return
    }
    if (known === undefined) {
      reader.invalid(reader.name, `rule "${reader.name.text}" is switched on or off but not defined before`)
      return
    }
    reader.warn(
      'W_RULE_DEPRECATED',
      'LOAD_DEPRECATED_ITEM',
      reader.name,
      '"enabled" alone is deprecated',
      'add override: {enabled: replace}',
    )
    known.enabled = enabled
    known.changedAt = reader.name
  }

  private defineRule(reader: ItemReader, known: RuleDefinition | undefined): void {
    const condition = reader.required('condition')
    const output = reader.required('output')
    const description = reader.required('desc')
    const priority = this.priority(reader, reader.required('priority'))
    const tags = reader.texts('tags')
    const source = reader.text('source')
    const exceptions = readExceptions(reader, null)
    const enabled = reader.boolean('enabled')
    const warns = reader.boolean('warn_evttypes')
    const skips = reader.boolean('skip-if-unknown-filter')
    if (known !== undefined && !this.sameSource(reader, known)) return
    // A rule with a mistake refuses the set anyway. It is kept all the same, so that its condition and output are checked
    // and everything that is wrong is told at once.
    if (condition === undefined) return
    const rule: RuleDefinition = {
      name: reader.name.text,
      at: reader.name,
      definedAt: known?.definedAt ?? reader.name,
      changedAt: known === undefined ? null : reader.name,
      description: description?.text.trim() ?? '',
      index: this.order,
      condition: new Pieces([condition]),
      output: new Pieces([output ?? reader.name]),
      outputEntries: readOutputEntries(reader, []),
      priority: priority ?? 'Debug',
      tags: distinct(tags ?? []),
      source: source?.text ?? known?.source ?? 'syscall',
      enabled: enabled ?? true,
      exceptions: reader.failed ? [] : exceptions,
      warnsOfEventTypes: warns ?? true,
      skipsUnknownFilters: skips ?? false,
    }
    // Setting a key that is in the map keeps its place, which is the rule's place in the order.
    this.rules.set(rule.name, rule)
  }

  private changeRule(reader: ItemReader, known: RuleDefinition, { append, replace }: Changes): void {
    // What decides when a rule fires says where the rule is; a tag, or being switched off, does not move it.
    const isMoved = ['condition', 'exceptions'].some((key) => append.has(key) || replace.has(key))
    const next: RuleDefinition = {
      ...known,
      changedAt: reader.name,
      ...(isMoved ? { at: reader.name, index: this.order } : {}),
    }
    const texts = (key: string): Scalar | undefined =>
      reader.has(key) && (append.has(key) || replace.has(key)) ? reader.text(key) : undefined
    const condition = texts('condition')
    if (condition !== undefined)
      next.condition = append.has('condition') ? known.condition.plus(condition) : new Pieces([condition])
    const output = texts('output')
    if (output !== undefined) next.output = append.has('output') ? known.output.plus(output) : new Pieces([output])
    if (replace.has('output_fields')) next.outputEntries = readOutputEntries(reader, [])
    else if (append.has('output_fields')) next.outputEntries = readOutputEntries(reader, known.outputEntries)
    const description = texts('desc')
    if (description !== undefined) {
      next.description = append.has('desc')
        ? `${known.description} ${description.text.trim()}`
        : description.text.trim()
    }
    if (replace.has('priority')) next.priority = this.priority(reader, reader.text('priority')) ?? known.priority
    if (append.has('tags') || replace.has('tags')) {
      const tags = reader.texts('tags') ?? []
      next.tags = replace.has('tags') ? distinct(tags) : [...new Set([...known.tags, ...distinct(tags)])]
    }
    if (replace.has('exceptions')) next.exceptions = readExceptions(reader, null)
    else if (append.has('exceptions')) next.exceptions = readExceptions(reader, known.exceptions)
    if (replace.has('enabled')) next.enabled = reader.boolean('enabled') ?? known.enabled
    if (replace.has('warn_evttypes'))
      next.warnsOfEventTypes = reader.boolean('warn_evttypes') ?? known.warnsOfEventTypes
    if (replace.has('skip-if-unknown-filter')) {
      next.skipsUnknownFilters = reader.boolean('skip-if-unknown-filter') ?? known.skipsUnknownFilters
    }
    if (!reader.failed) this.rules.set(known.name, next)
  }

  private priority(reader: ItemReader, given: Scalar | undefined): Priority | undefined {
    if (given === undefined) return undefined
    const text = given.text.trim().toLowerCase()
    const found = PRIORITIES.find((priority) => priority.toLowerCase() === (text === 'info' ? 'informational' : text))
    if (found === undefined) {
      const near =
        PRIORITIES.find((priority) => text.length > 2 && priority.toLowerCase().startsWith(text)) ??
        nearestName(
          text,
          PRIORITIES.map((priority) => priority.toLowerCase()),
        )
      const meant = PRIORITIES.find((priority) => priority.toLowerCase() === near?.toLowerCase())
      const hint = meant === undefined ? `one of ${PRIORITIES.join(', ')}` : `did you mean ${meant}?`
      reader.shape(given, `"${given.text.slice(0, 40)}" is no priority`, hint)
    }
    return found
  }

  private sameSource(reader: ItemReader, known: RuleDefinition): boolean {
    const source = reader.text('source')
    if (source === undefined || source.text === known.source) return true
    reader.invalid(source, `rule "${known.name}" has the source "${known.source}" already`)
    return false
  }

  private nothingToAppendTo(reader: ItemReader): void {
    reader.invalid(reader.name, `${reader.kind} "${reader.name.text}" is changed but was not defined before`)
  }
}

/** No .scap is written here, so what `capture` asks for is only read. */
function checkCapture(reader: ItemReader): void {
  const capture = reader.boolean('capture')
  if (reader.has('capture_duration')) {
    const duration = reader.text('capture_duration')
    if (duration !== undefined && !/^\d{1,10}$/.test(duration.text.trim()))
      reader.shape(duration, '"capture_duration" is a whole number of milliseconds')
  }
  if (capture === true)
    reader.warn('W_RULE_CAPTURE', undefined, reader.keyOf('capture'), '"capture" has no effect: no .scap is written')
}

function distinct(scalars: readonly Scalar[]): string[] {
  return [...new Set(scalars.map((scalar) => scalar.text))]
}
