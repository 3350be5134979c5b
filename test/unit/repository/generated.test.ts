import { expect, test } from 'vitest'
import { GENERATED_FILES, staleFiles } from '../../../scripts/generate.ts'

test('what is generated is what the code says (npm run generate)', () => {
  expect(Object.keys(GENERATED_FILES).length).toBeGreaterThan(4)
  expect(staleFiles()).toEqual([])
})
