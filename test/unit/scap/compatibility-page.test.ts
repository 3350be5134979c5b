/** docs/falco-compatibility.md says what the code and the comparison with Falco know, and nothing else. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FALCO_DIFFERENCES } from '../../../app/rules/falco-differences.ts'
import { KNOWN_DIFFERENCES } from './known-differences.ts'

const PAGE = readFileSync(new URL('../../../docs/falco-compatibility.md', import.meta.url), 'utf8')

/** Of the table under this heading, without its head. */
function rowsUnder(heading: string): string[] {
  const section = PAGE.split(/^(?=#+ )/m).find((one) => one.startsWith(`${heading}\n`)) ?? ''
  return section
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .slice(2)
}

test('the differences in values are those by which captures are compared with Falco, each field once', () => {
  const rows = KNOWN_DIFFERENCES.map(
    ({ fields, reason }) => `| ${fields.map((field) => `\`${field}\``).join(', ')} | ${reason} |`,
  )
  expect(rowsUnder('### Where values differ')).toEqual(rows)
  const alone = KNOWN_DIFFERENCES.flatMap(({ fields }) => (fields.length === 1 ? fields : []))
  expect(alone).toEqual([...new Set(alone)])
})

test('the differences of rules are those that `rules import` tells of', () => {
  expect(rowsUnder('### Where rules differ')).toEqual(
    Object.entries(FALCO_DIFFERENCES).map(([code, what]) => `| \`${code}\` | ${what} |`),
  )
})
