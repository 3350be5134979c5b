/** The examples of the documentation are run, so that none of them is out of date. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runRuleTests } from '../../../core/ruleset/rule-tests.ts'

const ROOT = join(import.meta.dirname, '../../..')

test('the first rule of docs/writing-rules.md loads and passes its own tests', () => {
  const page = readFileSync(join(ROOT, 'docs/writing-rules.md'), 'utf8')
  const text = /```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
  const { results, problems } = runRuleTests([{ name: 'my.yaml', text }])
  expect(problems).toEqual([])
  expect(results.map(({ passed }) => passed)).toEqual([true, true])
})
