/** The short cuts that dismiss rules before they are asked, against the interpreter, which has none. */
import { expect, test } from 'vitest'
import { type Batch, eventTables } from '../../../core/batch/batch.ts'
import { encodeBody, openBody } from '../../../core/batch/body.ts'
import { BatchBuilder } from '../../../core/batch/builder.ts'
import { TABLES } from '../../../core/batch/schema.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import { loadRuleSet, readRules } from '../../../core/ruleset/load.ts'
import { holds, type Lookup } from '../../oracle/interpreter.ts'
import { PATHS, pick, type Random, randomBatch, seeded } from '../../oracle/random-batch.ts'

const cursor = new Cursor()
const lookup: Lookup = (name, argument) => readerOf(findField(name, null)!.field, argument)(cursor)

/** Fails where the compiled rules and the interpreter differ; returns how many (row, rule) fired. */
function compare(conditions: readonly string[], batches: readonly Batch[]): number {
  const text = conditions
    .map(
      (condition, i) =>
        `- {rule: r${i}, desc: d, condition: ${JSON.stringify(condition)}, output: o, priority: info}\n`,
    )
    .join('')
  const files = [{ name: 'r.yaml', text }]
  const { rules } = readRules(files)
  const { ruleSet, problems } = loadRuleSet(files)
  expect(problems.filter(({ severity }) => severity === 'error')).toEqual([])
  let fired = 0
  for (const batch of batches) {
    const held: { ordinal: number; match: string }[] = []
    cursor.open(batch)
    for (const table of eventTables(batch)) {
      if (table.name === 'docker') continue
      for (let row = 0; row < table.rowCount; row++) {
        cursor.moveTo(table, row)
        rules.forEach((rule, i) => {
          const ordinal = (table.columns.ordinal as Uint32Array)[row]!
          if (holds(rule.condition, lookup)) held.push({ ordinal, match: `${table.name} ${row} ${conditions[i]}` })
        })
      }
    }
    const names = new Map(Object.entries(TABLES).map(([name, { id }]) => [id as number, name]))
    const found = ruleSet!.detect(batch).map(({ table, row, rule }) => `${names.get(table)} ${row} ${conditions[rule]}`)
    // In the order of the events, whatever table they are in.
    expect(found).toEqual(held.toSorted((a, b) => a.ordinal - b.ordinal).map(({ match }) => match))
    fired += found.length
  }
  return fired
}

test('no directory is the empty text, that of an entry of the root neither', () => {
  const conditions = ['fd.directory = ""', 'fd.directory in ("", "/etc")', 'fd.directory in ("")', 'fd.directory = "/"']
  const some = conditions.flatMap((one) => [`evt.type = open and ${one}`, `evt.type = open and not ${one}`])
  const batch = (path: string) => {
    const builder = new BatchBuilder(0n)
    builder.addEvent('file', 0n, { type: EVENT_TYPES.open.code, ret: 3, fd: 3, fdType: 102, path })
    return openBody(encodeBody(builder.build()))
  }
  expect(compare(some, ['/vmlinuz', 'name', '/etc/passwd'].map(batch))).toBe(12)
})

const batches = Array.from({ length: 40 }, (_, i) => openBody(encodeBody(randomBatch(seeded(i + 1)))))
const PATH_FIELDS = [
  'fd.name',
  'fd.directory',
  'fd.filename',
  'basename(fd.name)',
  'fs.path.name',
  'fs.path.source',
  'fs.path.target',
  'evt.arg.name',
  'evt.arg.path',
  'evt.arg.oldpath',
  'evt.arg.newpath',
]
const PIECES = [
  ...PATHS.filter((path) => /^[\x20-\x7e]*$/.test(path)),
  'passwd',
  'etc',
  '/home/',
  '/tmp',
  '/tmp/b',
  '.ssh',
  ':[7]',
]
const GLOBS = ['*', '/etc/*', '*passwd', '/h*/.ssh/id?rsa', '*[t]c*', '/*/*', '?', '']
const PREFIXES = ['/etc', '/etc/', '/', '/home/*/.ssh', '/usr/bin/ls', 'pipe:[7]', '/tmp']

function pathCondition(random: Random, depth: number): string {
  if (depth > 0 && random() < 0.7) {
    const parts = [pathCondition(random, depth - 1), pathCondition(random, depth - 1)]
    return `(${parts.join(random() < 0.5 ? ' and ' : ' or ')})`
  }
  if (random() < 0.3) return `not ${pathCondition(random, 0)}`
  const field = pick(random, PATH_FIELDS)
  const list = (from: readonly string[]) =>
    Array.from({ length: 1 + Math.floor(random() * 3) }, () => JSON.stringify(pick(random, from))).join(', ')
  const roll = random()
  if (roll < 0.25) return `${field} in (${list(PIECES)})`
  if (roll < 0.4) return `${field} pmatch (${list(PREFIXES)})`
  if (roll < 0.55) return `${field} glob ${JSON.stringify(pick(random, GLOBS))}`
  if (roll < 0.6) return 'evt.rawres >= 0'
  return `${field} ${pick(random, ['=', '!=', 'startswith', 'endswith', 'contains'])} ${JSON.stringify(pick(random, PIECES))}`
}

test('what the atoms of paths dismiss does not hold, whatever is asked of paths', () => {
  let fired = 0
  for (let seed = 1; seed <= 15; seed++) {
    const random = seeded(seed * 104_729)
    const types = ['openat, open, dup, fchmod', 'rename', 'unlink', 'openat, rename, unlink']
    const conditions = Array.from(
      { length: 40 },
      () => `evt.type in (${pick(random, types)}) and ${pathCondition(random, 3)}`,
    )
    fired += compare(conditions, batches)
  }
  expect(fired).toBeGreaterThan(5_000)
})

test('many rules that ask one field for a value each fire as if they were asked one by one', () => {
  const conditions = Array.from({ length: 70 }, (_, i) => {
    const port = [80, 443, 4711, 53][i % 4]
    if (i % 7 === 0) return `evt.type in (connect, accept) and fd.l4proto = tcp and proc.pid != ${i}`
    if (i % 5 === 0) return `evt.type in (connect, accept) and fd.sport in (${port}, ${i}) and fd.sport = 80`
    return `evt.type in (connect, accept) and fd.sport = ${port} and evt.rawres != ${i}`
  })
  expect(compare(conditions, batches)).toBeGreaterThan(100)
})
