import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { TABLES } from '../../../core/batch/schema.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import type { DetectionContext } from '../../../core/model/rule-set.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'

const rule = (condition: string, more = '') =>
  `- rule: r\n  desc: d\n  condition: ${condition}\n  output: o %proc.name\n  priority: info\n${more}`

function problems(text: string) {
  return loadRuleSet([{ name: 'f.yaml', text }]).problems.map(
    ({ code, message, hint, location }) =>
      `${location.line}:${location.column} ${code} ${message}${hint ? ` (${hint})` : ''}`,
  )
}

const context: DetectionContext = {
  hostname: 'host-1',
  collector: 'c',
  idOf: (table, row) => `${table}-${row}`,
  day: () => ({ day: '2026-11-22', part: 0 }),
}

describe('rules files', () => {
  test('may define a list after its use, which is told; one that an append brings along is in time', () => {
    const list = '- list: shells\n  items: [sh, bash]\n'
    const uses = rule('evt.type = execve and proc.name in (shells)')
    expect(problems(uses + list)).toEqual([
      '3:50 W_LIST_LATER list "shells" is defined after what uses it; it is used all the same (move it up)',
    ])
    const appended = '- rule: r\n  condition: and proc.name in (shells)\n  override: {condition: append}\n'
    expect(problems(rule('evt.type = execve') + list + appended)).toEqual([])
  })

  test.each([
    [
      rule('evt.type = execve and proc.nmae = sh'),
      '3:36 E_RULE_FIELD unknown field "proc.nmae" (did you mean "proc.name"?)',
    ],
    [rule('>\n    evt.type = execve\n    and proc.tty = x'), '5:20 E_RULE_VALUE "x" is not a whole number'],
    [
      rule('"evt.type = execve and proc.pid > 0x10"'),
      '3:48 E_RULE_VALUE "0x10" is not a whole number (write it in decimal digits)',
    ],
    [rule('evt.type = exceve'), '3:25 E_RULE_EVENT_TYPE unknown event type "exceve" (did you mean "execve"?)'],
    [
      rule('spawned and evt.type = execve', '- macro: spawnd\n  condition: evt.type = execve\n'),
      '3:14 E_RULE_INVALID undefined macro "spawned" (did you mean "spawnd"?)',
    ],
    [
      rule('evt.type = execve and proc.pid contains 1'),
      '3:36 E_RULE_OPERATOR operator contains does not fit a field that holds a number (use one of = != in intersects exists < <= > >=)',
    ],
    [rule('proc.name = sh', '  source: docker\n').replace('%proc.name', ''), '3:14 E_RULE_FIELD_SOURCE'],
    [
      rule('evt.type = open and evt.arg[nmae] = x'),
      '3:34 E_RULE_FIELD_ARGUMENT field "evt.arg" takes the name or the position of an argument, not "nmae"',
    ],
    [
      rule('evt.type.is[opne] = 1'),
      'E_RULE_FIELD_ARGUMENT field "evt.type.is" takes the name of a system call or event, not "opne"',
    ],
    [rule('evt.around[noon] = 5'), 'field "evt.around" takes a time in ns since the Unix epoch, not "noon"'],
    [rule('evt.abspath[third] = /x'), 'field "evt.abspath" takes src or dst, not "third"'],
    [rule('toupper(evt.type) = OPEN'), '3:14 E_RULE_TRANSFORMER evt.type is compared as it is'],
    [rule('evt.type = execve').replace('info', 'urgent'), '5:13 E_RULE_SHAPE "urgent" is no priority'],
    [rule('evt.type = execve').replace('info', 'warn'), '"warn" is no priority (did you mean Warning?)'],
    [rule('evt.type = execve').replace('info', 'eror'), '"eror" is no priority (did you mean Error?)'],
    [rule('evt.type = execve').replace('%proc.name', '%proc.nam'), '4:14 E_RULE_FIELD unknown field "proc.nam"'],
    ['- rule: r\n  condition: evt.type = execve\n', '1:9 E_RULE_SHAPE rule "r" has no "output"'],
    ['just text', '1:1 E_RULE_SHAPE a rules file is a list of items'],
    ['- rule: [a\n', 'E_RULE_YAML'],
    [rule('evt.type = execve and proc.name regex "(?i)x"'), '3:52 E_RULE_REGEX "(?" is not part of the POSIX syntax'],
    [rule(`evt.type = execve and ${'('.repeat(20_000)}m${')'.repeat(20_000)}`), 'E_RULE_SYNTAX nested more than'],
    ['- required_engine_version: 99\n', '1:28 E_RULE_INVALID the rules require engine version 99'],
    [rule('a', '- macro: b\n  condition: a\n- macro: a\n  condition: b\n'), 'reference loop'],
  ])('with a mistake are refused as a whole, with its place (%#)', (text, expected) => {
    expect(loadRuleSet([{ name: 'f.yaml', text }]).ruleSet).toBeNull()
    expect(problems(text).join('\n')).toContain(expected)
  })

  test.each([
    ['evt.type = execve and evt.dir = <', '3:37 W_RULE_FIELD_DEPRECATED Falco will drop the field "evt.dir"'],
    [
      'evt.type = execve and proc.name regex "abc"',
      'W_RULE_REGEX_SIMPLE the regular expression "abc" only compares a text (use = "abc")',
    ],
    ['evt.type = execve and proc.name regex "^a/b.*"', '(use startswith "a/b")'],
    ['evt.type = execve and proc.name regex ".*a b"', '(use endswith "a b")'],
    ['evt.type = execve and proc.name regex ".*a.*$"', '(use contains "a")'],
    [
      'evt.type = execve and proc.name = "tolower(proc.pname)"',
      'W_RULE_VALUE_IS_FIELD "tolower(proc.pname)" is compared as text',
    ],
  ])('that Falco warns of are warned of here: %s', (condition, expected) => {
    const text = rule(`'${condition}'`)
    expect(loadRuleSet([{ name: 'f.yaml', text }]).ruleSet).not.toBeNull()
    expect(problems(text)).toEqual([expect.stringContaining(expected)])
  })

  test('whose aliases stand for very many values are refused, soon', () => {
    const levels = 'abcdefghij'.split('')
    const text = levels
      .map(
        (name, i) =>
          `- ${name}: &${name} [${Array(8)
            .fill(i === 0 ? 'x' : `*${levels[i - 1]}`)
            .join()}]`,
      )
      .join('\n')
    expect(problems(text).join('\n')).toContain('more than 50000 values repeated by aliases')
  })

  test('may begin with a mark of their byte order', () => {
    expect(loadRuleSet([{ name: 'f.yaml', text: `\ufeff${rule('evt.type = execve')}` }]).problems).toEqual([])
    expect(problems(`\ufeff${rule('evt.type = exceve')}`)[0]).toMatch(/^3:25 E_RULE_EVENT_TYPE/)
  })

  test('of a source that needs a plugin are left out, whatever is in them', () => {
    const audit = rule('ka.verb = create and nosuch', '  source: k8s_audit\n').replace('%proc.name', '%ka.user.name')
    expect(problems(audit)).toEqual([expect.stringContaining('has the unknown source "k8s_audit" and was left out')])
    expect(loadRuleSet([{ name: 'f.yaml', text: audit }]).ruleSet?.rules).toEqual([])
  })

  test.each(['a.c', 'a|b', 'a+', '[ab]', '(a).*'])(
    'a regular expression that needs to be one is not warned of: %s',
    (regex) => {
      expect(problems(rule(`'evt.type = execve and proc.name regex "${regex}"'`))).toEqual([])
    },
  )

  test('nested as flow collections without end are refused, not a crash', () => {
    for (const text of ['['.repeat(100_000), `- ${'{a: '.repeat(50_000)}`, '- - '.repeat(20_000)]) {
      expect(loadRuleSet([{ name: 'f.yaml', text }]).ruleSet?.rules ?? []).toEqual([])
    }
  }, 60_000)

  test('made of anything give a set or problems, never an exception', () => {
    const piece = fc.constantFrom(
      '- rule: a',
      '- macro: m',
      '- list: l',
      '  condition: evt.type = execve',
      '  items: [a, l]',
      '  override: {items: append}',
      '  exceptions: [{name: e, fields: proc.name, values: [x]}]',
      '  output: o %',
      '  desc: d',
      '  priority: info',
      '  append: true',
      '&a [*a]',
      '---',
      '  tags: {a: b}',
      ': :',
      '\t',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ maxLength: 60 }),
          fc.array(piece, { maxLength: 10 }).map((lines) => lines.join('\n')),
        ),
        (text) => {
          const { ruleSet, problems: found } = loadRuleSet([{ name: 'f.yaml', text }])
          expect(ruleSet === null).toBe(found.some(({ severity }) => severity === 'error'))
        },
      ),
      { numRuns: 1500 },
    )
  })

  test('override, append, except and switch off what earlier files say', () => {
    const base = `${rule('evt.type = execve and proc.name in (names)', '  tags: [a]\n')}- list: names\n  items: [sh]\n`
    const change = [
      '- list: names\n  items: [bash]\n  override: {items: append}\n',
      '- rule: r\n  tags: [b]\n  priority: critical\n  condition: or evt.type = ptrace\n  exceptions: [{name: e, fields: [user.name, proc.tty], comps: [=, "<"], values: [[root, 5]]}]\n',
      '  override: {tags: append, priority: replace, condition: append, exceptions: append}\n',
    ].join('')
    const { ruleSet, problems: found } = loadRuleSet([
      { name: 'base.yaml', text: base },
      { name: 'change.yaml', text: change },
    ])
    expect(found).toEqual([])
    expect(ruleSet!.rules[0]).toMatchObject({
      tags: ['a', 'b'],
      priority: 'Critical',
      file: 'change.yaml',
      eventTypes: ['execve', 'ptrace'],
    })
    const fires = (comm: string, userName: string, tty: number) => {
      const builder = new BatchBuilder(0n)
      builder.add('process', { pid: 1, comm, userName, tty })
      builder.addEvent('exec', 1n, { type: EVENT_TYPES.execve.code, process: 0 })
      return ruleSet!.detect(builder.build()).length > 0
    }
    expect([
      fires('bash', 'web', 0),
      fires('bash', 'root', 0),
      fires('bash', 'root', 9),
      fires('ls', 'web', 0),
    ]).toEqual([true, false, true, false])
    const off = loadRuleSet([
      { name: 'base.yaml', text: base },
      { name: 'off.yaml', text: '- rule: r\n  enabled: false\n' },
    ])
    expect(off.ruleSet!.rules[0]!.enabled).toBe(false)
    expect(off.ruleSet!.plan.eventTypes).toEqual(loadRuleSet([]).ruleSet!.plan.eventTypes)
  })

  test('of equal text have an equal version, and the plan follows rules and keep policy', () => {
    const files = [{ name: 'f.yaml', text: rule('evt.type = ptrace and proc.env[PATH] exists') }]
    const first = loadRuleSet(files).ruleSet!
    expect(loadRuleSet(files).ruleSet!.version).toBe(first.version)
    // What is kept changes what is captured, not how it is judged.
    const keeping = loadRuleSet(files, { keepEventTypes: ['connect'] }).ruleSet!
    expect([keeping.version, keeping.plan.version === first.plan.version]).toEqual([first.version, false])
    expect(loadRuleSet(files, { ruleMatching: 'first' }).ruleSet!.version).not.toBe(first.version)
    expect(first.plan.environment).toBe(true)
    expect(first.plan.eventTypes).toContain('ptrace')
    expect(keeping.plan.eventTypes).toContain('connect')
  })

  test('plan what is costly only where a rule or an output reads it', () => {
    const planOf = (text: string) => loadRuleSet([{ name: 'f.yaml', text }]).ruleSet!.plan
    const plain = planOf(rule('evt.type = connect'))
    expect([plain.wants, plain.domains]).toEqual([[], []])
    const names = planOf(
      rule('evt.type = connect and (fd.sip.name in (b.example, a.example) or fd.cip.name = a.example)'),
    )
    expect([names.wants, names.domains]).toEqual([[], ['a.example', 'b.example']])
    expect(problems(rule('evt.type = connect and fd.sip.name contains example'))).toEqual([
      '3:37 W_RULE_FIELD_NEVER_FILLED fd.sip.name holds only host names that some rule gives whole; contains gives none to look up (use one of = != in intersects)',
    ])
    expect(names.version).not.toBe(plain.version)
    const many = Array.from({ length: 1_001 }, (_, i) => `h${10_000 + i}.example`).join(', ')
    expect(problems(rule(`evt.type = connect and fd.sip.name in (${many})`))).toEqual([
      expect.stringMatching(/^3:14 W_RULE_HOST_NAMES the rules name 1001 hosts, .*"h11000.example" and what follows/),
    ])
    expect(planOf(rule(`evt.type = connect and fd.sip.name in (${many})`)).domains?.length).toBe(1_000)
    const state = planOf(rule('evt.type = connect and proc.stdin.type = ipv4 and user.shell exists'))
    expect(state.wants).toEqual(['accounts', 'descriptors'])
    const printed = planOf(rule('evt.type = connect').replace('o %proc.name', 'o %proc.vmrss %thread.cgroups'))
    expect(printed.wants).toEqual(['cgroups', 'resources'])
  })
})

describe('a detection', () => {
  test('says what happened, in text, in fields and as a document without the environment', () => {
    const text = rule('evt.type = execve').replace(
      'o %proc.name',
      '"%proc.name|%8proc.name|%fd.cport|%toupper(proc.name)|%evt.rawtime"',
    )
    const { ruleSet } = loadRuleSet([{ name: 'f.yaml', text: text.replace('fd.cport', 'proc.aname[3]') }])
    const builder = new BatchBuilder(1_767_225_600_123_456_789n)
    builder.add('container', { containerId: 'a'.repeat(64), labels: '__proto__=x\0app.kubernetes.io/name=web' })
    builder.add('process', { pid: 7, comm: 's\xff', argv: 'sh\0-c', env: 'SECRET=1', parent: 0, container: 0 })
    builder.addEvent('exec', builder.baseNs, { type: EVENT_TYPES.execve.code, process: 0, ret: 0, env: 'SECRET=1' })
    const batch = builder.build()
    const [match] = ruleSet!.detect(batch)
    expect(match).toEqual({ table: TABLES.exec.id, row: 0, rule: 0 })
    const detection = ruleSet!.detection(batch, match!, context)
    expect(detection.output).toBe('s\ufffd|s\ufffd      |s\ufffd|S\ufffd|1767225600123456789')
    expect(detection.fields).toEqual({
      'proc.name': 's\ufffd',
      'proc.aname[3]': 's\ufffd',
      'evt.rawtime': '1767225600123456789',
    })
    expect(detection).toMatchObject({
      rule: 'r',
      priority: 'Informational',
      hostname: 'host-1',
      timeMs: 1_767_225_600_123,
      day: '2026-11-22',
    })
    expect(ruleSet!.detection(batch, match!, context).id).toBe(detection.id)
    const document = detection.event as {
      process: { args: string[] }
      seamark: { ancestry: unknown[] }
      container: { labels: object }
    }
    expect(document).toMatchObject({
      '@timestamp': '2026-01-01T00:00:00.123Z',
      event: { action: 'execve', outcome: 'success' },
      process: { pid: 7, args: ['sh', '-c'] },
    })
    // A process that is its own parent has no end of ancestors; the document has.
    expect(document.seamark.ancestry.length).toBe(16)
    expect(JSON.stringify(document)).not.toContain('SECRET')
    expect(Object.keys(document.container.labels)).toContain('__proto__')
  })
})

test('a rule with a mistake in its shape is checked to the end: everything wrong is told at once', () => {
  const text = [
    '- macro: mm',
    '  condition: (proc.name = cat)',
    '- rule: R',
    '  desc: d',
    '  condition: mm and proc.nam = x and evt.type = open',
    '  output: hi %proc.nme',
    '  priority: hihg',
  ].join('\n')
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text }])
  expect(ruleSet).toBeNull()
  expect(problems.map(({ location, severity }) => `${location.line} ${severity}`)).toEqual([
    '5 error',
    '6 error',
    '7 error',
  ])
})
