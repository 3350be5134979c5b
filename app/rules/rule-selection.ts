/**
 * Which rules are on, as the configuration has it: a rule file of its own behind all others, whose items switch rules on
 * and off. So what is published, versioned and tested is rule text and nothing else.
 */
import { matchesGlob } from '../../core/fields/glob.ts'
import { PRIORITIES, type Priority } from '../../core/model/event.ts'
import { readRules } from '../../core/ruleset/load.ts'

export interface RuleText {
  name: string
  text: string
}

export interface RuleSelector {
  /** A name, in which `*` stands for anything. */
  rule?: string
  tag?: string
}

export interface RuleSelection {
  select: { enable?: RuleSelector; disable?: RuleSelector }[]
  leastPriority: Priority
}

/** Null where it changes nothing. Rule files with mistakes are left to whoever loads them. */
export function selectionFile(files: readonly RuleText[], { select, leastPriority }: RuleSelection): RuleText | null {
  if (select.length === 0 && leastPriority === 'Debug') return null
  const lowest = PRIORITIES.indexOf(leastPriority)
  const items = readRules(files).rules.flatMap(({ definition: { name, tags, priority, enabled } }) => {
    let isOn = enabled
    for (const { enable, disable } of select) {
      if (enable !== undefined && applies(enable, name, tags)) isOn = true
      if (disable !== undefined && applies(disable, name, tags)) isOn = false
    }
    isOn &&= PRIORITIES.indexOf(priority) <= lowest
    return isOn === enabled ? [] : [{ rule: name, enabled: isOn, override: { enabled: 'replace' } }]
  })
  // JSON is YAML.
  return items.length === 0 ? null : { name: '(selected by the configuration)', text: JSON.stringify(items, null, 1) }
}

function applies({ rule, tag }: RuleSelector, name: string, tags: readonly string[]): boolean {
  return (rule === undefined || matchesGlob(rule, name)) && (tag === undefined || tags.includes(tag))
}
