/** Conditions that exclude themselves: found where they do, and never where a value exists that meets them. */
import { describe, expect, test } from 'vitest'
import { readRuleFiles } from '../../../app/rules/rule-files.ts'
import { contradictionIn } from '../../../core/lint/contradictions.ts'
import { lintRules } from '../../../core/lint/lint.ts'
import type { Value } from '../../../core/model/event.ts'
import { readRules } from '../../../core/ruleset/load.ts'
import { holds } from '../../oracle/interpreter.ts'
import { pick, type Random, seeded } from '../../oracle/random-batch.ts'
import { falcoRules } from '../../support/upstream.ts'

const rule = (condition: string, name = 'r') =>
  `- rule: ${name}\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: o\n  priority: info\n  warn_evttypes: false\n`

const BEFORE = `- list: empty\n  items: []\n- list: users\n  items: [a, b]\n- macro: in_users\n  condition: proc.name in (users)\n`

function lint(condition: string): string[] {
  const { errors, findings } = lintRules([{ name: 'r.yaml', text: BEFORE + rule(condition) }], {
    matching: 'all',
    disabledSources: [],
  })
  expect(errors).toEqual([])
  return findings.filter(({ code }) => code.startsWith('L_')).map(({ code, message }) => `${code} ${message}`)
}

describe('a rule is dead where', () => {
  test.each([
    'proc.name = a and proc.name = b',
    'proc.name = a and not proc.name = a',
    'proc.name = a and proc.name != a',
    'proc.name in (a, b) and proc.name in (c, d)',
    'in_users and proc.name = c',
    'in_users and not proc.name in (a, b, c)',
    'not (proc.name != a or not proc.name startswith b)',
    'proc.name exists and not proc.name exists',
    'proc.name startswith a and proc.name startswith b',
    'proc.name startswith anyof (a, b) and proc.name startswith c',
    'fd.name pmatch (/etc) and fd.name startswith /usr',
    'fd.name pmatch (/etc, /var/run) and fd.name startswith /var/runx',
    'fd.name pmatch (/etc) and fd.name pmatch (/usr, /var)',
    'fd.name endswith .conf and fd.name endswith .pem',
    'fd.name startswith /etc/ssh and not fd.name startswith /etc',
    'fd.name contains abc and not fd.name contains b',
    'fd.name contains ABC and not fd.name icontains b',
    'fd.name in (/a, /b) and fd.name startswith /etc',
    'fd.name = /a and fd.name endswith .conf',
    'fd.name = /a and fd.name contains x',
    'fd.name in (/a/b, /c/d) and fd.name glob "/e*"',
    'fd.name = /a and fd.name regex "/b.*"',
    'proc.pid > 5 and proc.pid < 3',
    'proc.pid > 5 and proc.pid < 6',
    'proc.pid >= 5 and not proc.pid > 4',
    'proc.pid in (1, 2) and proc.pid > 2',
    'fd.sport = 80 and fd.sport = 443',
    'evt.rawtime > 1470327477881730714 and evt.rawtime < 1470327477881730714',
    'evt.rawtime = 1470327477881730714 and evt.rawtime = 1470327477881730715',
    'evt.failed = true and evt.failed = false',
    'evt.failed != true and evt.failed != false',
    'fd.sip = 10.0.0.1 and fd.sip = 10.0.0.2',
    'fd.sip = 10.0.0.1 and fd.snet in (192.168.0.0/16, 172.16.0.0/12)',
    'fd.snet = 10.1.0.0/16 and not fd.snet = 10.0.0.0/8',
    'fd.typechar = f and fd.type = directory',
    'fd.typechar in (4, 6) and fd.type in (file, unix)',
    'container.id = host and container.image.repository = nginx',
    'container.id = host and container.image.tag exists',
    'proc.name in (empty)',
    'proc.name startswith anyof ()',
    'proc.aname = a and not proc.aname = a',
    'proc.aname[2] = a and proc.aname[2] = b',
    '(proc.name = b or proc.name = c) and proc.name = a',
    'not (proc.name = a and fd.num > 3) and proc.name = a and fd.num > 3',
    '(proc.name = a or user.name = x) and proc.name = b and user.name = y',
    'proc.name = val(proc.pname) and not proc.name = val(proc.pname)',
  ])('%s', (condition) => {
    expect(
      lint(`evt.type in (open, connect) and ${condition}`).filter((line) => line.startsWith('L_RULE_DEAD')),
    ).toHaveLength(1)
  })

  test('both parts are named, and a dead alternative where the rest can hold', () => {
    expect(lint('evt.type = open and proc.name = a and not in_users')).toEqual([
      'L_RULE_DEAD rule "r" can never match: "proc.name = a" and "not proc.name in ("a", "b")" exclude each other',
    ])
    expect(lint('evt.type = open and (fd.num > 5 and fd.num < 3 or proc.name = a)')).toEqual([
      'L_PART_DEAD a part of the condition can never hold: "fd.num > 5" and "fd.num < 3" exclude each other',
    ])
    expect(lint('evt.type = open and fd.name in (/etc/a, /usr/b) and fd.name startswith /etc')).toEqual([
      'L_VALUE_NEVER_MATCHES "/usr/b" can never match beside "fd.name startswith /etc"',
    ])
    expect(lint('evt.type = open and (proc.name in () or proc.name = a)')).toEqual([
      'L_LIST_EMPTY nothing is in an empty list: this check never holds',
    ])
  })
})

describe('nothing is said of', () => {
  test.each([
    'proc.aname = a and proc.aname = b',
    'proc.aname = a and not proc.aname = b',
    'fd.ip = 10.0.0.1 and fd.ip = 10.0.0.2',
    'fd.port = 80 and fd.port = 443',
    'not proc.name = a and not proc.name exists',
    // Of a name that is not there, neither holds.
    'not (proc.name != a or proc.name = a)',
    'proc.name != a and proc.name != b',
    'proc.name startswith a and proc.name startswith ab',
    'proc.name startswith a and proc.name endswith b',
    'fd.name pmatch (/etc) and fd.name startswith /etc/ssh',
    'fd.name pmatch (/etc/ssh) and fd.name startswith /et',
    'fd.name pmatch (/var/run) and fd.name startswith /var/run',
    'fd.name startswith /etc and not fd.name startswith /etc/ssh',
    'proc.pid > 5 and proc.pid < 7',
    'proc.fdusage > 5 and proc.fdusage < 6',
    'proc.pid >= 5 and proc.pid <= 5',
    'proc.aname[1] = a and proc.aname[2] = b',
    'fd.typechar = f and fd.type = file',
    'fd.typechar = 4 and not fd.type = file',
    'container.id != host and container.image.repository = nginx',
    'container.id = host and not container.image.repository = nginx',
    'fd.snet in (10.0.0.0/8, 192.168.0.0/16) and not fd.snet = 10.1.0.0/16',
    'not proc.name in (empty)',
    '(proc.name = a or proc.name = b) and proc.name = b',
    '(proc.name in (empty) or proc.name = a)',
  ])('%s', (condition) => {
    expect(lint(`evt.type in (open, connect) and ${condition}`)).toEqual([])
  })

  test.skipIf(falcoRules() === null)("Falco's rules, but for two that are dead as shipped", () => {
    const folder = falcoRules()!
    const { findings } = lintRules(readRuleFiles({ builtin: false, paths: [folder] }), {
      matching: 'all',
      disabledSources: [],
    })
    const dead = findings.filter(({ code }) => ['L_RULE_DEAD', 'L_PART_DEAD', 'L_LIST_EMPTY'].includes(code))
    const excluding = dead.map(({ message }) => message).filter((message) => !message.includes('no event type that is'))
    // The first compares with a list that is empty, the second allows every container.
    expect(excluding).toEqual([
      'rule "Network Connection outside Local Subnet" can never match: in "k8s.ns.name in ()" the list is empty',
      'rule "Launch Disallowed Container" can never match: "container.id != host" and "not container.id exists" exclude each other',
    ])
  })
})

const TEXTS = ['a', 'ab', 'b', '/etc', '/etc/a', '/etc/ab', '/usr', '']
const NUMBERS = ['-1', '0', '1', '2', '3']
const BLOCKS = ['10.0.0.1', '10.0.0.2', '::1', '10.0.0.0/8', '10.0.0.0/31', '0.0.0.0/0']

function randomCheck(random: Random): string {
  const text = () => JSON.stringify(pick(random, TEXTS))
  const texts = () => Array.from({ length: Math.floor(random() * 4) }, text).join(', ')
  switch (Math.floor(random() * 7)) {
    case 0:
      return `fd.num ${pick(random, ['=', '!=', '<', '<=', '>', '>='])} ${pick(random, NUMBERS)}`
    case 1:
      return `evt.failed ${pick(random, ['=', '!='])} ${pick(random, ['true', 'false'])}`
    case 2:
      return `${pick(random, ['fd.sip', 'fd.snet', 'fd.ip'])} ${pick(random, ['=', '!='])} ${pick(random, BLOCKS)}`
    case 3:
      return `${pick(random, ['proc.name', 'proc.aname'])} ${pick(random, ['in', 'pmatch'])} (${texts()})`
    case 4:
      return `${pick(random, ['fd.typechar', 'fd.type'])} ${pick(random, ['=', '!='])} ${pick(random, ['f', '4', 'file', 'ipv4', 'other'])}`
    case 5:
      return `proc.name ${pick(random, ['startswith', 'contains', 'endswith'])} ${pick(random, ['anyof', 'oneof', 'allof'])} (${texts()})`
    default: {
      const operator = pick(random, [
        '=',
        '!=',
        'contains',
        'icontains',
        'startswith',
        'endswith',
        'glob',
        'exists',
        '<',
      ])
      const value = operator === 'glob' ? '"/e*a"' : operator === 'exists' ? '' : text()
      return `${pick(random, ['proc.name', 'proc.name', 'proc.aname'])} ${operator} ${value}`
    }
  }
}

function randomCondition(random: Random, depth = 0): string {
  const roll = random()
  if (roll < 0.35 || depth > 2) return randomCheck(random)
  if (roll < 0.5) return `not (${randomCondition(random, depth + 1)})`
  const parts = Array.from({ length: 2 + Math.floor(random() * 2) }, () => randomCondition(random, depth + 1))
  return `(${parts.join(random() < 0.65 ? ' and ' : ' or ')})`
}

const VALUES: Record<string, readonly (Value | undefined)[]> = {
  'proc.name': [undefined, ...TEXTS, '/etc/a/b', 'xab', 'B', '/etc/xa'],
  'proc.aname': [undefined, ['a'], ['a', 'b'], ['/etc/a', 'ab'], ['']],
  'fd.num': [undefined, -2, -1, 0, 1, 2, 3, 4],
  'evt.failed': [undefined, true, false],
  ip: [undefined, '10.0.0.1', '10.0.0.2', '10.9.9.9', '192.168.0.1', '::1'],
  type: [undefined, 'f', '4', 'x'],
}

test('no event meets what is called contradictory (random conditions, every answer tried on random events)', () => {
  const random = seeded(20_261)
  const text = Array.from({ length: 1_500 }, (_, i) => rule(randomCondition(random), `r${i}`)).join('')
  const { rules, problems } = readRules([{ name: 'r.yaml', text }])
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  let dead = 0
  let missed = 0
  for (const { condition, definition } of rules) {
    const isDead = contradictionIn(condition) !== null
    let isMet = false
    for (let i = 0; i < 400 && !isMet; i++) {
      const draw = new Map(Object.entries(VALUES).map(([name, values]) => [name, pick(random, values)]))
      const ip = draw.get('ip')
      const type = draw.get('type') as string | undefined
      isMet = holds(condition, (name) => {
        if (name === 'fd.ip') return ip === undefined ? undefined : [ip as string, '10.0.0.2']
        if (name === 'fd.sip' || name === 'fd.snet') return ip
        if (name === 'fd.typechar') return type
        if (name === 'fd.type') return type && ({ f: 'file', '4': 'ipv4' }[type] ?? 'other')
        return draw.get(name)
      })
    }
    if (isDead) {
      dead++
      expect([definition.condition.text, isMet]).toEqual([definition.condition.text, false])
    } else if (!isMet) missed++
  }
  console.log(`${rules.length} conditions, ${dead} contradictory, ${missed} others that no event of 400 met`)
  expect(dead).toBeGreaterThan(100)
})

test('conditions that are very long are looked at for a bounded time', () => {
  const many = (count: number, join: string, check: (i: number) => string) =>
    Array.from({ length: count }, (_, i) => check(i)).join(join)
  for (const condition of [
    `(${many(200, ' and ', (i) => `proc.name startswith "${'a'.repeat(i + 1)}"`)}) and (${many(19_000, ' or ', (i) => `proc.name contains ${i}`)})`,
    many(300, ' and ', (i) => `(fd.num = ${i} or ${many(50, ' or ', (j) => `fd.num > ${i + j}`)})`),
    many(5_000, ' and ', (i) => `not proc.name in (${i}, ${i + 1})`),
  ]) {
    const before = process.cpuUsage()
    lint(condition)
    // Of the processor: other jobs on the machine do not count.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(5_000)
  }
})
