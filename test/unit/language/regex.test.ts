/** Regular expressions over byte strings, as RE2 in UTF-8 has them. */
import { expect, test } from 'vitest'
import { fromText } from '../../../core/batch/strings.ts'
import { MAX_REGEX_INPUT_BYTES, regexTest } from '../../../core/language/condition/regex.ts'

const matches = (pattern: string, bytes: string) => regexTest(fromText(pattern))(bytes)

test.each([
  ['caf.', 'café', true],
  ['caf..', 'café', false],
  ['caf[éx]', 'café', true],
  ['caf[^x]', 'café', true],
  ['.+', '日本語', true],
  ['...', '日本語', true],
  ['a|b', 'ab', false],
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
