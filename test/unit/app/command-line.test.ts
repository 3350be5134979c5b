import { describe, expect, test } from 'vitest'
import { EXIT, parseCommand, tellFailure } from '../../../app/command-line.ts'
import { record } from '../../../app/commands/record.ts'
import { AppError } from '../../../core/model/errors.ts'
import { formatProblems } from '../../../core/runtime/problem-text.ts'

function told(error: unknown): { code: number; text: string } {
  let text = ''
  const code = tellFailure(error, { write: (chunk) => (text += chunk) })
  return { code, text }
}

describe('a failure', () => {
  test('cannot act on the terminal, whatever it quotes, and keeps its lines', () => {
    const { text } = told(new AppError('E_RULES_INVALID', 'mistakes in \u001b[2J\u202efile:\nline 2\r\u0007'))
    expect(text).toBe('seamark: mistakes in \\x1b[2J\\u202efile: [E_RULES_INVALID]\nline 2\\r\\x07\n')
    expect(told(new Error('\u001b]0;title\u0007')).text).not.toMatch(/[\u001b\u0007]/)
  })

  test('that is a mistake in a file has one code, the one of the mistake, and the exit code of the whole', () => {
    const message = formatProblems([
      {
        code: 'E_CONFIG_VALUE',
        severity: 'error',
        message: 'm',
        location: { file: 'f', line: 1, column: 2 },
        hint: 'h',
      },
    ])
    expect(told(new AppError('E_CONFIG_INVALID', message))).toEqual({
      code: EXIT.negative,
      text: 'seamark: f:1:2: error: m [E_CONFIG_VALUE]\n    hint: h\n',
    })
  })

  test('has the exit code of its kind', () => {
    const codes = (
      ['E_API_QUERY', 'E_API_BUSY', 'E_API_INTERNAL', 'E_API_UNAVAILABLE', 'E_STORE_STORAGE'] as const
    ).map(
      (code) => told(new AppError(code, 'x', { retryable: code === 'E_API_BUSY' || code === 'E_STORE_STORAGE' })).code,
    )
    expect(codes).toEqual([EXIT.usage, EXIT.unavailable, EXIT.failed, EXIT.unavailable, EXIT.unavailable])
  })
})

describe('seamark record', () => {
  test.each([
    ['--seconds=2147484', 'up to 2147483'],
    ['--seconds=1e99', 'up to 2147483'],
    ['--seconds=', 'above 0'],
    ['--seconds=0', 'above 0'],
    ['--seconds=soon', 'above 0'],
    ['--max-megabytes=1.5', 'whole number'],
    ['--max-megabytes=0', 'whole number'],
    ['--max-megabytes=9999999999', 'to 1048576'],
  ])('refuses %s before it starts anything', async (option, reason) => {
    await expect(record.run(parseCommand(record, ['file', option]))).rejects.toMatchObject({
      code: 'E_USAGE',
      message: expect.stringContaining(reason),
    })
  })
})
