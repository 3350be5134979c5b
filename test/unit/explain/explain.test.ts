import { describe, expect, test } from 'vitest'
import { type Batch, eventTables } from '../../../core/batch/batch.ts'
import { TABLES } from '../../../core/batch/schema.ts'
import { ConditionTrees, expandedText } from '../../../core/explain/condition-tree.ts'
import { type Explained, explain } from '../../../core/explain/explain.ts'
import { storedEvent } from '../../../core/explain/stored-event.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { DocumentWriter } from '../../../core/fields/document.ts'
import { FIELDS } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import { loadRuleSet, readRules } from '../../../core/ruleset/load.ts'
import { testBatch } from '../../../core/ruleset/test-event.ts'
import type { Plain } from '../../../core/ruleset/yaml-items.ts'
import { NAMED, randomBatch, seeded } from '../../oracle/random-batch.ts'
import { randomCondition } from '../../oracle/random-condition.ts'

const PAIRS = Number(process.env.SEAMARK_FUZZ_PAIRS ?? 20_000)

const rule = (name: string, condition: string, more = '', source = 'syscall') =>
  `- rule: ${name}\n  desc: d\n  source: ${source}\n  condition: ${JSON.stringify(condition)}\n  output: o\n  priority: info\n  warn_evttypes: false\n${more}`

function explainRule(text: string, event: Map<string, Plain>) {
  const { rules, definitions, problems } = readRules([{ name: 'r.yaml', text }])
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  const batch = testBatch(event)
  if (typeof batch === 'string') throw new Error(batch)
  return explain(new ConditionTrees(definitions).of(rules[0]!), cursorAt(batch))
}

function cursorAt(batch: Batch): Cursor {
  const cursor = new Cursor()
  cursor.open(batch)
  cursor.moveTo(eventTables(batch)[0]!, 0)
  return cursor
}

const open = (path: string, comm: string) =>
  new Map<string, Plain>([
    ['type', 'openat'],
    ['path', path],
    ['fd', '3'],
    ['ret', '3'],
    ['process', new Map([['comm', comm]])],
  ])

const SECRETS = `
- list: editors
  items: [vim, nano]
- macro: reads_secret
  condition: fd.name startswith /secret
${rule(
  'r',
  'evt.type = openat and reads_secret and not proc.name in (editors)',
  '  exceptions:\n  - {name: backup, fields: [proc.name, fd.name], comps: [=, startswith], values: [[tar, /secret/old]]}\n',
)}`

/** In random events a parent's pid is not the child's ppid, and what open returned is not its descriptor. */
const CONTRADICTORY = ['proc.ppid', 'fd.num']

/** Which end is the local one is not stored. */
const shown = (value: unknown) =>
  typeof value === 'bigint' ? `${value}n` : JSON.stringify(Array.isArray(value) ? value.toSorted() : value)

const flat = (node: Explained): Explained[] => [node, ...(node.children ?? []).flatMap(flat)]

describe('an explanation', () => {
  test('tells each part of a match with the values seen, macros by name', () => {
    const { verdict, tree, hiddenBy } = explainRule(SECRETS, open('/secret/a', 'cat'))
    expect({ verdict, hiddenBy }).toEqual({ verdict: true, hiddenBy: [] })
    const macro = flat(tree).find(({ kind }) => kind === 'macro')
    expect(macro).toMatchObject({ name: 'reads_secret', verdict: true, location: { file: 'r.yaml', line: 4 } })
    expect(macro?.children?.[0]).toMatchObject({
      check: 'fd.name startswith /secret',
      values: [{ field: 'fd.name', value: '/secret/a', known: true }],
    })
    expect(flat(tree).find(({ check }) => check?.startsWith('proc.name in'))).toMatchObject({
      check: 'proc.name in ("vim", "nano")',
      verdict: false,
    })
  })

  test('names the exception that hid a match, and only then', () => {
    expect(explainRule(SECRETS, open('/secret/old/x', 'tar'))).toMatchObject({ verdict: false, hiddenBy: ['backup'] })
    expect(explainRule(SECRETS, open('/public', 'tar'))).toMatchObject({ verdict: false, hiddenBy: [] })
  })

  test('marks what the engine need not have looked at', () => {
    const { tree } = explainRule(SECRETS, open('/public', 'vim'))
    const editors = flat(tree).find(({ check }) => check?.startsWith('proc.name in'))
    expect(editors).toMatchObject({ skipped: true, verdict: true, values: [{ value: 'vim' }] })
    expect(flat(tree).find(({ kind }) => kind === 'macro')?.skipped).toBe(false)
  })

  test(`agrees with the compiled rules for random rules and events (at least ${PAIRS} pairs)`, () => {
    let judged = 0
    let held = 0
    for (let seed = 1; judged < PAIRS; seed++) {
      const random = seeded(seed * 7919)
      const conditions = Array.from({ length: 30 }, () => {
        const source = random() < 0.85 ? 'syscall' : 'docker'
        return { source, text: randomCondition(random, source) } as const
      })
      const text = conditions.map(({ source, text }, i) => rule(`r${i}`, text, '', source)).join('')
      const files = [{ name: 'r.yaml', text }]
      const { rules, definitions } = readRules(files)
      const trees = new ConditionTrees(definitions)
      const batch = randomBatch(seeded(seed))
      const fired = new Set(
        loadRuleSet(files, { keepEventTypes: [...NAMED.file, ...NAMED.network, ...NAMED.call] })
          .ruleSet!.detect(batch)
          .map((m) => `${m.table} ${m.row} ${m.rule}`),
      )
      const cursor = new Cursor()
      cursor.open(batch)
      for (const [i, ready] of rules.entries()) {
        const tree = trees.of(ready)
        for (const table of eventTables(batch)) {
          if ((table.name === 'docker') !== (ready.source === 'docker')) continue
          for (let row = 0; row < table.rowCount; row++) {
            cursor.moveTo(table, row)
            const { verdict } = explain(tree, cursor)
            const wanted = fired.has(`${TABLES[table.name].id} ${row} ${i}`)
            if (verdict !== wanted)
              expect({ condition: conditions[i]!.text, row, verdict }).toEqual({ verdict: wanted })
            judged++
            held += wanted ? 1 : 0
          }
        }
      }
    }
    expect(held / judged).toBeGreaterThan(0.1)
  }, 120_000)

  test('an expanded condition means the same as the one it was made of', () => {
    const { rules, definitions } = readRules([{ name: 'r.yaml', text: SECRETS }])
    const { text, isCut } = expandedText(new ConditionTrees(definitions).of(rules[0]!))
    expect(isCut).toBe(false)
    expect(text).toBe(
      'evt.type = openat and fd.name startswith /secret and not proc.name in ("vim", "nano") and not (proc.name = tar and fd.name startswith /secret/old)',
    )
    const again = readRules([{ name: 'x.yaml', text: rule('r', text) }])
    // In one pool equal conditions are one object; in two they have equal shapes.
    expect(JSON.stringify(again.rules[0]!.condition)).toContain('"kind":"and"')
    expect(again.problems).toEqual([])
  })

  test('macros that use macros twice a hundred levels deep end in a cut text and a clear error', () => {
    let text = '- macro: m0\n  condition: proc.name = a\n'
    for (let i = 1; i < 40; i++) text += `- macro: m${i}\n  condition: (m${i - 1} or m${i - 1})\n`
    text += rule('r', 'm39')
    const { rules, definitions } = readRules([{ name: 'r.yaml', text }])
    const tree = new ConditionTrees(definitions).of(rules[0]!)
    expect(expandedText(tree).isCut).toBe(true)
    const batch = testBatch(open('/', 'a')) as Batch
    expect(() => explain(tree, cursorAt(batch))).toThrow('more than 50000 parts')
  })
})

describe('a stored document', () => {
  test('gives back the value of every field that it is said to tell, and says so of few that it does not', () => {
    const writer = new DocumentWriter()
    const wrong = new Set<string>()
    let told = 0
    for (let seed = 1; seed < 40; seed++) {
      const batch = randomBatch(seeded(seed))
      const cursor = new Cursor()
      cursor.open(batch)
      for (const table of eventTables(batch)) {
        for (let row = 0; row < table.rowCount; row++) {
          cursor.moveTo(table, row)
          const stored = storedEvent(writer.document(cursor, { id: 'x' }))
          if (typeof stored === 'string') throw new Error(stored)
          const again = cursorAt(stored.batch)
          for (const field of FIELDS) {
            if (CONTRADICTORY.includes(field.name)) continue
            if (field.refused !== null || field.argumentRequired || !stored.tells(field, null)) continue
            told++
            const [was, is] = [readerOf(field, null)(cursor), readerOf(field, null)(again)]
            // What is no UTF-8 was replaced when it was stored.
            if (shown(was)?.includes('ÿ')) continue
            // Of an open call the flags are there.
            if (field.name === 'evt.is_open_read' && cursor.number('flags') === undefined) continue
            if (shown(was) !== shown(is))
              wrong.add(`${field.name} of ${cursor.type}: ${shown(was)} became ${shown(is)}`)
          }
        }
      }
    }
    expect([...wrong].slice(0, 60)).toEqual([])
    expect(told).toBeGreaterThan(10_000)
  })

  test('that is none of an event is told, not thrown', () => {
    for (const body of [null, 3, [], {}, { event: { action: 'constructor' }, seamark: { source: 'syscall' } }])
      expect(storedEvent(body)).toContain('no event')
    expect(storedEvent({ event: { action: 'openat' }, seamark: { source: 'syscall', time_ns: 'x' } })).toContain(
      'time_ns',
    )
  })
})
