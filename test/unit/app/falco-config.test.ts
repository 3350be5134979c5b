import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { readConfig } from '../../../app/config.ts'
import { readFalcoConfig } from '../../../app/falco-config/read.ts'
import { readFalcoConfiguration } from '../../../app/rules/falco-import.ts'
import { scratchFolder } from '../../support/scratch.ts'

function read(text: string) {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-falco-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const path = join(directory, 'falco.yaml')
  for (const name of ['rules.yaml', 'falco_rules.yaml']) writeFileSync(join(directory, name), '')
  writeFileSync(path, text.replaceAll('DIR', directory))
  return { directory, ...readFalcoConfig(path, readConfig(undefined, {})) }
}

describe("Falco's configuration", () => {
  test('empty is that of a Falco without any: first rule that matches, text on standard output', () => {
    const { config, stdout, directory, leftOut } = read('# nothing\n')
    const paths = [join(directory, 'falco_rules.yaml')]
    expect(config.rules).toMatchObject({ builtin: false, paths, matching: 'first', leastPriority: 'Debug' })
    expect([stdout, config.notify.format, leftOut]).toEqual(['text', 'text', []])
  })

  test('that leads to no rules at all is a mistake', () => {
    const directory = mkdtempSync(join(tmpdir(), 'seamark-falco-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const path = join(directory, 'falco.yaml')
    writeFileSync(path, 'json_output: true\n')
    expect(() => readFalcoConfig(path, readConfig(undefined, {}))).toThrow(/names no rules, and falco_rules.yaml/)
  })

  test('that is a file of rules is told as one, and what to do with it', () => {
    const path = join(scratchFolder('falco'), 'my_falco_rules.yaml')
    for (const text of [
      '- rule: a\n  enabled: false\n',
      '- required_engine_version: 1\n',
      '- {list: a, items: []}\n',
    ]) {
      writeFileSync(path, text)
      expect(() => readFalcoConfiguration(path)).toThrow(
        'my_falco_rules.yaml: this is a rules file; give the folder it lies in, or use `rules check`',
      )
      expect(() => readFalcoConfig(path, readConfig(undefined, {}))).toThrow('a rules file; give it with --rules')
    }
    for (const text of ['- a\n', '[]\n', 'a\n']) {
      writeFileSync(path, text)
      expect(() => readFalcoConfiguration(path)).toThrow('it is no map of keys')
    }
  })

  test('finds its rules beside it when it was copied, but not in the place of others that it names', () => {
    const directory = mkdtempSync(join(tmpdir(), 'seamark-falco-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    mkdirSync(join(directory, 'other'))
    mkdirSync(join(directory, 'rules.d'))
    for (const name of ['rules.yaml', 'x.yaml', 'other/x.yaml']) writeFileSync(join(directory, name), '')
    const path = join(directory, 'falco.yaml')
    const named = [
      '/etc/falco/rules.d',
      join(directory, 'other/x.yaml'),
      '/gone/rules.yaml',
      'rules.yaml',
      '/gone/y.yaml',
    ]
    writeFileSync(path, `rules_files: [${named.join(', ')}]`)
    const { config, leftOut } = readFalcoConfig(path, readConfig('/dev/null', {}))
    const places = ['rules.d', 'other/x.yaml', 'rules.yaml', 'rules.yaml'].map((name) => join(directory, name))
    expect(config.rules.paths).toEqual(places)
    expect(leftOut.map(({ message }) => message)).toEqual(['/gone/y.yaml is not there'])
    expect(readFalcoConfiguration(path).missing).toEqual(['/gone/y.yaml'])
  })

  test('names rules, what of them is on, and where alerts go', () => {
    const { config, stdout, directory, leftOut } = read(`
rules_files: [DIR/rules.yaml, DIR/rules.d]
rules:
  - disable: {rule: "*"}
  - enable: {tag: network}
rule_matching: all
priority: info
json_output: true
json_include_message_property: true
json_include_tags_property: false
time_format_iso_8601: true
stdout_output: {enabled: false}
syslog_output: {enabled: true}
file_output: {enabled: true, keep_alive: true, filename: DIR/out.txt}
program_output: {enabled: true, keep_alive: true, program: "cat >> DIR/x"}
http_output: {enabled: true, url: https://h/x, mtls: true, client_cert: DIR/c, client_key: DIR/k, ca_cert: "", insecure: true}
log_level: notice
engine: {kind: modern_ebpf}
`)
    expect(config.rules).toMatchObject({
      builtin: false,
      paths: [join(directory, 'rules.yaml')],
      matching: 'all',
      leastPriority: 'Informational',
      select: [{ disable: { rule: '*' } }, { enable: { tag: 'network' } }],
    })
    expect(config.notify).toEqual({
      terminal: false,
      format: 'json',
      jsonParts: ['output', 'message', 'output_fields'],
      iso8601Times: true,
      syslog: true,
      file: join(directory, 'out.txt'),
      program: { command: `cat >> ${directory}/x`, keepAlive: true, ignoreExitCode: true },
      http: {
        url: 'https://h/x',
        userAgent: 'seamark',
        compress: false,
        insecure: true,
        certificateFile: `${directory}/c`,
        keyFile: `${directory}/k`,
      },
    })
    expect([stdout, config.log.level, config.capture.enabled]).toEqual([null, 'info', true])
    expect(leftOut.map(({ message, location }) => [message.replaceAll(directory, 'DIR'), location.line])).toEqual([
      [
        'file_output.keep_alive has no meaning here: the file is opened for each delivery, so that log rotation needs no signal',
        14,
      ],
      ['DIR/rules.d is not there', 2],
    ])
  })

  test('adds to the outputs of rules, with variables of the environment in it', () => {
    vi.stubEnv('SITE', 'lab')
    onTestFinished(() => void vi.unstubAllEnvs())
    const { config, leftOut } = read(`
append_output:
  - suggested_output: true
  - match: {source: syscall, rule: r, tags: [a, b]}
    extra_output: "at \${SITE} $\${SITE} \${NO_SUCH_VARIABLE}."
    extra_fields: [proc.tty, {site: "\${SITE}", who: "%user.name"}]
static_fields: {site: "\${SITE}"}
`)
    expect(config.rules.appendOutput).toEqual([
      { match: { tags: [] }, extraFields: [], suggestedOutput: true },
      {
        match: { source: 'syscall', rule: 'r', tags: ['a', 'b'] },
        extraOutput: `at lab \${SITE} .`,
        extraFields: ['proc.tty', { name: 'site', format: 'lab' }, { name: 'who', format: '%user.name' }],
        suggestedOutput: false,
      },
      { extraOutput: 'static_site=lab', extraFields: [{ name: 'static.site', format: 'lab' }] },
    ])
    expect(leftOut).toEqual([])
  })

  test('includes others: lists grow, the rest is replaced, or only what is new is taken', () => {
    const directory = scratchFolder('falco')
    for (const name of ['one.yaml', 'two.yaml', 'three.yaml']) writeFileSync(join(directory, name), '')
    mkdirSync(join(directory, 'config.d'))
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text)
    write('config.d/b.yaml', 'priority: error\nrules_files: [two.yaml]\nconfig_files: [/etc]\n')
    write('config.d/a.yaml', 'priority: notice\njson_output: true\nbogus: 1\n')
    write('config.d/readme.txt', 'no: yaml')
    write('new.yaml', 'priority: debug\nrule_matching: all\n')
    write('late.yaml', 'rules_files: [three.yaml]\n')
    const path = join(directory, 'falco.yaml')
    const included = '[config.d, /nowhere, {path: new.yaml, strategy: add-only}'
    write('falco.yaml', `config_files: ${included}]\nrules_files: [one.yaml]\npriority: debug\n`)
    const { config, leftOut } = readFalcoConfig(path, readConfig('/dev/null', {}))
    const names = (paths: readonly string[]) => paths.map((one) => one.replace(`${directory}/`, ''))
    expect(names(config.rules.paths)).toEqual(['one.yaml', 'two.yaml'])
    expect(config.rules).toMatchObject({ leastPriority: 'Error', matching: 'all' })
    expect(config.notify.format).toBe('json')
    expect(leftOut.map(({ message, location }) => [message, names([location.file])[0], location.line])).toEqual([
      ['/nowhere is not there', 'falco.yaml', 1],
      ["bogus is no key of Falco's", 'config.d/a.yaml', 3],
    ])
    write('falco.yaml', `config_files: ${included}, {path: late.yaml, strategy: override}]\nrules_files: [one.yaml]\n`)
    expect(names(readFalcoConfig(path, readConfig('/dev/null', {})).config.rules.paths)).toEqual(['three.yaml'])
    write('config.d/b.yaml', 'priority: loud\n')
    expect(() => readFalcoConfig(path, readConfig('/dev/null', {}))).toThrow(/config\.d\/b\.yaml:1:11/)
  })

  test('a misspelt key that holds others is told what was meant, too', () => {
    expect(read('stdout_ouput:\n  enabled: true\n').leftOut.map(({ hint }) => hint)).toEqual([
      'did you mean stdout_output?',
    ])
  })

  test('keys without a meaning here are listed with their place and reason, unknown ones with what was meant', () => {
    const { leftOut } = read(
      'grpc: {enabled: true}\nwebserver:\n  enabled: true\npriorty: debug\nengine:\n  kind: kmod\n  kmod: {buf_size_preset: 4}\n  ebpf: {}\nmetrics: {enabled: false, interval: 1h}\noutput_timeout: 0\n',
    )
    expect(
      leftOut.map(({ message, location: { line, column }, hint }) => [line, column, message.split(':')[0], hint]),
    ).toEqual([
      [1, 1, 'grpc has no meaning here', undefined],
      [2, 1, 'webserver has no meaning here', undefined],
      [4, 1, "priorty is no key of Falco's", 'did you mean priority?'],
      [7, 3, 'engine.kmod has no meaning here', undefined],
    ])
  })

  test.each([
    ['json_output: maybe', 'falco.yaml:1:14'],
    ['priority: loud', 'priority is one of emergency'],
    ['\nrules: {disable: x}', ':2:8'],
    ['rules: [{disable: {name: x}}]', '"rule" or a "tag"'],
    ['rules_files: [/nowhere]', 'none of the rule files is there'],
    [`rules_files: ["\${NO_SUCH_VARIABLE}"]`, 'none of the rule files is there'],
    ['file_output: {enabled: true}', 'file_output.filename is needed'],
    ['http_output: {enabled: true, url: ftp://x}', 'begins with http'],
    ['append_output: [{extra: x}]', 'append_output is a list of entries'],
    ['append_output: [{match: {tags: a}}]', '"tags", a list of texts'],
    ['append_output: [{extra_fields: {a: b}}]', 'extra_fields is a list'],
    ['static_fields: {a: 10%}', 'without a percent sign'],
    ['config_files: [{strategy: append}]', 'or of "path" and "strategy"'],
    ['a: [', 'falco.yaml:1'],
    ['- a', 'no map of keys'],
    ['engine: {kind: [x]}', 'engine.kind is a single value'],
  ])('with a mistake is refused with its place: %s', (text, expected) => {
    expect(() => read(text)).toThrow(expected)
  })

  test.each([
    ['yes', true],
    ['On', true],
    ['no', false],
    ['OFF', false],
    ['"true"', true],
  ])('takes %s for the boolean that it is to Falco', (word, expected) => {
    const { config } = read(`stdout_output: {enabled: ${word}}`)
    expect(config.notify.terminal).toBe(expected)
  })

  const confs = new URL('../../../../shared/upstream/falco-conformance/confs/', import.meta.url)
  test.skipIf(!existsSync(confs))('of its own tests is read (skipped where they are not beside the checkout)', () => {
    for (const name of readdirSync(confs)) {
      const text = readFileSync(new URL(name, confs), 'utf8').replace(/^rules_file:.*$/m, 'rules_file: DIR/rules.yaml')
      const { leftOut } = read(text)
      expect(leftOut.every(({ message }) => message.includes('has no meaning here'))).toBe(true)
    }
  })
})
