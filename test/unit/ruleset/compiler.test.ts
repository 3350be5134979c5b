import { describe, expect, test } from 'vitest'
import { eventTables } from '../../../core/batch/batch.ts'
import { encodeBody, openBody } from '../../../core/batch/body.ts'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import { TABLES } from '../../../core/batch/schema.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import { loadRuleSet, readRules } from '../../../core/ruleset/load.ts'
import { holds, type Lookup } from '../../oracle/interpreter.ts'
import { NAMED, randomBatch, seeded } from '../../oracle/random-batch.ts'
import { randomCondition } from '../../oracle/random-condition.ts'

/** Of a rule and an event, by SEAMARK_FUZZ_PAIRS. */
const PAIRS = Number(process.env.SEAMARK_FUZZ_PAIRS ?? 50_000)

const cursor = new Cursor()
const lookup: Lookup = (name, argument) => readerOf(findField(name, null)!.field, argument)(cursor)

/** Turns on what is judged only by name; itself it never holds. */
const NAMING = `- rule: naming
  desc: d
  condition: evt.type in (${[...NAMED.file, ...NAMED.network, ...NAMED.call].join(', ')}) and proc.pid < 0
  output: o
  priority: info
`

function rulesText(seed: number, count: number): string {
  const random = seeded(seed)
  return Array.from({ length: count }, (_, i) => {
    const source = random() < 0.85 ? 'syscall' : 'docker'
    const condition = JSON.stringify(randomCondition(random, source))
    return `- rule: r${i}\n  desc: d\n  source: ${source}\n  condition: ${condition}\n  output: o\n  priority: info\n  warn_evttypes: false\n`
  }).join('')
}

/** How many of the conditions hold for a call of the process, asking that all of the first hold and none of the others. */
function holding(holds: readonly string[], others: readonly string[], process: Row): number {
  const rule = (condition: string, i: number) =>
    `- rule: r${i}\n  desc: d\n  condition: evt.type = ptrace and ${condition}\n  output: o\n  priority: info\n`
  const conditions = [...holds, ...others].map((condition) => `(${condition})`)
  const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text: conditions.map(rule).join('') }])
  expect(problems).toEqual([])
  const builder = new BatchBuilder(1470327477881730713n)
  const row = builder.add('process', process)
  builder.addEvent('call', builder.baseNs, { type: EVENT_TYPES.ptrace.code, ret: 0, process: row })
  const found = ruleSet!.detect(builder.build()).map((match) => conditions[match.rule])
  expect(found).toEqual(conditions.slice(0, holds.length))
  return found.length
}

describe('a compiled rule set', () => {
  test(`finds exactly what the interpreter finds, for random rules and batches (at least ${PAIRS} pairs)`, {
    timeout: 60_000 + PAIRS,
  }, () => {
    let judged = 0
    let matching = 0
    for (let seed = 1; judged < PAIRS; seed++) {
      const files = [{ name: 'r.yaml', text: rulesText(seed * 7919, 45) + NAMING }]
      const { rules, problems } = readRules(files)
      expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
      const { ruleSet } = loadRuleSet(files)
      for (let round = 0; round < 2; round++) {
        const batch = openBody(encodeBody(randomBatch(seeded(seed * 31 + round))))
        const held: { ordinal: number; match: string }[] = []
        cursor.open(batch)
        for (const table of eventTables(batch)) {
          for (let row = 0; row < table.rowCount; row++) {
            cursor.moveTo(table, row)
            const source = EVENT_TYPES[cursor.type!].source
            rules.forEach((rule, i) => {
              if (rule.source !== source) return
              judged++
              if (!holds(rule.condition, lookup)) return
              held.push({
                ordinal: (table.columns.ordinal as Uint32Array)[row]!,
                match: `${TABLES[table.name].id} ${row} ${i}`,
              })
            })
          }
        }
        matching += held.length
        // In the order of the events, whatever table they are in.
        const expected = held.toSorted((a, b) => a.ordinal - b.ordinal).map(({ match }) => match)
        const found = ruleSet!.detect(batch).map((match) => `${match.table} ${match.row} ${match.rule}`)
        if (found.join() !== expected.join()) {
          const differs = [
            ...found.filter((f) => !expected.includes(f)),
            ...expected.filter((e) => !found.includes(e)),
          ][0]!
          const rule = rules[Number(differs.split(' ')[2])]
          throw new Error(`seed ${seed}.${round}: ${differs}: ${rule?.definition.condition.text}`)
        }
      }
    }
    console.log(`${judged} pairs of rule and event, ${matching} of them match`)
    expect(matching / judged).toBeGreaterThan(0.2)
  })

  test('with first matching reports the first rule in order, those that name event types before others', () => {
    const rule = (name: string, condition: string) =>
      `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: o\n  priority: info\n  warn_evttypes: false\n`
    const text =
      rule('any', 'proc.pid >= 0') +
      rule('a', 'evt.type in (execve, execveat)') +
      rule('b', 'evt.type in (execve, execveat, openat)')
    const fired = (ruleMatching: 'all' | 'first') => {
      const { ruleSet } = loadRuleSet([{ name: 'r.yaml', text }], { ruleMatching })
      const batch = randomBatch(seeded(5))
      const matches = ruleSet!.detect(batch).filter((match) => match.table === TABLES.exec.id && match.row === 0)
      return matches.map((match) => ruleSet!.rules[match.rule]!.name)
    }
    expect(fired('all')).toEqual(['any', 'a', 'b'])
    expect(fired('first')).toEqual(['a'])
  })

  test('compares times to the nanosecond, with numbers and with each other', () => {
    const held = holding(
      [
        'evt.rawtime = 1470327477881730713',
        'evt.rawtime > 1470327477881730712',
        'evt.rawtime >= 1470327477881730713 and evt.rawtime <= 1470327477881730713',
        'evt.rawtime in (1, 1470327477881730713)',
        'evt.rawtime.s = 1470327477 and evt.rawtime.ns = 881730713',
        'proc.pid.ts < val(evt.rawtime) and proc.pid.ts != val(evt.rawtime)',
        'proc.vpid = val(evt.rawtime.s)',
      ],
      [
        'evt.rawtime = 1470327477881730714',
        'evt.rawtime > 1470327477881730713',
        'evt.rawtime in (1470327477881730714, 1470327477881730712)',
        'evt.rawtime != 1470327477881730713',
        'proc.vpid != val(evt.rawtime.s)',
      ],
      { startTime: 1470327477881730712n, vpid: 1470327477 },
    )
    expect(held).toBe(7)
  })

  test('compares two fields by every operator of texts', () => {
    const held = holding(
      [
        'proc.exe icontains val(proc.name)',
        'proc.exe contains val(user.name)',
        'proc.name glob val(group.name)',
        'proc.exe iglob val(group.name)',
        'proc.exe endswith val(proc.name) or proc.exe startswith val(user.name)',
      ],
      ['proc.exe contains val(proc.name)', 'proc.exe glob val(proc.name)', 'group.name iglob val(proc.name)'],
      { comm: 'cat', argv: '/bin/CAT', userName: '/bin', groupName: '*[aA][tT]' },
    )
    expect(held).toBe(5)
  })

  test('keeps more rules for one event type than a machine word has bits apart', () => {
    const text = Array.from({ length: 100 }, (_, i) => {
      return `- {rule: r${i}, desc: d, condition: "evt.type in (execve, execveat) and proc.pid = ${100 + (i % 8)} and evt.rawres >= -100", output: o, priority: info}\n`
    }).join('')
    const { ruleSet } = loadRuleSet([{ name: 'r.yaml', text }])
    const batch = randomBatch(seeded(9))
    cursor.open(batch)
    for (const { row, rule } of ruleSet!.detect(batch)) {
      cursor.moveTo(batch.tables.exec!, row)
      expect(cursor.processNumber('pid')).toBe(100 + (rule % 8))
    }
    expect(ruleSet!.detect(batch).length).toBeGreaterThanOrEqual(12)
  })

  test('puts no text of a rule into its code unquoted', () => {
    const evil = '"\\"];globalThis.broken=1;//${`\\n\\u2028"'
    const text = `- rule: r\n  desc: d\n  condition: ${JSON.stringify(`evt.type = openat and (proc.name = ${evil} or fd.name contains ${evil} or proc.name in (${evil}, a, b, c))`.replaceAll('\\u2028', '\u2028'))}\n  output: o\n  priority: info\n`
    const { ruleSet, problems } = loadRuleSet([{ name: 'r.yaml', text }])
    expect(problems).toEqual([])
    ruleSet!.detect(randomBatch(seeded(3)))
    expect(Reflect.get(globalThis, 'broken')).toBeUndefined()
  })
})
