/**
 * Rule files as nobody writes them: real ones cut into items, put together at random and mutated. Whatever it is, there
 * is a set or there are problems, soon. SEAMARK_FUZZ_RUNS says how many (a few by default), SEAMARK_FUZZ_SEED where to
 * begin.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { randomCondition } from '../../oracle/random-condition.ts'
import { seeded } from '../../support/random.ts'
import { falcoRules } from '../../support/upstream.ts'

const RUNS = Number(process.env.SEAMARK_FUZZ_RUNS ?? 1_500)
const SEED = Number(process.env.SEAMARK_FUZZ_SEED ?? Math.floor(Math.random() * 1e9))
/** One file, on a machine that does other things too; an hour of backtracking would be seen. */
const MAX_MS = 1_000
const MAX_TEXT = 20_000

type Random = () => number
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)]!

/** Items of the rule files here and, where they stand beside the checkout, of Falco's. */
function realItems(): string[] {
  const folders = [join(import.meta.dirname, '../../../rules'), falcoRules()].filter((one) => one !== null)
  const texts = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => readFileSync(join(folder, name), 'utf8')),
  )
  return texts.flatMap((text) => text.split(/^(?=- )/m)).filter((item) => item.startsWith('- '))
}

const HOSTILE = [
  '(',
  ')',
  '('.repeat(5_000),
  'not '.repeat(2_000),
  `${'(a)+'.repeat(50)}$`,
  'evt.type in (',
  ' and ',
  ' or ',
  "'",
  '"',
  '\\',
  '\u0000',
  '\ud800',
  '\u202e',
  '%',
  '%proc.name',
  '%99999999999proc.name',
  '[',
  '[*]',
  '{',
  '&a ',
  '*a',
  '<<: *a',
  '!!js/function "x"',
  '__proto__',
  'constructor',
  'val(fd.name)',
  'tolower(',
  'getopt(proc.args, "a:")[a]',
  'regex "(x+x+)+y"',
  'glob "*".repeat',
  'pmatch (/a/**/b)',
  '1e309',
  '-9223372036854775809',
  '0x10',
  '\t',
  '\r\n',
  '---\n',
  'append: true\n',
  'override: {condition: append}\n',
  'exceptions: [{name: e, fields: [proc.name, fd.name], comps: [in, pmatch], values: [[[a], b], [c]]}]\n',
]

function mutated(random: Random, text: string): string {
  const at = Math.floor(random() * (text.length + 1))
  const to = Math.min(text.length, at + Math.floor(random() ** 3 * 200))
  switch (Math.floor(random() * 6)) {
    case 0:
      return text.slice(0, at) + text.slice(to)
    case 1:
      return text.slice(0, at) + pick(random, HOSTILE) + text.slice(at)
    case 2:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() ** 2 * 65_536)) + text.slice(at + 1)
    case 3:
      return text.slice(0, to) + text.slice(at)
    case 4: {
      const words = text.split(/(\s+)/)
      const [one, other] = [Math.floor(random() * words.length), Math.floor(random() * words.length)]
      ;[words[one], words[other]] = [words[other]!, words[one]!]
      return words.join('')
    }
    default:
      return text.slice(0, at) + text.slice(at, to).repeat(Math.ceil(random() * 20)) + text.slice(to)
  }
}

function fileFrom(random: Random, items: readonly string[]): string {
  const conditionOf = () => JSON.stringify(randomCondition(random, 'syscall'))
  const parts = Array.from({ length: 1 + Math.floor(random() * 4) }, (_, i) =>
    random() < 0.3
      ? `- rule: r${i}\n  desc: d\n  condition: ${conditionOf()}\n  output: o %proc.name\n  priority: info\n`
      : pick(random, items),
  )
  let text = parts.join('')
  for (let i = Math.floor(random() * 6); i > 0; i--) text = mutated(random, text).slice(0, MAX_TEXT)
  return text
}

describe('rule files made of real ones and altered', () => {
  test(`give a set or problems, and soon (${RUNS} files, seed ${SEED})`, { timeout: 60_000 + RUNS * 50 }, () => {
    const items = realItems()
    expect(items.length).toBeGreaterThan(30)
    const counts = { loaded: 0, refused: 0, slowestMs: 0 }
    for (let run = 0; run < RUNS; run++) {
      const text = fileFrom(seeded(SEED + run), items)
      const startMs = performance.now()
      try {
        const { ruleSet, problems } = loadRuleSet([{ name: 'f.yaml', text }])
        expect(ruleSet === null).toBe(problems.some(({ severity }) => severity === 'error'))
        for (const {
          location: { line, column },
        } of problems)
          expect(line > 0 && column > 0).toBe(true)
        counts[ruleSet === null ? 'refused' : 'loaded']++
      } catch (cause) {
        throw new Error(`seed ${SEED + run}: ${JSON.stringify(text)}`, { cause })
      }
      const tookMs = performance.now() - startMs
      if (tookMs > MAX_MS && isSlowAgain(text)) throw new Error(`seed ${SEED + run}: ${Math.round(tookMs)} ms`)
      counts.slowestMs = Math.max(counts.slowestMs, Math.round(tookMs))
    }
    console.log('rule files:', counts)
    // Mutations that nothing survives, or that nothing refuses, would show nothing.
    expect(counts.loaded).toBeGreaterThan(RUNS / 20)
    expect(counts.refused).toBeGreaterThan(RUNS / 20)
  })
})

/** Another process may have had the processor: it is the text's fault only when it takes that much of it every time. */
function isSlowAgain(text: string): boolean {
  return [1, 2].every(() => {
    const before = process.cpuUsage()
    loadRuleSet([{ name: 'f.yaml', text }])
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000 > MAX_MS
  })
}
