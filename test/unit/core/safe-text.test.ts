import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonLine, safeText } from '../../../core/runtime/safe-text.ts'

test('shows control characters as escapes', () => {
  expect(safeText('a\u001b[31mred\u0007\nnext\r\tx')).toBe('a\\x1b[31mred\\x07\\nnext\\r\\tx')
})

test('shows what turns the reading direction or hides as escapes', () => {
  expect(safeText('evil\u202egpj.exe\u2066\u200b\ufeff\u0085\u2028')).toBe(
    'evil\\u202egpj.exe\\u2066\\u200b\\ufeff\\x85\\u2028',
  )
})

test('leaves ordinary text of any language alone', () => {
  for (const text of ['/usr/bin/python3 -c "print(1)"', 'naïve café', '日本語', 'Ελληνικά', '🦀'])
    expect(safeText(text)).toBe(text)
})

test('never lets a line end, an escape sequence or a direction change through', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      expect(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(safeText(text))).toBe(false)
    }),
  )
})

test('prints JSON that means the same and holds nothing a terminal acts upon', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const line = jsonLine({ text })
      expect(JSON.parse(line)).toEqual({ text })
      expect(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(line)).toBe(false)
    }),
  )
})
