import { expect, test } from 'vitest'
import { createEnvelopeStamp } from '../../../app/embedded/envelope-stamp.ts'
import { storageDay, storageDays } from '../../../core/batch/storage-day.ts'
import type { BatchHeader } from '../../../core/model/batch.ts'

const NOON_MS = Date.parse('2026-11-22T12:00:00Z')
const DAY_MS = 86_400_000
const header: BatchHeader = {
  collector: 'host',
  epoch: 'abc',
  sequence: 1,
  lowMs: {},
  dropped: {},
  plan: 'p',
  edgeRuleset: 'rules-2',
  class: 'routine',
  rows: 1,
}

test('names a part for every day that a row of the batch can be stored under', () => {
  const { parts } = createEnvelopeStamp({ currentPart: () => 3, nowMs: () => NOON_MS })(header)
  for (let hours = -24 * 30; hours <= 24 * 30; hours++) {
    expect(parts[storageDay(NOON_MS + hours * 3_600_000, NOON_MS)]).toBe(3)
  }
  expect(Object.keys(parts)).toEqual(storageDays(NOON_MS))
})

test('is judged by the rules that its host ran, also after a reload', () => {
  const stamp = createEnvelopeStamp({ currentPart: () => 0, nowMs: () => NOON_MS })
  expect(stamp(header).ruleset).toBe('rules-2')
  expect(stamp({ ...header, edgeRuleset: 'rules-3' }).ruleset).toBe('rules-3')
})

test('asks the store at most once a second, at once when the clock was set back, and follows the days', () => {
  let nowMs = NOON_MS
  let part = 0
  let asked = 0
  const stamp = createEnvelopeStamp({
    currentPart: () => {
      asked += 1
      return part
    },
    nowMs: () => nowMs,
  })
  const today = () => stamp(header).parts[storageDay(nowMs, nowMs)]
  expect(today()).toBe(0)
  const once = asked
  part = 1
  nowMs += 999
  expect(today()).toBe(0)
  expect(asked).toBe(once)
  nowMs += 1
  expect(today()).toBe(1)
  part = 2
  nowMs -= 10_000
  expect(today()).toBe(2)
  nowMs += DAY_MS
  expect(today()).toBe(2)
})
