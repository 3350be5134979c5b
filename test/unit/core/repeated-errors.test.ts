import { expect, test } from 'vitest'
import { logRepeated } from '../../../core/runtime/repeated-errors.ts'

function logged() {
  const lines: [string, number | undefined][] = []
  let ms = 0
  const log = logRepeated(
    {
      error: (fields: unknown) => {
        const { err, times } = fields as { err: Error; times?: number }
        lines.push([err.message, times])
      },
    },
    'something fails',
    () => ms,
  )
  return { lines, log, at: (now: number) => (ms = now) }
}

test('the same failure is told once, and a minute later with how many there were', () => {
  const { lines, log, at } = logged()
  for (let i = 0; i < 1_000; i++) log(new Error('full'))
  log(new Error('away'))
  expect(lines).toEqual([
    ['full', undefined],
    ['away', undefined],
  ])
  at(60_000)
  log(new Error('full'))
  log(new Error('full'))
  expect(lines.slice(2)).toEqual([['full', 1_000]])
})

test('failures that are all different are told, and do not gather', () => {
  const { lines, log } = logged()
  for (let i = 0; i < 500; i++) log(new Error(`number ${i}`))
  expect(lines).toHaveLength(500)
})
