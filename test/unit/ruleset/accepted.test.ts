/** What Falco's language allows and is easily refused: it must load, and mean what it means there. */
import { describe, expect, test } from 'vitest'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { testBatch } from '../../../core/ruleset/test-event.ts'
import type { Plain } from '../../../core/ruleset/yaml-items.ts'

const LISTS = '- list: one\n  items: [cat]\n- list: two\n  items: [cat, bash]\n'

const rule = (condition: string, output = 'o') =>
  `- rule: r\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: "${output}"\n  priority: info\n  warn_evttypes: false\n`

function load(text: string) {
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text: LISTS + text }])
  return {
    ruleSet,
    errors: problems.filter(({ severity }) => severity === 'error'),
    warnings: problems.filter(({ code }) => code !== 'W_LIST_UNUSED'),
  }
}

function batchOf(event: Plain) {
  const batch = testBatch(event)
  if (typeof batch === 'string') throw new Error(batch)
  return batch
}

const map = (entries: Record<string, Plain>): Plain => new Map(Object.entries(entries))
const CAT = map({ type: 'openat', path: '/etc/passwd', fd: '3', ret: '3', process: map({ comm: 'cat' }) })
const LOOP = map({
  type: 'connect',
  family: '2',
  localIp: '127.0.0.1',
  localPort: '40000',
  remoteIp: '127.0.0.1',
  remotePort: '80',
  ret: '0',
  process: map({ comm: 'curl' }),
})

function fires(condition: string, event: Plain): boolean {
  const { ruleSet, errors } = load(rule(condition))
  expect(errors.map(({ message }) => message)).toEqual([])
  return ruleSet!.detect(batchOf(event)).length > 0
}

describe('conditions that Falco loads', () => {
  test.each([
    ['fd.sip = val(fd.cip)', LOOP, true],
    ['fd.sip != val(fd.cip)', LOOP, false],
    ['fd.lip = val(fd.rip) and fd.rip in val(fd.sip)', LOOP, true],
    ['fd.ip = val(fd.sip)', LOOP, true],
    ['fd.ip != val(fd.sip)', LOOP, false],
    ['proc.aname[40] = x', CAT, false],
    ['not proc.aname[40] = x', CAT, true],
    ['proc.aname[40] exists', CAT, false],
    ['evt.rawtime < 18446744073709551615', CAT, true],
    ['evt.rawtime > 18446744073709551615', CAT, false],
    ['evt.rawres > -9223372036854775808', CAT, true],
    ['proc.fdusage > 0.5', CAT, false],
    ['not proc.fdusage > +1.5e-3', CAT, true],
    ['proc.name in cat', CAT, true],
    ['proc.name in one', CAT, true],
    ['proc.name intersects one and proc.name in (two)', CAT, true],
    ['proc.name in dog', CAT, false],
    ['not proc.name in one and evt.type = openat', CAT, false],
    ['proc.name regex "ca.+?"', CAT, true],
    ['proc.name regex "x**cat"', CAT, true],
  ])('%s', (condition, event, expected) => {
    expect(fires(condition, event)).toBe(expected)
  })

  test('compare fields that nothing fills with decimals, too', () => {
    for (const name of ['thread.cpu', 'thread.cpu.user', 'thread.cpu.system'])
      expect(load(rule(`evt.type = open and ${name} > 12.5`)).errors).toEqual([])
  })

  test('print networks as the address that is in them', () => {
    const { ruleSet, warnings } = load(rule('evt.type = connect', '%fd.snet %fd.cnet %fd.lnet %fd.rnet'))
    expect(warnings).toEqual([])
    const batch = batchOf(LOOP)
    const [match] = ruleSet!.detect(batch)
    const context = { hostname: 'h', collector: 'c', idOf: () => 'x', day: () => ({ day: '2026-11-22', part: 0 }) }
    expect(ruleSet!.detection(batch, match!, context).output).toBe('127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1')
  })
})

test.each([
  ['fd.sip = val(fd.ip)', 'LOAD_ERR_COMPILE_CONDITION', 'may not stand on the right side'],
  ['fd.snet = val(fd.cnet)', 'LOAD_ERR_COMPILE_CONDITION', ''],
  ['proc.pid > 0.5', 'LOAD_ERR_COMPILE_CONDITION', 'is not a whole number'],
  ['proc.pid > 18446744073709551616', 'LOAD_ERR_COMPILE_CONDITION', 'is not a number of 64 bits'],
  ['proc.pid > -9223372036854775809', 'LOAD_ERR_COMPILE_CONDITION', 'is not a number of 64 bits'],
  ['proc.name in /cat', 'LOAD_ERR_COMPILE_CONDITION', 'expected "("'],
  ['proc.name in two', 'LOAD_ERR_COMPILE_CONDITION', 'has 2 values where one is compared'],
  ['proc.name = two', 'LOAD_ERR_COMPILE_CONDITION', 'has 2 values where one is compared'],
  ['proc.name regex "a\\\\d"', 'LOAD_ERR_COMPILE_CONDITION', 'not part of the POSIX syntax'],
])('%s is refused as in Falco, with %s', (condition, code, message) => {
  expect(load(rule(condition)).errors).toEqual([
    expect.objectContaining({ falcoCode: code, message: expect.stringContaining(message) }),
  ])
})
