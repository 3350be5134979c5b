/** Shell patterns, held to the fnmatch(3) of the machine where python3 can call it. */
import { spawnSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { globTest, matchesGlob } from '../../../core/fields/glob.ts'
import { pick, type Random, seeded } from '../../oracle/random-batch.ts'

test.each([
  ['/dev/*', '/dev/shm/x', true],
  ['[[:punct:]]dev*', '/dev/null', true],
  ['[[:print:]][[:graph:]]', 'a ', false],
  ['[[:blank:]][[:cntrl:]]', '\t\x7f', true],
  ['/de[[.v.]]/null', '/dev/null', true],
  ['/de[[=v=]]/null', '/dev/null', true],
  ['[[.a.]-c]', 'b', true],
  ['[a-[.c.]]', 'c', true],
  ['[[.space.]]', ' ', false],
  ['[![:digit:]]', '5', false],
  ['[]-a]', '_', true],
  ['[x[:alpha:]-]', '-', true],
  ['[[:nosuch:]]', 'a', false],
  ['[a', '[a', true],
  ['a\\', 'a', false],
  ['[\\]]', ']', true],
])('%s and %s: %s', (pattern, text, expected) => {
  expect(matchesGlob(pattern, text)).toBe(expected)
})

test('without case, classes still tell letters apart', () => {
  expect(matchesGlob('/DEV/[M-O]ull', '/dev/Null', true)).toBe(true)
  expect(matchesGlob('[[:upper:]]', 'a', true)).toBe(false)
  expect(matchesGlob('[[:upper:]]', 'A', true)).toBe(true)
})

test('takes linear time', () => {
  const before = process.cpuUsage()
  expect(globTest('*a'.repeat(60))(`${'a'.repeat(50_000)}b`)).toBe(false)
  expect(globTest(`${'[[:alpha:]]*'.repeat(60)}[[:digit:]]`)('a'.repeat(20_000))).toBe(false)
  for (const pattern of ['['.repeat(20_000), '[[.'.repeat(5_000), '[[:'.repeat(5_000), '[[=a'.repeat(5_000)])
    globTest(pattern)('[')
  // Of the processor: other jobs on the machine do not count.
  expect(process.cpuUsage(before).user / 1000).toBeLessThan(2_000)
})

const CLASSES = 'alpha digit alnum upper lower space blank punct print graph cntrl xdigit nosuch'.split(' ')
const PIECES = [
  ...'a b B z - ] [ ! ^ / . * * ? ? \\a \\* \\[ \\\\'.split(' '),
  ...'[ab] [!ab] [^a-c] [a-c] []a] [!]a] [c-a] [a-] [-a] [\\]a] [\\a-c] [a\\-c]'.split(' '),
  ...'[[.a.]] [[.-.]b] [[.a.]-c] [a-[.c.]] [[=a=]] [[=a=]-c] [[.ab.]] [a[.ab.]] [[.].]]'.split(' '),
  ...CLASSES.map((name) => `[[:${name}:]]`),
  ...'[a[:digit:]] [![:alpha:]] [[:digit:]-z] [[:alpha:][:digit:]] [[:lower:]B-D] [a[:nosuch:]b]'.split(' '),
  ...'[ [a [! [a- [[ [[:alpha: [[.a [[=a'.split(' '),
  ' ',
]
const CHARACTERS = [...'abcBCzZ5-][!/. \t\x01~_\xe9:=']

const python = `
import ctypes, json, sys
libc = ctypes.CDLL(None)
libc.setlocale(6, b"C")
pairs = json.load(sys.stdin)
print(json.dumps([libc.fnmatch(p.encode("latin1"), t.encode("latin1"), 16 if i else 0) == 0 for p, t, i in pairs]))
`
const probe = spawnSync('python3', ['-c', python], { input: JSON.stringify([['a*', 'ab', false]]), encoding: 'utf8' })

describe.skipIf(probe.stdout?.trim() !== '[true]')('fnmatch(3) (skipped where python3 cannot call it)', () => {
  test('agrees on generated patterns and texts, with case and without', () => {
    const random = seeded(97)
    const made = (from: readonly string[], most: number, r: Random) =>
      Array.from({ length: Math.floor(r() * most) }, () => pick(r, from)).join('')
    const pairs = Array.from({ length: 40_000 }, (_, i): [string, string, boolean] => {
      const text = made(CHARACTERS, 5, random)
      return [made(PIECES, 4, random), text, i % 4 === 0]
    })
    const { stdout } = spawnSync('python3', ['-c', python], { input: JSON.stringify(pairs), encoding: 'utf8' })
    const expected = JSON.parse(stdout) as boolean[]
    const differing = pairs.filter(
      ([pattern, text, ignoreCase], i) => matchesGlob(pattern, text, ignoreCase) !== expected[i],
    )
    console.log(`${pairs.length} pairs, ${expected.filter(Boolean).length} match`)
    expect(differing).toEqual([])
    expect(expected.filter(Boolean).length).toBeGreaterThan(2_000)
  })
})
