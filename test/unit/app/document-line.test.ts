import { expect, test } from 'vitest'
import { documentLine } from '../../../app/document-line.ts'

const alert = {
  '@timestamp': '2026-11-22T12:00:00.000Z',
  message: 'Write in web | path=/etc/x target=<NA> command=sh',
  rule: { name: 'r' },
  log: { level: 'error' },
  seamark: { alert: { count: 3, last: '2026-11-22T12:05:00.000Z' } },
}

test('an alert reads well: its last firing, how many there were, and nothing about what is absent', () => {
  expect(documentLine(alert)).toBe('2026-11-22T12:05:00.000Z  error r: Write in web | path=/etc/x command=sh  count=3')
})
