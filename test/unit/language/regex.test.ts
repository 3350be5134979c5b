/** Regular expressions over byte strings, as RE2 in UTF-8 has them. */
import { expect, test } from 'vitest'
import { fromText } from '../../../core/batch/strings.ts'
import { MAX_REGEX_INPUT_BYTES, regexMistake, regexTest } from '../../../core/language/condition/regex.ts'

const matches = (pattern: string, bytes: string) => regexTest(fromText(pattern))(bytes)

test.each([
  ['caf.', 'café', true],
  ['caf..', 'café', false],
  ['caf[éx]', 'café', true],
  ['caf[^x]', 'café', true],
  ['.+', '日本語', true],
  ['...', '日本語', true],
  ['a|b', 'ab', false],
  // `^` and `$` stand at the ends of lines.
  ['a$[[:space:]]^b', 'a\nb', true],
  ['^a.b$', 'a\nb', false],
  ['^cat$', 'cat', true],
  // Repeats of repeats are plain repeats, and a question mark behind one is one more.
  ['a**', 'aaa', true],
  ['a**', '', true],
  ['ca.+?', 'ca', true],
  ['ca.+?', 'catalog', true],
  ['a++b', 'b', false],
  ['a??b', 'aab', false],
  ['a*{2}?', 'aaaa', true],
  ['(ab){2}{2}', 'abababab', true],
  ['(ab){2}{2}', 'abababababab', false],
  ['x(a|b)+*y', 'xy', true],
  ['\\x61{2}?c', 'c', true],
  ['[]a]{2}*', ']a]a', true],
  ['é{2}{2}', 'éééé', true],
  ['a{x}?', 'a{x', true],
])('%s over %s: %s', (pattern, text, expected) => {
  expect(matches(pattern, fromText(text))).toBe(expected)
})

test('what is no UTF-8 matches nothing, and what is too long is not searched', () => {
  expect(matches('caf.', 'caf\xe9')).toBe(false)
  expect(matches('.*', '\xff')).toBe(false)
  expect([
    matches('a*', 'a'.repeat(MAX_REGEX_INPUT_BYTES)),
    matches('a*', 'a'.repeat(MAX_REGEX_INPUT_BYTES + 1)),
  ]).toEqual([true, false])
})

test.each([
  '\\d',
  '(?i)a',
  'a|\\bb',
  '[\\w]',
  '[[:alpha:]\\d]',
  '\\pL',
  '\\Qa\\E',
  '(a)\\1',
  'a{1001}',
  '(a',
  '[a',
  '*a',
  'a{2}{600}',
])('%s is refused', (pattern) => {
  expect(regexMistake(pattern)).not.toBeNull()
})

test('repeats cost no more than their length', () => {
  const before = process.cpuUsage()
  for (const pattern of ['a'.padEnd(4000, '*?'), `a${'{1}'.repeat(1_000)}`, '('.repeat(4_000), 'a?'.repeat(2_000)])
    regexMistake(pattern)
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(1000)
})
