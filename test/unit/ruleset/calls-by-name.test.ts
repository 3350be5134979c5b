/** What is judged and captured only where a rule names it. */
import { describe, expect, test } from 'vitest'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { CALL_FAMILIES, type CallFamilyName, isByName, namesOf } from '../../../core/fields/calls-by-name.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { KNOWN_EVENT_NAMES, UNSEEN_EVENTS } from '../../../core/fields/unseen-events.ts'
import { compileRules } from '../../../core/ruleset/compiler.ts'
import { loadRuleSet, readRules } from '../../../core/ruleset/load.ts'
import { EVENT_TYPE_CODES } from './event-type-codes.ts'

const rule = (condition: string, more = '') =>
  `- rule: ${JSON.stringify(condition)}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: info\n  warn_evttypes: false\n${more}`

function load(text: string, keepEventTypes: readonly string[] = []) {
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text }], { keepEventTypes })
  return { ruleSet: ruleSet!, problems }
}

const namedIn = (text: string, keep?: readonly string[]) => load(text, keep).ruleSet.plan.eventTypes.filter(isByName)

describe('a call that is captured by name', () => {
  test.each([
    ['evt.type = read', ['read']],
    ['evt.type in (open, read, write) and proc.name = cat', ['read', 'write']],
    ['syscall.type intersects (read)', ['read']],
    ['not evt.type != read', ['read']],
    ['evt.type.is.read = 1', ['read']],
    ['evt.type.is.read != 0 and evt.type.is.write = 0', ['read']],
    ['evt.type.is[read] > 0', ['read']],
    ['not evt.type.is.read = 0', ['read']],
    ['evt.type.is.read = 0', []],
    ['evt.type.is.read >= 0', []],
    ['evt.type = read or proc.name = cat', ['read']],
    ['evt.type != read', []],
    ['not evt.type in (read, write)', []],
    ['evt.type = read and evt.type = open', []],
    ['evt.type in (read, write) and not evt.type = write', ['read']],
    ['evt.type startswith read', []],
    ['proc.name = cat', []],
    ['evt.is_io = true', []],
  ])('%s turns on %j', (condition, names) => {
    expect(namedIn(rule(condition))).toEqual(names)
  })

  test('is on through macros and lists, for enabled rules and for what is kept, and else not', () => {
    const macro = '- list: io\n  items: [read, write]\n- macro: does_io\n  condition: evt.type in (io)\n'
    expect(namedIn(macro + rule('does_io and proc.name = cat'))).toEqual(['read', 'write'])
    expect(namedIn(macro + rule('does_io and proc.name = cat', '  enabled: false\n'))).toEqual([])
    expect(namedIn(rule('proc.name = cat'), ['close'])).toEqual(['close'])
  })

  test('is judged by every rule that it can make true, once one has named it', () => {
    const builder = new BatchBuilder(0n)
    const process = builder.add('process', { comm: 'cat' })
    builder.addEvent('file', 0n, { type: EVENT_TYPES.read.code, process, ret: 3, fd: 3, path: '/etc/shadow' })
    const batch = builder.build()
    const matches = (text: string) => {
      const { ruleSet } = load(text)
      return ruleSet.detect(batch).map((match) => ruleSet.rules[match.rule]!.name)
    }
    const nameless = rule('proc.name = cat and fd.name = /etc/shadow')
    expect(matches(nameless)).toEqual([])
    const other = rule('evt.type = read and proc.name = dog')
    expect(matches(nameless + other)).toEqual(['proc.name = cat and fd.name = /etc/shadow'])
    expect(matches(nameless + other + rule('evt.type != read'))).toHaveLength(1)
  })

  test('has no generated code while nothing names it', () => {
    const codeOf = (text: string) => {
      const { rules, pool } = readRules([{ name: 'r.yaml', text }])
      return compileRules(
        pool,
        rules.map(({ condition, source }) => ({ condition, source, namesEventTypes: true })),
        'all',
      ).code
    }
    expect(codeOf(rule('proc.name = cat'))).not.toContain(`case ${EVENT_TYPES.read.code}:`)
    expect(codeOf(rule('proc.name = cat and evt.type = read'))).toContain(`case ${EVENT_TYPES.read.code}:`)
  })
})

describe('events that are never seen', () => {
  test.each([
    ['exit_group', 'the call never returns, and events are seen when a call returns', 'use procexit'],
    ['s390_sthyi', 'only other processors than x86-64 and arm64 have this call', undefined],
    ['pread64', 'the call goes by the name pread', 'use pread'],
    ['signaldeliver', 'it is no system call but an event of Falco itself', undefined],
  ])('%s is told with its reason', (name, why, hint) => {
    const [problem] = load(rule(`evt.type = ${name}`)).problems
    expect([problem?.code, problem?.message, problem?.hint]).toEqual([
      'W_RULE_EVENT_NOT_CAPTURED',
      `Seamark does not capture "${name}": ${why}`,
      hint,
    ])
  })

  test('are no events that are seen', () => {
    expect([...UNSEEN_EVENTS.keys()].filter((name) => Object.hasOwn(EVENT_TYPES, name))).toEqual([])
    expect(KNOWN_EVENT_NAMES.size).toBe(UNSEEN_EVENTS.size + Object.keys(EVENT_TYPES).length)
  })
})

describe('codes of event types', () => {
  test('are those that stored data has', () => {
    const codes = Object.entries(EVENT_TYPES).map(([name, { code }]) => `${code} ${name}`)
    for (const line of EVENT_TYPE_CODES) expect(codes).toContain(line)
    expect(codes.length, 'a new type is listed in event-type-codes.ts').toBe(EVENT_TYPE_CODES.length)
    expect(new Set(codes.map((line) => line.split(' ')[0])).size).toBe(codes.length)
  })

  test('leave a family room', () => {
    for (const family of Object.keys(CALL_FAMILIES) as CallFamilyName[])
      expect(namesOf(family).length, family).toBeLessThan(100)
  })
})
