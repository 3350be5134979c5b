/** Conditions of very many parts: joined where they can be, refused where there are too many, and soon in any case. */
import { describe, expect, test } from 'vitest'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { loadRuleSet, MAX_CHECKS, readRules } from '../../../core/ruleset/load.ts'
import { mergeValues } from '../../../core/ruleset/merge-values.ts'
import { specialise } from '../../../core/ruleset/specialise.ts'
import { holds } from '../../oracle/interpreter.ts'
import { pick, seeded } from '../../oracle/random-batch.ts'
import { randomCondition } from '../../oracle/random-condition.ts'

const rule = (condition: string, name = 'r') =>
  `- rule: ${name}\n  desc: d\n  condition: ${JSON.stringify(condition)}\n  output: o\n  priority: info\n  warn_evttypes: false\n`

const many = (count: number, join: string, check: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => check(i)).join(join)

function conditionOf(text: string) {
  const { rules, pool, problems } = readRules([{ name: 'r.yaml', text: rule(text) }])
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  return { condition: rules[0]!.condition, pool }
}

/** Of the processor: other jobs on the machine do not count. */
function cpuMs(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

describe('alternatives that ask one field for a value', () => {
  test('become one question, where the first of them stood; others stay', () => {
    const { condition, pool } = conditionOf(
      'proc.name = a or fd.num > 3 or proc.name in (b, c) or proc.name = d or proc.name = e or not proc.name = f',
    )
    const merged = mergeValues(pool, condition)
    const keys =
      'children' in merged ? merged.children.map((one) => ('predicate' in one ? one.predicate.key : one.kind)) : []
    expect(keys).toEqual(['proc.name in ["a","b","c","d","e"]', 'fd.num > 3', 'not'])
  })

  test.each(['and', 'or of few', 'of several values'])('stay as they are: %s', (what) => {
    const text =
      what === 'and'
        ? many(9, ' and ', (i) => `proc.name = a${i}`)
        : what === 'of several values'
          ? many(9, ' or ', (i) => `proc.aname = a${i}`)
          : 'proc.name = a or proc.name = b or fd.num = 1 or fd.num = 2'
    const { condition, pool } = conditionOf(text)
    expect(mergeValues(pool, condition)).toBe(condition)
  })

  test('mean what they meant (random conditions over few fields, random values)', () => {
    const random = seeded(4_711)
    const check = () =>
      `${pick(random, ['proc.name', 'user.name'])} ${pick(random, ['= a', '= b', '= c', 'in (a, d)', '!= e'])}`
    for (let i = 0; i < 300; i++) {
      const group = () => many(7, ' or ', check)
      const { condition, pool } = conditionOf(`(${group()}) and not (${group()}) or (${group()} and ${check()})`)
      const merged = mergeValues(pool, condition)
      for (const name of [undefined, 'a', 'b', 'c', 'd', 'e', 'f']) {
        for (const user of [undefined, 'a', 'c', 'e']) {
          const lookup = (field: string) => (field === 'proc.name' ? name : user)
          expect(holds(merged, lookup)).toBe(holds(condition, lookup))
        }
      }
    }
  })
})

test('what is kept of a condition for types that answer alike is what each type would get by itself', () => {
  const random = seeded(99)
  const text = Array.from({ length: 60 }, (_, i) => rule(randomCondition(random, 'syscall'), `r${i}`)).join('')
  // Numbers of nodes are those of the pool; a pool of its own for each type shares nothing between types.
  const shared = readRules([{ name: 'r.yaml', text }])
  for (const [type, { tables, source }] of Object.entries(EVENT_TYPES)) {
    if (source !== 'syscall') continue
    for (const table of tables) {
      const name = type as keyof typeof EVENT_TYPES
      const own = readRules([{ name: 'r.yaml', text }])
      for (const [i, { condition }] of shared.rules.entries()) {
        const one = specialise(shared.pool, condition, name, table, new Map())
        const other = specialise(own.pool, own.rules[i]!.condition, name, table, new Map())
        expect([type, i, shape(one)]).toEqual([type, i, shape(other)])
      }
    }
  }
})

function shape(node: ReturnType<typeof specialise>): unknown {
  if (node.kind === 'constant') return node.value
  if (node.kind === 'check') return node.predicate.key
  return node.kind === 'not' ? ['not', shape(node.child)] : [node.kind, ...node.children.map(shape)]
}

describe('loading', () => {
  test.each([
    ['50,000 names without an event type', rule(many(50_000, ' or ', (i) => `proc.name=a${i}`))],
    ['50,000 paths', rule(many(50_000, ' or ', (i) => `fd.name=x${i}`))],
    [
      '1,000 regular expressions',
      many(1_000, '', (i) => rule(`evt.type=open and proc.name regex "[a-z]+x${i}(foo|bar)*"`, `r${i}`)),
    ],
  ])('%s takes less than 2 s of CPU, a test run included', (_, text) => {
    const ms = cpuMs(() => expect(loadRuleSet([{ name: 'r.yaml', text }]).ruleSet).not.toBeNull())
    expect(ms).toBeLessThan(2_000)
  })

  test('a rule of too many different checks is refused, one of as many values is not', () => {
    const pairs = (count: number) => rule(many(count, ' or ', (i) => `(fd.num=${i} and proc.pid=${i})`))
    const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text: pairs(MAX_CHECKS / 2 + 1) }])
    expect(ruleSet).toBeNull()
    expect(problems).toEqual([
      expect.objectContaining({
        falcoCode: 'LOAD_ERR_VALIDATE',
        message: `rule "r" makes ${MAX_CHECKS + 2} different checks, and a rule has at most ${MAX_CHECKS}`,
      }),
    ])
  })
})
