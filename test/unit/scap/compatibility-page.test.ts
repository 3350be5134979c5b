/** docs/falco-compatibility.md says what the code and the comparison with Falco know, and nothing else. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FALCO_DIFFERENCES } from '../../../app/rules/falco-differences.ts'
import { concerns, FIELD_DIFFERENCES, rowOf } from '../../../app/rules/falco-field-differences.ts'
import { FIELDS } from '../../../core/fields/index.ts'
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

test('the fields that mean something else are those that `rules import` tells of, and all there are', () => {
  expect(rowsUnder('## Fields')).toEqual(FIELD_DIFFERENCES.map(rowOf))
  const names = FIELD_DIFFERENCES.flatMap(({ fields }) => fields)
  expect(names).toEqual([...new Set(names)])
  for (const name of names) {
    const begins = name.endsWith('.*') ? name.slice(0, -1) : undefined
    expect([name, FIELDS.some((field) => (begins ? field.name.startsWith(begins) : field.name === name))]).toEqual([
      name,
      true,
    ])
  }
  // What is read from /proc is late for all of them.
  for (const { name, wants } of FIELDS) {
    if (wants !== 'resources' && wants !== 'descriptors' && wants !== 'cgroups') continue
    const used = { name, argument: null, isPrinted: false }
    expect([name, FIELD_DIFFERENCES.some((one) => concerns(one, used))]).toEqual([name, true])
  }
})
