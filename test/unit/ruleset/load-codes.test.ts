/** Falco's codes: what kind of mistake a file has, as scripts around Falco tell them apart. */
import { describe, expect, test } from 'vitest'
import { loadRuleSet } from '../../../core/ruleset/load.ts'

const rule = (name: string, condition: string, more = '', output = 'o') =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: "${output}"\n  priority: info\n${more}`

function load(text: string) {
  const { ruleSet, problems } = loadRuleSet([{ name: 'f.yaml', text }])
  return {
    rules: ruleSet?.rules.map(({ name }) => name) ?? null,
    told: problems.map(
      ({ falcoCode, severity, message, hint, location }) =>
        `${location.line}:${location.column} ${severity} ${falcoCode} ${message}${hint ? ` (${hint})` : ''}`,
    ),
  }
}

describe('a rule that may be skipped', () => {
  const SKIP = '  skip-if-unknown-filter: true\n'

  test.each([
    [rule('r', 'evt.type = nosuch_call', SKIP), '3:25 warning LOAD_UNKNOWN_FILTER unknown event type "nosuch_call"'],
    [rule('r', 'evt.type = open and proc.nosuch = a', SKIP), 'warning LOAD_UNKNOWN_FILTER unknown field "proc.nosuch"'],
    [
      rule('r', 'evt.type = open', SKIP, '%proc.nosuch'),
      '4:13 warning LOAD_UNKNOWN_FILTER unknown field "proc.nosuch"',
    ],
    [
      rule('r', 'evt.type = open', `${SKIP}  output_fields: [proc.nosuch]\n`),
      'warning LOAD_UNKNOWN_FILTER unknown field "proc.nosuch"',
    ],
  ])('is left out alone where it names what is unknown (%#)', (text, expected) => {
    const { rules, told } = load(text + rule('other', 'evt.type = open'))
    expect(rules).toEqual(['other'])
    expect(told).toEqual([expect.stringContaining(expected)])
  })

  test('is refused for any other mistake, and one without the key for these', () => {
    expect(load(rule('r', 'evt.type = open', SKIP, '%fd.ip')).told).toEqual([
      expect.stringContaining('error LOAD_ERR_COMPILE_OUTPUT field "fd.ip" can be compared but not printed'),
    ])
    expect(load(rule('r', 'evt.type = open and proc.pid = x', SKIP)).rules).toBeNull()
    expect(load(rule('r', 'evt.type = nosuch_call')).told[0]).toContain('error LOAD_ERR_COMPILE_CONDITION')
    expect(load(rule('r', 'evt.type = open', '', '%proc.nosuch')).told[0]).toContain('error LOAD_ERR_COMPILE_OUTPUT')
  })
})

describe('exceptions', () => {
  const excepted = (exception: string) => rule('r', 'evt.type = open', `  exceptions:\n  - ${exception}\n`)

  test.each([
    ['{name: e}', 'exception "e" has no fields'],
    ['{name: e, fields: []}', '"fields" of exception "e" is a field or a list of fields'],
    ['{name: e, fields: [proc.name, fd.name], comps: [=]}', 'exception "e" needs as many comps as fields'],
    ['{name: e, fields: [proc.name, fd.name], values: [[a]]}', 'each row of exception "e" needs 2 values'],
    ['{name: e, fields: [proc.name], comps: [like], values: [[a]]}', '"like" is no operator for exception "e"'],
    ['{name: e, fields: proc.name, comps: =, values: [a]}', '"=" is no operator for exception "e"'],
    ['{name: e, fields: proc.name, values: [[cat], [dog]]}', '"values" of exception "e" is a flat list of values'],
  ])('with a mistake in what they mean: %s', (exception, message) => {
    expect(load(excepted(exception)).told).toEqual([expect.stringContaining(`error LOAD_ERR_VALIDATE ${message}`)])
  })

  test('tell of keys that they do not have', () => {
    expect(load(excepted('{name: e, fields: [proc.name], value: [[a]]}'))).toEqual({
      rules: ['r'],
      told: ['7:36 warning LOAD_UNKNOWN_KEY unknown key "value" in exception "e" (did you mean "values"?)'],
    })
  })

  test.each([
    ['{name: new, fields: [proc.name]}', 'exception "new" is new to the rule and appended without values'],
    ['{name: new, fields: [proc.name], values: []}', 'exception "new" is new to the rule and appended without values'],
    ['{name: new, values: [[a]]}', 'exception "new" has no fields'],
    ['{name: old, fields: [proc.name], values: [[b]]}', 'exception "old" exists already'],
    ['{name: old, comps: [=], values: [[b]]}', 'exception "old" exists already'],
  ])('are appended with mistakes: %s', (exception, message) => {
    for (const how of ['  append: true\n', '  override: {exceptions: append}\n']) {
      const text = `${excepted('{name: old, fields: [proc.name], values: [[a]]}')}- rule: r\n  exceptions:\n  - ${exception}\n${how}`
      expect(load(text).told.filter((line) => line.includes(' error '))).toEqual([
        expect.stringContaining(`error LOAD_ERR_VALIDATE ${message}`),
      ])
    }
  })

  test('are appended to a rule that had none, and may be replaced by one without values', () => {
    const append = (exception: string, how: string) =>
      `${rule('r', 'evt.type = open')}- rule: r\n  exceptions:\n  - ${exception}\n  override: {exceptions: ${how}}\n`
    expect(load(append('{name: e, fields: [proc.name]}', 'append')).rules).toBeNull()
    expect(load(append('{name: e, fields: [proc.name], values: [[a]]}', 'append')).told).toEqual([])
    expect(load(append('{name: e, fields: [proc.name]}', 'replace')).told).toEqual([])
  })
})

describe('other items', () => {
  test.each([
    [
      '- required_engine_version: 0.30.0\n  note: x\n',
      '2:3 warning LOAD_UNKNOWN_KEY unknown key "note" in required_engine_version',
    ],
    [
      '- required_plugin_versions:\n  - {name: container, version: 0.2.0, versoin: 1}\n',
      '2:39 warning LOAD_UNKNOWN_KEY unknown key "versoin" in a required plugin (did you mean "version"?)',
    ],
    [
      '- required_plugin_versions: []\n  plugins: []\n',
      '2:3 warning LOAD_UNKNOWN_KEY unknown key "plugins" in required_plugin_versions',
    ],
    [
      '- required_plugin_versions:\n  - {name: container, version: 9.0.0}\n',
      'error LOAD_ERR_VALIDATE the rules require plugin container 9.0.0, and Seamark stands in for container 0.7.1: the versions do not match',
    ],
    [
      '- required_plugin_versions:\n  - {name: cloudtrail, version: 0.2.0}\n',
      'error LOAD_ERR_VALIDATE the rules require plugin cloudtrail 0.2.0, which Seamark does not stand in for',
    ],
    [rule('r', 'evt.type = open', '  capture: maybe\n'), 'error LOAD_ERR_YAML_VALIDATE "capture" is true or false'],
    [
      rule('r', 'evt.type = open', '  capture: false\n  capture_duration: abc\n'),
      'error LOAD_ERR_YAML_VALIDATE "capture_duration" is a whole number of milliseconds',
    ],
    [
      rule('r', 'evt.type = open', '  capture: true\n'),
      'warning undefined "capture" has no effect: no .scap is written',
    ],
  ])('are told of with the code of Falco (%#)', (text, expected) => {
    expect(load(text).told).toEqual([expect.stringContaining(expected)])
  })
})
