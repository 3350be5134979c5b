/** The commands for writers of rules, run as the command line runs them; exit codes by real processes. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Command, parseCommand } from '../../../app/command-line.ts'
import { rulesCheck } from '../../../app/commands/rules-check.ts'
import { rulesCost } from '../../../app/commands/rules-cost.ts'
import { rulesExplain } from '../../../app/commands/rules-explain.ts'
import { rulesImport } from '../../../app/commands/rules-import.ts'
import { rulesLint } from '../../../app/commands/rules-lint.ts'
import { rulesList } from '../../../app/commands/rules-list.ts'
import { rulesShow } from '../../../app/commands/rules-show.ts'
import { loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { runSeamark } from '../../support/seamark.ts'
import { falcoRules } from '../../support/upstream.ts'

const RECORDING = fileURLToPath(new URL('../../fixtures/recordings/shell-in-a-cgroup.smrec', import.meta.url))
const RULES = `- list: editors
  items: [vim]
- macro: reads
  condition: fd.name startswith /secret
- rule: my.read
  desc: Somebody reads.
  condition: evt.type in (open, openat) and reads and not proc.name in (editors)
  output: read %fd.name
  priority: warning
  tags: [mine]
  exceptions:
  - {name: backup, fields: [proc.name], comps: [=], values: [[tar]]}
`

let folder: string
let rules: string

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'seamark-rules-'))
  rules = file('rules.yaml', RULES)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

const event = (name: string, comm: string, path = '/secret/a') =>
  file(name, JSON.stringify({ type: 'openat', path, fd: 3, ret: 3, process: { comm } }))

async function run(command: Command, ...argv: string[]): Promise<{ code: number; out: string }> {
  let out = ''
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text)
    return true
  })
  try {
    return { code: await command.run(parseCommand(command, argv)), out }
  } finally {
    spy.mockRestore()
  }
}

const own = () => ['--no-builtin-rules', '--rules', rules]

describe('rules check --json', () => {
  test('names the item that a place belongs to, however it is written', async () => {
    const odd = file(
      'odd.yaml',
      [
        '- rule: "quoted: name" # why',
        '  desc: d',
        '  condition: evt.typ = open',
        '  output: o',
        '  priority: info',
        '- desc: d',
        '  rule: not first',
        '  condition: evt.typ = open',
        '  output: o',
        '  priority: info',
        '- rule: >-',
        '    folded',
        '    name',
        '  desc: d',
        '  condition: evt.typ = open',
        '  output: o',
        '  priority: info',
        '- {macro: flow, condition: (evt.typ = open)}',
        '- {rule: in a map, condition: flow, output: o, desc: d, priority: info}',
        '# - rule: a comment',
        '- unknown: x',
      ].join('\n'),
    )
    const { out } = await run(rulesCheck, odd, '--json')
    const [{ errors, warnings }] = JSON.parse(out).falco_load_results
    const places = (list: { context: { locations: unknown[] } }[]) =>
      list.map(({ context }) => context.locations[0] as Record<string, unknown>)
    expect(places(errors)).toMatchObject([
      { item_type: 'rule', item_name: 'quoted: name', position: { line: 2, column: 13 } },
      { item_type: 'rule', item_name: 'not first', position: { line: 7, column: 13 } },
      { item_type: 'rule', item_name: 'folded name', position: { line: 14, column: 13 } },
      { item_type: 'macro', item_name: 'flow', position: { line: 17, column: 28 } },
    ])
    expect(places(warnings)).toMatchObject([{ item_type: 'rules content', item_name: '', position: { line: 20 } }])
  })

  test('tells of a file that cannot be read beside those that can', async () => {
    const missing = join(folder, 'nosuch.yaml')
    const { code, out } = await run(rulesCheck, missing, rules, '--json')
    const { falco_load_results: results, summary } = JSON.parse(out)
    expect([code, summary]).toEqual([1, { rules: 0, errors: 1, warnings: 0 }])
    expect(results).toMatchObject([
      { name: rules, successful: true, errors: [] },
      { name: missing, successful: false, errors: [{ code: 'LOAD_ERR_FILE_READ', codedesc: 'File read error' }] },
    ])
    await expect(run(rulesCheck, missing)).rejects.toThrow('cannot be read')
  })

  test("has the shape of Falco's load results, one for each file", async () => {
    const bad = file(
      'bad.yaml',
      '- macro: unused\n  condition: proc.name = a\n- rule: r\n  desc: d\n  condition: evt.typ = open\n  output: o\n  priority: info\n',
    )
    const { code, out } = await run(rulesCheck, rules, bad, '--json')
    expect(code).toBe(1)
    const { falco_load_results: results } = JSON.parse(out)
    expect(results).toMatchObject([
      { name: rules, successful: true, errors: [], warnings: [] },
      {
        name: bad,
        successful: false,
        errors: [
          {
            code: 'LOAD_ERR_COMPILE_CONDITION',
            codedesc: 'Error compiling condition',
            hint: 'did you mean "evt.type"?',
            context: {
              locations: [{ item_type: 'rule', item_name: 'r', position: { name: bad, line: 4, column: 13 } }],
              snippet: expect.stringContaining('^'),
            },
          },
        ],
        warnings: [
          { code: 'LOAD_UNUSED_MACRO', context: { locations: [{ item_type: 'macro', item_name: 'unused' }] } },
        ],
      },
    ])
    const { offset } = results[1].errors[0].context.locations[0].position
    expect(readFileSync(bad, 'utf8').slice(offset, offset + 7)).toBe('evt.typ')
  })
})

describe('rules show', () => {
  test('gives the condition expanded, with exceptions, fields and events', async () => {
    const { code, out } = await run(rulesShow, 'my.read', ...own(), '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      name: 'my.read',
      file: rules,
      line: 5,
      priority: 'Warning',
      tags: ['mine'],
      eventTypes: ['open', 'openat'],
      fields: ['evt.type', 'fd.name', 'proc.name'],
      expanded:
        'evt.type in (open, openat) and fd.name startswith /secret and not proc.name in ("vim") and not proc.name = tar',
      outputFields: ['fd.name'],
    })
    expect((await run(rulesShow, 'my.read', ...own())).out).toContain(`defined in   ${rules}:5`)
  })

  test('tells where it was first defined, and where it was last changed by anything', async () => {
    const more = file(
      'more.yaml',
      '- rule: my.read\n  condition: and fd.num > 0\n  override: {condition: append}\n- rule: my.read\n  tags: [b]\n  override: {tags: append}\n',
    )
    const both = [...own(), '--rules', more]
    const { out } = await run(rulesShow, 'my.read', ...both)
    expect(out).toContain(`defined in   ${rules}:5\n`)
    expect(out).toContain(`changed in   ${more}:4\n`)
    expect((await run(rulesShow, 'my.read', ...own())).out).not.toContain('changed in')
    const places = { defined: { file: rules, line: 5 }, changed: { file: more, line: 4 } }
    expect(JSON.parse((await run(rulesShow, 'my.read', ...both, '--json')).out)).toMatchObject(places)
    expect(JSON.parse((await run(rulesList, ...both, '--json')).out)).toMatchObject(places)
    expect((await run(rulesList, ...both)).out).toContain(`${rules}:5, changed in ${more}:4\n`)
    expect((await run(rulesList, ...own())).out).toContain(`${rules}:5\n`)
  })

  test('names the nearest rule where there is none of that name', async () => {
    await expect(run(rulesShow, 'my.raed', ...own())).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining("did you mean 'my.read'?"),
    })
  })
})

describe('rules explain', () => {
  test('shows a match, a miss and what hid one, from plain data', async () => {
    const hit = await run(rulesExplain, 'my.read', ...own(), '--event', event('hit.json', 'cat'))
    expect(hit.code).toBe(0)
    expect(hit.out).toContain('my.read matches openat')
    expect(hit.out).toContain('fd.name startswith /secret   [fd.name is "/secret/a"]')
    expect(hit.out).toContain(`macro reads (${rules}:3)`)
    const miss = await run(rulesExplain, 'my.read', ...own(), '-e', event('miss.json', 'vim', '/x'), '--short-circuit')
    expect(miss.code).toBe(1)
    expect(miss.out).toContain('[fd.name is "/x"]')
    expect(miss.out).not.toContain('proc.name')
    const hidden = await run(rulesExplain, 'my.read', ...own(), '-e', event('hidden.json', 'tar'), '--json')
    expect(JSON.parse(hidden.out)).toMatchObject({ verdict: false, hiddenBy: ['backup'] })
  })

  test('says where a call is not asked about at all, because no rule names it', async () => {
    const one = '- rule: cats\n  desc: d\n  condition: proc.name = cat\n  output: o\n  priority: info\n'
    const other = '- rule: reads\n  desc: d\n  condition: evt.type = read\n  output: o\n  priority: info\n'
    const path = file('read.json', JSON.stringify({ type: 'read', fd: 3, process: { comm: 'cat' } }))
    const asked = (text: string, ...more: string[]) =>
      run(rulesExplain, 'cats', '--no-builtin-rules', '-r', file('cats.yaml', text), '-e', path, ...more)
    expect((await asked(one)).out).toContain('not asked: read is captured only where an enabled rule')
    expect(JSON.parse((await asked(one, '--json')).out)).toMatchObject({ verdict: true, isJudged: false })
    expect((await asked(one + other)).out).not.toContain('not asked')
  })

  test('of a stored document says which fields it does not tell', async () => {
    const document = {
      event: { action: 'openat', type: ['change'] },
      file: { path: '/secret/b' },
      process: { name: 'cat' },
      seamark: { source: 'syscall', time_ns: '1767225600000000000', ret: 3 },
    }
    const path = file('document.json', JSON.stringify(document))
    expect((await run(rulesExplain, 'my.read', ...own(), '-e', path)).out).toContain('my.read matches')
    const other = file(
      'other.yaml',
      RULES.replace('and reads', 'and reads and thread.cap_effective contains CAP_SYS_ADMIN'),
    )
    const { code, out } = await run(rulesExplain, 'my.read', '--no-builtin-rules', '-r', other, '-e', path, '--json')
    expect({ code, ...JSON.parse(out) }).toMatchObject({
      code: 1,
      verdict: null,
      unknownFields: ['thread.cap_effective'],
    })
  })

  test.runIf(loadAddon().addon !== null)(
    'takes an event of a recording by its number, or the first the rule looks at',
    async () => {
      const any = file(
        'any.yaml',
        '- rule: any\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: info\n',
      )
      const first = await run(rulesExplain, 'any', '--no-builtin-rules', '-r', any, '-e', RECORDING)
      expect(first).toMatchObject({ code: 0, out: expect.stringContaining('any matches execve') })
      await expect(
        run(rulesExplain, 'any', '--no-builtin-rules', '-r', any, '-e', RECORDING, '--index', '999999999'),
      ).rejects.toMatchObject({ message: expect.stringContaining('no number 999999999') })
    },
  )

  test.each([
    ['[]', 'an event is a map'],
    ['{"type": "opena"}', 'no event type'],
    ['{"path": "/etc/passwd"}', 'an event needs `type`, such as execve'],
    ['{', 'is no JSON'],
    ['{"type": "open", "pth": "/"}', 'did you mean "path"?'],
  ])('refuses %s as an event', async (text, why) => {
    await expect(run(rulesExplain, 'my.read', ...own(), '-e', file('bad.json', text))).rejects.toMatchObject({
      message: expect.stringContaining(why),
    })
  })
})

describe('rules cost', () => {
  test('sorts by cost, says that a made-up stream tells no alerts, and counts matches', async () => {
    const { code, out } = await run(rulesCost, '--events', '4000', '--rounds', '2', '--json')
    const { stream, events, rules: costs } = JSON.parse(out)
    expect({ code, stream, events }).toEqual({ code: 0, stream: 'made-up', events: 4000 })
    const ns = costs.map(({ nsPerEvent }: { nsPerEvent: number }) => nsPerEvent)
    expect(ns).toEqual(ns.toSorted((a: number, b: number) => b - a))
    expect(costs.every((one: { alertsPerDay: unknown }) => one.alertsPerDay === null)).toBe(true)
  })

  test.runIf(loadAddon().addon !== null)('extrapolates the alerts of a recording from its time', async () => {
    const any = file(
      'every.yaml',
      '- rule: any\n  desc: d\n  condition: evt.type = execve\n  output: o\n  priority: info\n',
    )
    const argv = ['--recording', RECORDING, '--rounds', '1', '--no-builtin-rules', '-r', any, '--json']
    const { seconds, rules: costs } = JSON.parse((await run(rulesCost, ...argv)).out)
    const [{ matches, alertsPerDay }] = costs
    expect(matches).toBeGreaterThan(0)
    if (seconds >= 1) expect(alertsPerDay).toBeCloseTo((matches * 86_400) / seconds, 3)
    else expect(alertsPerDay).toBeNull()
  })
})

describe('rules lint', () => {
  test('finds nothing in the shipped rules', async () => {
    expect(await run(rulesLint)).toEqual({ code: 0, out: '0 findings\n' })
  })

  test.skipIf(falcoRules() === null)(
    "finds what is true of Falco's own rules, and no dead rule that lives",
    async () => {
      const { out } = await run(rulesLint, '--no-builtin-rules', '--rule-matching', 'first', falcoRules()!, '--json')
      const messages = out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).message as string)
      expect(messages).toContainEqual(expect.stringContaining('"/usr/sbin/spamd" can never match: proc.name is a name'))
      expect(messages).toContainEqual(expect.stringContaining('"touch" stands twice in list "coreutils_binaries"'))
      expect(messages.filter((message) => message.includes('can never match: ')).length).toBeLessThan(15)
    },
  )
})

describe('rules import', () => {
  test('tells of every rule that uses what means something else here', async () => {
    const home = join(folder, 'differing')
    mkdirSync(home)
    const made = (name: string, condition: string, output: string) =>
      `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: "${output}"\n  priority: info\n`
    writeFileSync(
      join(home, 'a.yaml'),
      [
        made('one', 'evt.type = open and proc.stdin.type = file and proc.apid = 3', 'o'),
        made('two', 'evt.type = connect and fd.snet = 10.0.0.0/8 and proc.apid[1] = 3', '%evt.rawarg.res %fd.snet'),
        made(
          'three',
          'evt.type = connect and fd.rnet = 10.0.0.0/8 and proc.name regex "a.c"',
          '%toupper(k8s.pod.name)',
        ),
        made('four', 'evt.type = open and proc.name = a', '%proc.name'),
      ].join(''),
    )
    const { out } = await run(rulesImport, home, '--json')
    const { differences } = JSON.parse(out) as { differences: { code: string; what: string; places: string[] }[] }
    const told = differences.filter(({ code }) => code !== 'rule-matching')
    const at = (line: number, name: string) => `${join(home, 'a.yaml')}:${line} ${name}`
    expect(told.map(({ code, places }) => [code, ...places])).toEqual([
      ['regex', at(11, 'three')],
      ['proc.stdin.*', at(1, 'one')],
      ['proc.apid', at(1, 'one')],
      ['fd.snet', at(6, 'two')],
      ['evt.rawarg', at(6, 'two')],
      ['k8s.pod.*', at(11, 'three')],
    ])
    expect((await run(rulesImport, home)).out).toContain('`proc.apid` without a number: Those of all ancestors')
  })

  test('follows falco.yaml in its order, tells what is missing and blind, and writes only when asked', async () => {
    const home = join(folder, 'falco')
    mkdirSync(join(home, 'rules.d'), { recursive: true })
    writeFileSync(
      join(home, 'falco.yaml'),
      'rules_files: [/etc/falco/z.yaml, /etc/falco/rules.d, /etc/falco/gone.yaml]\npriority: notice\nload_plugins: [k8saudit]\n',
    )
    writeFileSync(join(home, 'z.yaml'), RULES)
    writeFileSync(
      join(home, 'rules.d/a.yaml'),
      '- rule: dns\n  desc: d\n  condition: evt.type = connect and fdlist.sips = x\n  output: o\n  priority: info\n- rule: audit\n  desc: d\n  source: k8saudit\n  condition: a.b = c\n  output: o\n  priority: info\n',
    )
    const before = readdirSync(home, { recursive: true })
    const { code, out } = await run(rulesImport, home, '--json')
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({
      files: [join(home, 'z.yaml'), join(home, 'rules.d/a.yaml'), '(selected by the configuration)'],
      missing: ['/etc/falco/gone.yaml'],
      rules: { total: 2, enabled: 1 },
      differences: expect.arrayContaining([
        {
          code: 'settings',
          what: expect.any(String),
          places: [expect.stringMatching(/falco.yaml:3:1 load_plugins has no meaning here: /)],
        },
      ]),
      blind: {
        rules: [
          { rule: 'audit', isDead: true },
          { rule: 'dns', isDead: true, why: 'fields that are never filled: fdlist.sips' },
        ],
        plugins: ['k8saudit'],
      },
      written: [],
    })
    expect(readdirSync(home, { recursive: true })).toEqual(before)
    const output = join(folder, 'output')
    await run(rulesImport, home, '--output', output)
    expect(readdirSync(output)).toEqual(['1-z.yaml', '2-a.yaml', '3-selected-by-the-configuration.yaml'])
    await expect(run(rulesImport, home, '--output', output)).rejects.toMatchObject({ code: 'E_USAGE' })
  })
})

test('as a program each ends with the exit code of its answer', async () => {
  const hit = event('program-hit.json', 'cat')
  const miss = event('program-miss.json', 'vim')
  const runs = await Promise.all([
    runSeamark(['rules', 'explain', 'my.read', ...own(), '--event', hit]),
    runSeamark(['rules', 'explain', 'my.read', ...own(), '--event', miss]),
    runSeamark(['rules', 'show', 'nothing', ...own()]),
    runSeamark(['rules', 'lint', '--help']),
  ])
  expect(runs.map(({ code }) => code)).toEqual([0, 1, 2, 0])
  expect(runs[3]!.stdout).toContain('Examples:')
}, 60_000)
