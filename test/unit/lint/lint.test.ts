import { describe, expect, test } from 'vitest'
import { type LintOptions, lintRules } from '../../../core/lint/lint.ts'

const rule = (name: string, condition: string, more = '') =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: info\n${more}`

function lint(text: string, options: Partial<LintOptions> = {}) {
  const { errors, findings } = lintRules([{ name: 'r.yaml', text }], {
    matching: 'first',
    disabledSources: [],
    ...options,
  })
  expect(errors).toEqual([])
  return findings.map(({ code, location, message }) => `${location.line}:${location.column} ${code} ${message}`)
}

describe('lint', () => {
  test.each([
    ['contradicting event types', 'evt.type = open and evt.type = execve', 'the event types that its parts name'],
    ['a constant', 'evt.type = open and evt.num = 0', 'no event type that is captured has all'],
    ['a field of other events', 'evt.type = execve and fd.num > 3', 'no event type that is captured has all'],
    ['a field that nothing fills', 'evt.type = open and fdlist.names = a', 'it needs fdlist.names'],
  ])('finds a rule that is dead because of %s', (_, condition, why) => {
    expect(lint(rule('r', condition)).filter((line) => line.includes('L_RULE_DEAD'))).toEqual([
      expect.stringContaining(`3:14 L_RULE_DEAD rule "r" can never match: ${why}`),
    ])
  })

  test.each([
    ['a wider set', 'evt.type in (open, openat)', 'evt.type = open and proc.name = a'],
    [
      'a shorter prefix',
      'evt.type = open and fd.name startswith /etc',
      'evt.type = open and fd.name startswith /etc/ssh',
    ],
    [
      'a prefix of all values',
      'evt.type = open and fd.name startswith /etc',
      'evt.type = open and fd.name in (/etc/a, /etc/b)',
    ],
    [
      'one of its alternatives',
      'evt.type = open and (proc.name = a or user.name = b)',
      'evt.type = open and proc.name = a',
    ],
    ['fewer exclusions', 'evt.type = open and not proc.name = a', 'evt.type = open and not proc.name in (a, b)'],
    ['existence', 'evt.type = open and proc.name exists', 'evt.type = open and proc.name = a'],
  ])('finds a rule behind one with %s, and not the other way round', (_, wide, narrow) => {
    expect(lint(rule('wide', wide) + rule('narrow', narrow))).toEqual([
      expect.stringContaining('6:9 L_RULE_SHADOWED rule "narrow" never fires: wherever it holds, "wide" (r.yaml:1)'),
    ])
    expect(lint(rule('narrow', narrow) + rule('wide', wide))).toEqual([])
    expect(lint(rule('wide', wide) + rule('narrow', narrow), { matching: 'all' })).toEqual([])
  })

  test('says nothing of a rule behind a disabled one, or behind one that is asked later', () => {
    expect(lint(rule('a', 'evt.type = open', '  enabled: false\n') + rule('b', 'evt.type = open'))).toEqual([])
    const general = rule('general', 'proc.name = a', '  warn_evttypes: false\n')
    expect(lint(general + rule('particular', 'evt.type = open and proc.name = a'))).toEqual([])
  })

  test.each([
    ['proc.name = containerd-shim-runc-v2', 'at most 15 bytes and this has 23'],
    ['proc.pname in (a, /usr/bin/b)', 'is a name and not a path'],
    ['tolower(proc.name) = Bash', 'tolower() gives no upper-case'],
    ['basename(fd.name) = etc/x', 'basename() gives no slashes'],
    ['fd.name in (/etc/a, etc/passwd)', 'is an absolute path and this is not'],
    ['fd.directory = /etc/', 'no slash at its end'],
    ['fd.port = 70000', 'a port is from 0 to 65535'],
    ['fd.sport in (80, 65536)', 'a port is from 0 to 65535'],
    ['fd.lport > 65535', 'a port is from 0 to 65535'],
    ['fd.typechar = file', 'fd.typechar has no such value'],
    ['fd.typechar in (f, x)', 'fd.typechar has no such value'],
    ['fd.type = socket', 'fd.type has no value socket'],
    ['evt.res = EACCESS', 'evt.res is SUCCESS or the name of an error'],
    ['evt.res in (SUCCESS, -2)', 'evt.res is SUCCESS or the name of an error'],
    ['fd.filename = /etc/passwd', 'fd.filename has no slashes'],
    ['fd.filename endswith ssh/id_rsa', 'fd.filename has no slashes'],
    ['len(fd.name) < 0', 'a length is at least 0'],
    ['len(fd.name) = -1', 'a length is at least 0'],
    ['evt.arg.flags contains O_CREATE', 'evt.arg.flags has no value O_CREATE'],
    ['evt.arg.mode contains O_CREAT', 'evt.arg.mode has no value O_CREAT'],
    ['evt.arg.domain = AF_INET4', 'evt.arg.domain has no value AF_INET4'],
    ['evt.arg.request in (PTRACE_ATTACH, PTRACE_POKE)', 'evt.arg.request has no value PTRACE_POKE'],
  ])('finds a value that can never match in %s', (check, why) => {
    expect(lint(rule('r', `evt.type in (open, socket, connect, ptrace) and ${check}`))).toEqual([
      expect.stringContaining(why),
    ])
  })

  test.each([
    'proc.name = containerd-shim',
    'proc.name != a-name-of-many-bytes',
    'tolower(proc.name) = bash',
    'fd.name endswith .ssh/id_rsa',
    'fd.name glob *.conf',
    'fd.name startswith /etc/',
    'fd.name startswith "pipe:["',
    'fd.directory = /',
    'fd.port in (0, 65535)',
    'fd.port < 65536',
    'fd.port = http',
    'fd.typechar in (f, d, 4, 6)',
    'fd.type in (file, ipv4, other)',
    'evt.res in (SUCCESS, ENOENT, E999)',
    'evt.res startswith E',
    'len(fd.name) >= 0',
    'evt.arg.flags contains "O_CREAT"',
    'evt.arg.flags contains CLONE_NEW',
    'evt.arg.flags = "O_WRONLY|O_CREAT"',
    'evt.arg.flags != O_CREATE',
    'evt.arg.mode contains "S_IXUSR"',
    'evt.arg.flags contains MAP_ANONYMOUS',
    'evt.arg.mode = "R_OK|W_OK"',
  ])('is content with %s', (check) => {
    expect(lint(rule('r', `evt.type in (open, connect) and ${check}`))).toEqual([])
  })

  test('points into the list that holds the value, through lists of lists and exceptions', () => {
    const text = `- list: inner\n  items: [a, this-is-too-long-for-a-comm]\n- list: outer\n  items: [inner, b, b]\n${rule(
      'r',
      'evt.type = open and proc.name in (outer)',
      '  exceptions:\n  - {name: x, fields: [proc.name], comps: [=], values: [[another-name-too-long]]}\n',
    )}`
    expect(lint(text)).toEqual([
      expect.stringMatching(/^2:14 L_VALUE_NEVER_MATCHES "this-is-too-long/),
      expect.stringMatching(/^4:21 L_VALUE_REPEATED "b" stands twice in list "outer"/),
      expect.stringMatching(/^11:58 L_VALUE_NEVER_MATCHES "another-name/),
    ])
  })

  test('finds names that nobody uses and rules of a source that is switched off', () => {
    const text = `- list: l\n  items: [a]\n- macro: m\n  condition: proc.name = a\n${rule('r', 'event.action = start', '  source: docker\n')}`
    expect(lint(text, { disabledSources: ['docker'] }).map((line) => line.split(' ')[1])).toEqual([
      'W_LIST_UNUSED',
      'W_MACRO_UNUSED',
      'L_RULE_SOURCE_OFF',
    ])
  })
})
