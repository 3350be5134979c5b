import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DOCUMENT_FIELDS } from '../../../core/fields/document-fields.ts'
import type { KqlNode, KqlValue } from '../../../core/language/kql/ast.ts'
import { evaluate } from '../../../core/language/kql/evaluate.ts'
import { checkDocumentField, DOCUMENT_CHECKS } from '../../../core/language/kql/known-field.ts'
import { MAX_QUERY_DEPTH, MAX_QUERY_LENGTH, MAX_QUERY_NODES, parseKql } from '../../../core/language/kql/parser.ts'
import { printKql } from '../../../core/language/kql/printer.ts'

const document = {
  '@timestamp': '2026-11-22T12:00:00.000Z',
  event: { action: 'execve', category: ['process'] },
  process: {
    name: 'sh',
    pid: 42,
    command_line: 'sh -c "Curl http://192.0.2.1"',
    args: ['sh', '-c'],
    interactive: true,
  },
  source: { ip: '192.0.2.7', port: 4711 },
  container: { labels: { __proto__x: 'y' } },
  seamark: { ancestry: [{ name: 'containerd-shim' }, { name: 'systemd' }] },
}

function matches(query: string): boolean {
  const result = parseKql(query)
  if (!result.ok) throw new Error(`${query}: ${result.message} at ${result.at}`)
  return evaluate(result.node, document)
}

describe('a KQL query', () => {
  test.each([
    ['', true],
    ['*', true],
    ['process.name: sh', true],
    ['process.name: SH', false],
    ['process.name: s*', true],
    ['process.name: "s*"', false],
    ['process.name: (bash or sh)', true],
    ['process.name: (bash or zsh)', false],
    ['process.name: (not bash)', true],
    ['NOT process.name: bash AND process.pid: 42', true],
    ['process.args: "-c"', true],
    ['process.pid: 42', true],
    ['process.pid: 4*', false],
    ['process.pid: forty', false],
    ['process.pid > 41 and process.pid <= 42', true],
    ['process.interactive: true', true],
    ['process.missing: *', false],
    ['not process.missing: 1', true],
    ['process: *', false],
    ['source.ip: 192.0.2.0/24', true],
    ['source.ip: 192.0.3.0/24', false],
    ['source.ip: 192.0.*', true],
    ['@timestamp >= "2026-11-22T00:00:00Z" and @timestamp < 2026-11-23', true],
    ['@timestamp < "2026-11-22T12:00:00Z"', false],
    ['curl', true],
    ['"curl http"', true],
    ['wget', false],
    ['seamark.ancestry.name: systemd', true],
    ['*: execve', true],
    ['constructor: *', false],
    ['process.command_line: sh -c*', true],
    ['event.action: \\and', false],
  ])('%s → %s', (query, expected) => {
    expect(matches(query)).toBe(expected)
  })

  test.each([
    ['process.name:', 'expected a value'],
    ['(process.name: sh', 'expected ")"'],
    ['process.name: "sh', 'never closed'],
    ['a: 1 b: 2', 'expected "and" or "or"'],
    ['and', 'expected a field or a value'],
    ['field: { nested: 1 }', 'nested queries'],
    ['proc*: sh', 'pattern cannot stand for a field'],
    [`${'('.repeat(20_000)}a${')'.repeat(20_000)}`, 'at most'],
    [`${'('.repeat(MAX_QUERY_DEPTH + 1)}a${')'.repeat(MAX_QUERY_DEPTH + 1)}`, 'nested more than'],
    ['a'.repeat(MAX_QUERY_LENGTH + 1), 'at most'],
    [Array.from({ length: MAX_QUERY_NODES + 1 }, () => 'a:b').join(' or '), 'more than'],
  ])('%s is refused', (query, message) => {
    const result = parseKql(query)
    expect(result.ok ? '' : result.message).toContain(message)
  })

  const text = fc.oneof(
    fc.string({ minLength: 1, maxLength: 8 }),
    fc.stringMatching(/^[a-z*:"\\() ]{1,8}$/),
    fc.constantFrom('and', 'OR', 'not', '*'),
  )
  // Blanks at the ends and runs of them are not part of a bare value.
  const bare = text
    .map((value) => value.replace(/\s+/g, ' ').trim())
    .filter((value) => value !== '' && !/ (and|or|not)( |$)|^(and|or|not) /i.test(value))
  const value = fc
    .oneof(
      text.map((t): KqlValue => ({ text: t, quoted: true, wildcards: [] })),
      fc.tuple(bare, fc.boolean()).map(
        ([t, wild]): KqlValue => ({
          text: t,
          quoted: false,
          wildcards: wild ? [...t].flatMap((c, i) => (c === '*' ? [i] : [])) : [],
        }),
      ),
    )
    .filter(
      (v) =>
        !(v.text === '*' && v.wildcards.length === 1) &&
        !/[^\x20-\x7e]/.test(v.text) &&
        v.text.split(' ').every((word) => !/^(and|or|not)$/i.test(word) || v.quoted || v.text === word),
    )
  const name = fc.stringMatching(/^[a-z@_]{1,5}(\.[a-z]{1,5})?$/).filter((word) => !/^(and|or|not)$/.test(word))
  const { node } = fc.letrec<{ node: KqlNode }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.record({ kind: fc.constant('is' as const), field: fc.option(name), value }),
      fc.record({ kind: fc.constant('exists' as const), field: name }),
      fc.record({
        kind: fc.constant('range' as const),
        field: name,
        operator: fc.constantFrom('<' as const, '>='),
        value,
      }),
      fc.record({
        kind: fc.constantFrom('and' as const, 'or'),
        children: fc.array(tie('node'), { minLength: 2, maxLength: 3 }),
      }),
      fc.record({ kind: fc.constant('not' as const), child: tie('node') }).filter((n) => n.child.kind !== 'not'),
    ),
  }))

  test('that is printed reads back as the same tree', () => {
    fc.assert(
      fc.property(node, (tree) => {
        const result = parseKql(printKql(tree))
        expect(result.ok && result.node).toEqual(tree)
      }),
      { numRuns: 500 },
    )
  })

  test('of any text is a tree or a mistake inside the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[ab:()"*<>= \\]{0,40}$/)), (query) => {
        const result = parseKql(query)
        if (!result.ok) expect(result.at).toBeLessThanOrEqual(query.length)
        else evaluate(result.node, document)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('a field that no document has', () => {
  const told = (query: string) => {
    const result = parseKql(query, { field: checkDocumentField })
    return result.ok ? null : { message: result.message, at: result.at, hint: result.hint }
  }

  test.each([
    ['process.nmae: sh', 0, 'unknown field "process.nmae"', 'did you mean process.name?'],
    ['user.name: a and (not procss.pid >= 3)', 22, 'unknown field "procss.pid"', 'did you mean process.pid?'],
    ['proc.name: sh', 0, 'unknown field "proc.name"', 'did you mean process.name?'],
    ['container.label.app: web', 0, 'unknown field "container.label.app"', 'did you mean container.labels.app?'],
    ['process: sh', 0, '"process" holds other fields', 'name one of them, such as process.pid'],
    [
      'container.labels: *',
      0,
      '"container.labels" holds other fields',
      'name one of them, such as container.labels.NAME',
    ],
    ['__proto__: *', 0, 'unknown field "__proto__"', undefined],
    ['constructor: x', 0, 'unknown field "constructor"', undefined],
  ])('%s is a mistake with its place and what was meant', (query, at, message, hint) => {
    expect(told(query)).toEqual({ message, at, hint })
  })

  test.each([
    'container.labels.com.example.app: web',
    'docker.attributes.exitCode: 137',
    'sh',
    '*: sh',
    'seamark.ancestry.name: systemd and not source.ip: 10.0.0.0/8',
  ])('%s is none', (query) => {
    expect(told(query)).toBeNull()
  })

  test('every field of the reference may be named', () => {
    expect(Object.keys(DOCUMENT_FIELDS).filter((name) => told(`${name}: *`) !== null)).toEqual([])
  })
})

describe('a value that a field cannot have', () => {
  const told = (query: string) => {
    const result = parseKql(query, DOCUMENT_CHECKS)
    return result.ok ? null : `${result.at}: ${result.message} (${result.hint})`
  }

  test.each([
    ['process.pid: abc', '13: "abc" is no value of process.pid (write a number, such as 4711)'],
    ['process.pid >= (', null],
    [
      'destination.ip: banana',
      '16: "banana" is no value of destination.ip (write an address or a block, such as 10.0.0.0/8)',
    ],
    [
      'destination.ip: 10.0.0.0/33',
      '16: "10.0.0.0/33" is no value of destination.ip (write an address or a block, such as 10.0.0.0/8)',
    ],
    [
      '@timestamp > now-1h',
      '13: "now-1h" is no value of @timestamp (times relative to now go into from and to (--from 1h))',
    ],
    ['process.interactive: yes', '21: "yes" is no value of process.interactive (write true or false)'],
    ['process.name = sh', '13: "=" is no operator here (compare with ":", as in process.name: sh)'],
  ])('%s is a mistake', (query, expected) => {
    if (expected === null) expect(told(query)).not.toBeNull()
    else expect(told(query)).toBe(expected)
  })

  test.each([
    'process.pid: *',
    'process.pid >= 3',
    'destination.ip: 10.*',
    'destination.ip: 10.0.0.0/8',
    '@timestamp > 2026-11-22',
    'process.name: "="',
    'not process.interactive: true',
  ])('%s is none', (query) => expect(told(query)).toBeNull())
})
