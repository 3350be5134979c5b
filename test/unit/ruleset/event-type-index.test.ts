/** Which event types a rule is asked about, captured for and warned of. */
import { describe, expect, test } from 'vitest'
import { PROCESS_TREE_EVENTS } from '../../../core/ruleset/capture-plan.ts'
import { compileRules } from '../../../core/ruleset/compiler.ts'
import { loadRuleSet, readRules } from '../../../core/ruleset/load.ts'

const textOf = (condition: string) => `- rule: r\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: info\n`

function load(condition: string) {
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text: textOf(condition) }])
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

describe('the warning of a rule that names no event types', () => {
  test('counts those that are captured for it', () => {
    const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text: textOf('evt.type != openat') }])
    const compiled = compiledTypes('evt.type != openat')
    expect(problems.map(({ message }) => message)).toEqual([`rule "r" is asked about ${compiled.length} event types`])
    expect(compiled).not.toContain('signaldeliver')
    expect(ruleSet!.rules[0]!.eventTypes!.length).toBeGreaterThan(compiled.length)
  })

  test.each(['evt.type = openat and evt.type = connect', 'evt.type.is.openat = 1 and evt.type.is.connect = 1'])(
    'says of one that none passes that it can never match: %s',
    (condition) => {
      expect(load(condition).warnings).toEqual([
        'rule "r" can never match: no event that Seamark captures is of a type that its condition lets through',
      ])
    },
  )

  test('says of one that any passes that it is asked about every type', () => {
    expect(load('proc.name = cat').warnings).toEqual(['rule "r" is asked about every event type'])
  })
})

/** By the compiler itself. */
function compiledTypes(condition: string): string[] {
  const { rules, pool } = readRules([{ name: 'r.yaml', text: textOf(condition) }])
  const [rule] = rules
  const compilable = { condition: rule!.condition, source: rule!.source, namesEventTypes: true }
  return compileRules(pool, [compilable], 'all').eventTypes[0]!
}
