/** Which event types a rule is asked about, captured for and warned of. */
import { describe, expect, test } from 'vitest'
import { PROCESS_TREE_EVENTS } from '../../../core/ruleset/capture-plan.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'

function load(condition: string) {
  const text = `- rule: r\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: info\n`
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text }])
  const captured = ruleSet!.plan.eventTypes.filter((name) => !(PROCESS_TREE_EVENTS as string[]).includes(name))
  const warnings = problems.filter(({ code }) => code === 'W_RULE_EVENT_TYPES').map(({ message }) => message)
  return { types: ruleSet!.rules[0]!.eventTypes, captured, warnings }
}

describe('evt.type.is', () => {
  test.each([
    'evt.type.is.openat = 1',
    'evt.type.is[openat] = 1',
    'evt.type.is.openat > 0',
    'evt.type.is.openat >= 1',
    'evt.type.is.openat != 0',
    'not evt.type.is.openat = 0',
    'evt.type.is.openat in (1, 2)',
    'evt.type.is.openat = 1 and evt.type in (openat, connect)',
    'evt.type in (openat, connect) and evt.type.is.connect = 0',
    'evt.type in (openat, connect) and not evt.type.is.connect = 1',
  ])('narrows a rule as evt.type does: %s', (condition) => {
    expect(load(condition)).toEqual({ types: ['openat'], captured: ['openat'], warnings: [] })
  })

  test('that is 0 excludes a type', () => {
    const { types, captured } = load('evt.type.is.openat = 0')
    expect([types!.includes('openat'), types!.includes('connect')]).toEqual([false, true])
    expect([captured.includes('openat'), captured.includes('connect')]).toEqual([false, true])
  })

  test('that any event passes says nothing', () => {
    expect(load('evt.type.is.openat >= 0').types).toBeNull()
  })
})
