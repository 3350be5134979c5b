import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_KINDS, ProcessKinds } from '../../../core/ruleset/process-kinds.ts'

const VERDICTS = 40

function learn(kinds: ProcessKinds, process: number, verdicts: readonly boolean[]): number {
  kinds.draft.fill(0)
  verdicts.forEach((holds, i) => {
    if (holds) kinds.draft[i >>> 5]! |= 1 << (i & 31)
  })
  return kinds.learn(process)
}

test('processes with equal verdicts are of one kind, and masks leave the rules whose verdict holds', () => {
  const verdicts = fc.array(fc.boolean(), { minLength: VERDICTS, maxLength: VERDICTS })
  fc.assert(
    fc.property(
      fc.array(verdicts, { maxLength: 50 }),
      fc.array(fc.integer({ min: -1, max: VERDICTS - 1 })),
      (all, rules) => {
        const kinds = new ProcessKinds(2, [0, 0, 0])
        const masks = kinds.masksFor(rules)
        kinds.open(true, 1000)
        const byText = new Map<string, number>()
        all.forEach((some, i) => {
          const kind = learn(kinds, i, some)
          expect(kind).toBe(byText.get(some.join()) ?? byText.size + 1)
          byText.set(some.join(), kind)
          const at = masks.at(kind)
          const left = rules.filter((_, rule) => (masks.words[at + (rule >>> 5)]! & (1 << (rule & 31))) !== 0)
          expect(left).toEqual(rules.filter((verdict) => verdict < 0 || some[verdict]))
        })
      },
    ),
  )
})

test('no more kinds are told apart from batch to batch than there is room for', () => {
  const kinds = new ProcessKinds(1, [0, 0, 0])
  const masks = kinds.masksFor([0, 1, 2])
  kinds.open(true, MAX_KINDS * 2)
  for (let i = 0; i < MAX_KINDS - 1; i++) {
    kinds.draft[0] = i
    masks.at(kinds.learn(i))
  }
  kinds.open(false, MAX_KINDS * 2)
  expect(kinds.count).toBe(MAX_KINDS - 1)
  kinds.draft[0] = -1
  kinds.learn(MAX_KINDS)
  kinds.open(false, MAX_KINDS * 2)
  expect(kinds.count).toBe(0)
  expect(kinds.byProcess.every((kind) => kind === 0)).toBe(true)
  kinds.draft[0] = 0b101
  const at = masks.at(kinds.learn(7))
  expect(masks.words[at]).toBe(0b101)
})

test('what was said of a program is kept by its number until numbers are void', () => {
  const kinds = new ProcessKinds(3, [1, 0, 1])
  kinds.open(true, 10)
  const [programs, , images] = kinds.steady
  expect(programs!.recall(4)).toBe(false)
  kinds.draft.set([1, 2, 3])
  programs!.keep(4)
  images!.keep(4)
  kinds.draft.set([7, 8, 9])
  programs!.keep(5)
  expect(programs!.recall(4)).toBe(true)
  expect([...kinds.draft]).toEqual([1, 8, 9])
  expect(images!.recall(4)).toBe(true)
  expect([...kinds.draft]).toEqual([1, 2, 9])
  kinds.open(false, 10)
  expect(programs!.recall(5)).toBe(true)
  kinds.open(true, 10)
  expect(programs!.recall(5)).toBe(false)
})
