/**
 * Tests that rules files carry. An item `tests` names a rule, and lists events that it must hit and events that it must
 * miss; Falco ignores such an item. Each event becomes a real batch and is judged by the real compiled set.
 *
 *   - tests: RULE
 *     hit:  [{name: what it shows, type: execve, process: {…}, container: {…}}]
 *     miss: [{…}]
 */
import type { Location, Problem } from '../model/problem.ts'
import type { RuleSet } from '../model/rule-set.ts'
import type { TestDefinition } from './definitions.ts'
import { loadRuleSet } from './load.ts'
import { mergeDefinitions } from './merged-definitions.ts'
import type { RuleText } from './rule-file.ts'
import { testBatch } from './test-event.ts'
import type { Plain } from './yaml-items.ts'

export interface RuleTestResult {
  rule: string
  /** What the test shows, or its number within the item. */
  name: string
  expected: 'hit' | 'miss'
  passed: boolean
  /** Why it did not pass. */
  reason?: string
  /** Rules that fired for the event. */
  fired: string[]
  location: Location
}

export interface RuleTestRun {
  results: RuleTestResult[]
  /** Problems of the rules themselves; with an error nothing was run. */
  problems: Problem[]
  /** Enabled rules without a hit or without a miss. */
  untested: string[]
}

const KEYS = ['tests', 'hit', 'miss']

export function runRuleTests(files: readonly RuleText[]): RuleTestRun {
  const { ruleSet, problems } = loadRuleSet(files)
  if (ruleSet === null) return { results: [], problems, untested: [] }
  const results = mergeDefinitions(files).tests.flatMap((test) => runTests(test, ruleSet))
  const covered = (rule: string, expected: RuleTestResult['expected']) =>
    results.some((result) => result.rule === rule && result.expected === expected)
  const untested = ruleSet.rules
    .filter(({ name, enabled }) => enabled && !(covered(name, 'hit') && covered(name, 'miss')))
    .map(({ name }) => name)
  return { results, problems, untested }
}

function runTests({ rule, at, body }: TestDefinition, ruleSet: RuleSet): RuleTestResult[] {
  const location = at.file.locate(at.start)
  const failure = (reason: string): RuleTestResult[] => [
    { rule, name: 'the tests themselves', expected: 'hit', passed: false, reason, fired: [], location },
  ]
  if (!(body instanceof Map)) return failure('the item is no map')
  if (!ruleSet.rules.some(({ name }) => name === rule)) return failure(`there is no rule "${rule}"`)
  const unknown = [...body.keys()].find((key) => !KEYS.includes(key))
  if (unknown !== undefined) return failure(`unknown key "${unknown}"`)
  return (['hit', 'miss'] as const).flatMap((expected) => {
    const events = body.get(expected) ?? []
    if (!Array.isArray(events)) return failure(`"${expected}" is a list of events`)
    return events.map((event, i) => runTest(rule, expected, event, `${expected} ${i + 1}`, ruleSet, location))
  })
}

function runTest(
  rule: string,
  expected: 'hit' | 'miss',
  event: Plain,
  number: string,
  ruleSet: RuleSet,
  location: Location,
): RuleTestResult {
  const given = event instanceof Map ? event.get('name') : undefined
  const name = typeof given === 'string' ? given : number
  const columns = event instanceof Map ? new Map([...event].filter(([key]) => key !== 'name')) : event
  const batch = testBatch(columns)
  if (typeof batch === 'string') return { rule, name, expected, passed: false, reason: batch, fired: [], location }
  const fired = ruleSet.detect(batch).map((match) => ruleSet.rules[match.rule]!.name)
  const passed = fired.includes(rule) === (expected === 'hit')
  const reason = expected === 'hit' ? 'the rule did not fire' : 'the rule fired'
  return { rule, name, expected, passed, ...(passed ? {} : { reason }), fired, location }
}
