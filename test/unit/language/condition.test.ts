import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Condition, Operand, TextValue } from '../../../core/language/condition/ast.ts'
import { MAX_CONDITION_LENGTH, MAX_DEPTH, parseCondition } from '../../../core/language/condition/parser.ts'
import { printCondition } from '../../../core/language/condition/printer.ts'

function printed(text: string): string {
  const result = parseCondition(text)
  if (!result.ok) throw new Error(`${result.message} at ${result.at}`)
  return printCondition(result.node)
}

function mistake(text: string): string {
  const result = parseCondition(text)
  return result.ok ? 'no mistake' : `${result.message} @${result.at}`
}

describe('a condition', () => {
  test.each([
    ['a.b=1 and c.d!=2 or not m', 'a.b = 1 and c.d != 2 or not m'],
    ['(a.b = 1 or m) and n', '(a.b = 1 or m) and n'],
    ['not not m', 'm'],
    ['not(m)', 'not m'],
    ['evt.dir=<', 'evt.dir = <'],
    ['a.b == x', 'a.b = x'],
    ['a.b in (x,"y z", \'q\')', 'a.b in (x, "y z", "q")'],
    ['a.b in ()', 'a.b in ()'],
    ['proc.aname[2]=sh', 'proc.aname[2] = sh'],
    ["container.label['a b']=x", 'container.label["a b"] = x'],
    ['a.b contains anyof (x, y)', 'a.b contains anyof (x, y)'],
    ['a.b contains anyof', 'a.b contains anyof'],
    ['tolower(a.b) = toupper(c.d)', 'tolower(a.b) = toupper(c.d)'],
    ['a.b = val(c.d)', 'a.b = val(c.d)'],
    ['join("-", a.b, c.d[1]) exists', 'join("-", a.b, c.d[1]) exists'],
    ['getopt(proc.args, "ab:")[b] = x', 'getopt(proc.args, "ab:")[b] = x'],
    ['a.b = "q\\"\\\\\\n"', 'a.b = "q\\"\\\\\\n"'],
    ['a.b = "a\\ b"', 'a.b = "a\\\\b"'],
    ['\n  a.b\t=\n 1 ', 'a.b = 1'],
  ])('%s reads as %s', (text, expected) => {
    expect(printed(text)).toBe(expected)
  })

  test.each([
    ['', 'the condition is empty @0'],
    ['a.b', 'expected an operator before the end @3'],
    ['a.b = ', 'expected a value after = @6'],
    ['a.b = 1 c', 'expected "and" or "or" before "c" @8'],
    ['a.b = 1 andc.d = 2', 'expected "and" or "or" before "andc.d" @8'],
    ['(a.b = 1', 'expected ")" before the end @8'],
    ['a.b = 1)', 'expected "and" or "or" before ")" @7'],
    ['a.b in /x', 'expected "(" after in @7'],
    ['a.b in (x', 'expected "," or ")" before the end @9'],
    ['a.b = "x', 'the quote " is never closed @6'],
    ['a.b regex "\\d+"', '"\\d" is no escape @11'],
    ['a.b iin (x)', 'expected an operator before "iin" @4'],
    ['a.b[] = 1', 'the brackets hold nothing @3'],
    ['and m', '"and" has nothing to join here @0'],
    ['val(a.b) = 1', 'val() belongs on the right side @0'],
    ['m and', 'expected a field, a macro, "not" or "(" before the end @5'],
  ])('%j is refused: %s', (text, expected) => {
    expect(mistake(text)).toBe(expected)
  })

  test('nested too deep is a mistake, not a crash', () => {
    const nested = (depth: number) => `${'('.repeat(depth)}m${')'.repeat(depth)}`
    expect(printed(nested(MAX_DEPTH))).toBe('m')
    expect(mistake(nested(MAX_DEPTH + 1))).toBe(`nested more than ${MAX_DEPTH} deep @${MAX_DEPTH}`)
    expect(mistake(nested(20_000))).toContain('nested more than')
    expect(mistake('not ('.repeat(20_000))).toContain('nested more than')
    expect(mistake(`${'tolower('.repeat(20_000)}a.b`)).toContain('nested more than')
  })

  test('may be long: ten thousand terms, but not a megabyte', () => {
    const terms = Array.from({ length: 10_000 }, (_, i) => `a.b = ${i}`)
    expect(printed(terms.join(' and '))).toBe(terms.join(' and '))
    expect(printed(`${'not '.repeat(50_001)}m`)).toBe('not m')
    expect(mistake('m'.repeat(MAX_CONDITION_LENGTH + 1))).toContain('at most')
  })

  const word = fc.stringMatching(/^[a-z][a-z0-9_]{0,4}$/).filter((name) => !['and', 'or', 'not', 'val'].includes(name))
  const at = fc.constant(0)
  const bare = fc.stringMatching(/^[a-z0-9/.*<>!\\[\]-]{1,6}$/)
  const value: fc.Arbitrary<TextValue> = fc.oneof(
    fc.record({ kind: fc.constant('text' as const), text: bare, quoted: fc.constant(false), at }),
    fc.record({ kind: fc.constant('text' as const), text: fc.string({ maxLength: 6 }), quoted: fc.constant(true), at }),
  )
  const field = fc.record({
    kind: fc.constant('field' as const),
    name: fc.tuple(word, word).map((parts) => parts.join('.')),
    argument: fc.option(fc.string({ minLength: 1, maxLength: 4 })),
    at,
  })
  const operand: fc.Arbitrary<Operand> = fc.oneof(
    field,
    fc.record({
      kind: fc.constant('call' as const),
      name: fc.constantFrom('tolower' as const, 'len', 'concat'),
      inputs: fc.array(field, { minLength: 1, maxLength: 2 }),
      argument: fc.constant(null),
      at,
    }),
  )
  const list = fc.record({ kind: fc.constant('list' as const), items: fc.array(value, { maxLength: 3 }) })
  const check = fc.oneof(
    fc.record({
      kind: fc.constant('check' as const),
      left: operand,
      operator: fc.constantFrom('=' as const, '!=', '<', 'contains', 'glob', 'regex'),
      modifier: fc.constant(null),
      // A bare value that begins with the rest of an operator would be read as that operator.
      right: fc.oneof(
        value.filter(({ text, quoted }) => quoted || !/^[<>=!]|^(val|tolower|len|concat|anyof|oneof|allof)/.test(text)),
        operand,
      ),
      at,
    }),
    fc.record({
      kind: fc.constant('check' as const),
      left: operand,
      operator: fc.constantFrom('in' as const, 'pmatch'),
      modifier: fc.constant(null),
      right: list,
      at,
    }),
    fc.record({
      kind: fc.constant('check' as const),
      left: operand,
      operator: fc.constant('startswith' as const),
      modifier: fc.constantFrom('anyof' as const, 'oneof'),
      right: list,
      at,
    }),
    fc.record({
      kind: fc.constant('check' as const),
      left: operand,
      operator: fc.constant('exists' as const),
      modifier: fc.constant(null),
      right: fc.constant(null),
      at,
    }),
  )
  const { node } = fc.letrec<{ node: Condition }>((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      check as fc.Arbitrary<Condition>,
      fc.record({ kind: fc.constant('macro' as const), name: word, at }),
      fc.record({
        kind: fc.constantFrom('and' as const, 'or'),
        children: fc.array(tie('node'), { minLength: 2, maxLength: 4 }),
        at,
      }),
      fc.record({ kind: fc.constant('not' as const), child: tie('node').filter(({ kind }) => kind !== 'not'), at }),
    ),
  }))
  const withoutPositions = (tree: unknown) =>
    JSON.parse(JSON.stringify(tree, (key, item) => (key === 'at' ? undefined : item)))

  test('that is printed reads back as the same tree', () => {
    fc.assert(
      fc.property(node, (tree) => {
        const result = parseCondition(printCondition(tree))
        expect(result.ok ? withoutPositions(result.node) : result).toEqual(withoutPositions(tree))
      }),
      { numRuns: 1000 },
    )
  })

  test('of any text is a tree or a mistake inside the text', () => {
    const noise = fc.oneof(
      fc.string({ maxLength: 80, unit: 'binary' }),
      fc.stringMatching(/^[ab. ()"'=,<>![\]\\]{0,60}$/),
      fc
        .array(
          fc.constantFrom('a.b', 'and', 'or', 'not', '(', ')', 'in', '=', 'm', '"', ',', 'tolower(', 'exists', ' '),
          { maxLength: 30 },
        )
        .map((parts) => parts.join(' ')),
    )
    let read = 0
    fc.assert(
      fc.property(noise, (text) => {
        const result = parseCondition(text)
        if (!result.ok) expect(result.at).toBeLessThanOrEqual(text.length)
        else {
          read++
          expect(parseCondition(printCondition(result.node)).ok).toBe(true)
        }
      }),
      { numRuns: 5000 },
    )
    expect(read).toBeGreaterThan(10)
  })
})

describe('what is written as in another language', () => {
  test.each([
    ['a.b = 1 && c.d = 2', 'write "and" with blanks around it'],
    ['a.b = 1 || c.d = 2', 'write "or" with blanks around it'],
    ['(a.b = 1 || c.d = 2)', 'write "or" with blanks around it'],
    ['a.b = 1 AND c.d = 2', 'write "and" in lower case'],
    ['a.b = 1 Or c.d = 2', 'write "or" in lower case'],
    ['NOT a.b = 1', 'write "not" in lower case'],
    ['a.b = 1 and (NOT m)', 'write "not" in lower case'],
    ['!a.b = cat', 'write "not a.b"'],
    ['a.b = 1 and !(m)', 'write "not (…)"'],
    ['a.b not in (x)', 'put "not" in front: not a.b in …'],
    ['a.b[1] !in (x)', 'put "not" in front: not a.b[1] in …'],
    ['a.b !contains x', 'put "not" in front: not a.b contains …'],
    ['a.b iin (x)', 'compare without case by tolower(a.b) in …'],
    ['a.b istartswith x', 'compare without case by tolower(a.b) startswith …'],
    ['a.b iendswith x', 'compare without case by tolower(a.b) endswith …'],
    ['a.b like x', 'use glob, in which * stands for anything, or contains'],
    ['a.b matches x', 'use regex, or glob'],
    ['a.b <> x', 'use !='],
    ['a.b === x', 'use ='],
    ['a.b startsWith x', 'did you mean "startswith"?'],
    ['a.b contians x', 'did you mean "contains"?'],
    ['a.b = anyof (x, y)', 'write a.b in (…)'],
    ['a.b != allof (x, y)', 'write not a.b in (…)'],
    ['a.b in anyof (x, y)', 'in takes its list without it'],
    ['a.b = 1 andc.d = 2', undefined],
  ])('%s is told how it is written here', (text, hint) => {
    const parsed = parseCondition(text)
    expect(parsed).toMatchObject({ ok: false })
    expect('hint' in parsed && parsed.hint).toBe(hint)
  })
})
