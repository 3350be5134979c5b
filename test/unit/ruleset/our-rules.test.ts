import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { runRuleTests } from '../../../core/ruleset/rule-tests.ts'

const folder = new URL('../../../rules/', import.meta.url)
const files = readdirSync(folder)
  .sort()
  .map((name) => ({ name: `rules/${name}`, text: readFileSync(new URL(name, folder), 'utf8') }))
const { results, problems, untested } = runRuleTests(files)

describe('the rules that come with Seamark', () => {
  test('load without a single problem', () => {
    expect(problems).toEqual([])
    expect(loadRuleSet(files).ruleSet?.rules.length).toBeGreaterThanOrEqual(7)
  })

  test('each have a hit and a miss', () => {
    expect(results.length).toBeGreaterThan(20)
    expect(untested).toEqual([])
  })

  test('are named after their files', () => {
    for (const rule of loadRuleSet(files).ruleSet!.rules) expect(basename(rule.file, '.yaml')).toBe(rule.name)
  })

  test.each(results.map((result) => [`${result.rule}: ${result.expected}: ${result.name}`, result] as const))(
    '%s',
    (_, result) => {
      expect(result.reason).toBeUndefined()
      expect(result.passed).toBe(true)
    },
  )
})

describe('a rule test', () => {
  const rule =
    '- rule: r\n  desc: d\n  condition: evt.type = execve and proc.name = sh\n  output: o\n  priority: info\n'

  test('that expects the wrong thing fails with its reason', () => {
    const text = `${rule}- tests: r\n  hit: [{type: execve, process: {comm: ls}}]\n  miss: [{type: execve, process: {comm: sh}}]\n`
    expect(runRuleTests([{ name: 'a.yaml', text }]).results.map(({ passed, reason }) => [passed, reason])).toEqual([
      [false, 'the rule did not fire'],
      [false, 'the rule fired'],
    ])
  })

  test.each([
    ['{type: execve, process: {com: ls}}', 'did you mean "comm"'],
    ['{type: nonsense}', 'no event type'],
    ['{type: openat, flags: O_WHAT}', 'no value for "flags"'],
  ])('with the event %s fails with a clear reason', (event, reason) => {
    const { results } = runRuleTests([{ name: 'a.yaml', text: `${rule}- tests: r\n  hit: [${event}]\n` }])
    expect(results[0]).toMatchObject({ passed: false, reason: expect.stringContaining(reason) })
  })
})
