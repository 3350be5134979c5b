/** The rule files of Falco's project load as they are. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { loadRuleSet } from '../../../core/ruleset/load.ts'

const root = new URL('../../../../shared/upstream/', import.meta.url)
const isHere = existsSync(root)
const read = (name: string) => ({ name, text: readFileSync(new URL(name, root), 'utf8') })
const STABLE = 'falco-rules/falco_rules.yaml'
const ALL = [STABLE, 'falco-rules/falco-incubating_rules.yaml', 'falco-rules/falco-sandbox_rules.yaml']

describe.skipIf(!isHere)('rules of the Falco project (skipped where they are not beside the checkout)', () => {
  test('the stable file loads unmodified, with the event types that Falco itself asks for', () => {
    const { ruleSet, problems } = loadRuleSet([read(STABLE)])
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(ruleSet?.rules.length).toBe(25)
    const named = new Set(ruleSet!.rules.flatMap((rule) => rule.eventTypes ?? ['any']))
    expect([...named].sort()).toEqual(
      [
        'connect dup dup2 dup3 execve execveat finit_module init_module link linkat open openat openat2 ptrace sendmsg',
        'sendto socket symlink symlinkat',
      ]
        .join(' ')
        .split(' '),
    )
  })

  test('all three files load together', () => {
    const { ruleSet, problems } = loadRuleSet(ALL.map(read))
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(ruleSet?.rules.length).toBe(93)
    expect(ruleSet?.plan.environment).toBe(true)
  })

  test('a rule file of 2017, with lists behind their use, loads', () => {
    const { ruleSet, problems } = loadRuleSet([read('paper/figure-1.yaml')])
    expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(ruleSet?.rules.length).toBeGreaterThan(0)
  })
})
