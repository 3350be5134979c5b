/** What conditions share between processes rests on what fields say they read: here they are watched while they read. */
import { expect, test } from 'vitest'
import { encodeBody, openBody } from '../../../core/batch/body.ts'
import type { ColumnName } from '../../../core/batch/columns.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { FIELDS, findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'
import { joinedReach, REACH, reachOf } from '../../../core/ruleset/steady-columns.ts'
import { randomBatch, seeded } from '../../oracle/random-batch.ts'

/** Notes every column that is read, and of whom. */
class WatchedCursor extends Cursor {
  readonly seen = new Set<string>()

  override text(column: ColumnName) {
    this.seen.add(`event.${column}`)
    return super.text(column)
  }

  override number(column: ColumnName) {
    this.seen.add(`event.${column}`)
    return super.number(column)
  }

  override processText(column: ColumnName, process = this.process) {
    this.note(column, process)
    return super.processText(column, process)
  }

  override processNumber(column: ColumnName, process = this.process) {
    this.note(column, process)
    return super.processNumber(column, process)
  }

  override processTime(column: ColumnName, process = this.process) {
    this.note(column, process)
    return super.processTime(column, process)
  }

  override containerText(column: ColumnName) {
    this.seen.add(`container.${column}`)
    return super.containerText(column)
  }

  override containerNumber(column: ColumnName) {
    this.seen.add(`container.${column}`)
    return super.containerNumber(column)
  }

  override containerTime(column: ColumnName) {
    this.seen.add(`container.${column}`)
    return super.containerTime(column)
  }

  private note(column: ColumnName, process: number): void {
    if (process >= 0) this.seen.add(`${process === this.process ? 'own' : 'ancestors'}.${column}`)
  }
}

test('fields read nothing but what they say they read', () => {
  const batches = Array.from({ length: 60 }, (_, i) => openBody(encodeBody(randomBatch(seeded(i + 1)))))
  const cursor = new WatchedCursor()
  let declared = 0
  for (const { name, argument, read } of FIELDS) {
    if (read.from === 'column' || read.reads === undefined) continue
    for (const given of argument === 'none' ? [null] : argument === 'index' ? [null, '0', '1', '2'] : ['/etc', '0']) {
      const { own = [], ancestors = [], container = [] } = read.reads(given)
      const allowed = new Set([
        ...own.map((column) => `own.${column}`),
        ...ancestors.map((column) => `ancestors.${column}`),
        ...container.map((column) => `container.${column}`),
      ])
      const reader = readerOf(findField(name, null)!.field, given)
      cursor.seen.clear()
      for (const batch of batches) {
        cursor.open(batch)
        const rows = batch.tables.process?.rowCount ?? 0
        for (let row = 0; row < rows; row++) {
          // A process that is its own ancestor reads itself as one.
          if (cursor.ancestor(1, row) === row || isInCircle(cursor, row)) continue
          cursor.moveToProcess(row)
          reader(cursor)
        }
      }
      expect(
        [...cursor.seen].filter((what) => !allowed.has(what)),
        `${name}[${given}]`,
      ).toEqual([])
      declared++
    }
  }
  expect(declared).toBeGreaterThan(15)
})

function isInCircle(cursor: Cursor, row: number): boolean {
  let at = row
  for (let i = 0; i < 40; i++) {
    at = cursor.ancestor(1, at)
    if (at === row) return true
    if (at < 0) return false
  }
  return true
}

test('what depends on two of program, lineage and image depends on more of the process than one', () => {
  expect(joinedReach(REACH.program, REACH.program)).toBe(REACH.program)
  expect(joinedReach(REACH.program, REACH.image)).toBe(REACH.process)
  expect(joinedReach(REACH.lineage, REACH.process)).toBe(REACH.process)
  expect(joinedReach(REACH.image, REACH.event)).toBe(REACH.event)
})

test.each([
  ['proc.name', null, REACH.program],
  ['proc.aname', null, REACH.lineage],
  ['proc.aname', '2', REACH.lineage],
  ['proc.aname', '0', REACH.program],
  ['container.image.repository', null, REACH.image],
  ['container.id', null, REACH.process],
  ['proc.cmdline', null, REACH.process],
  ['proc.pid', null, REACH.process],
  ['evt.type', null, REACH.event],
] as const)('%s[%s] has the reach %i', (name, argument, reach) => {
  expect(reachOf(findField(name, null)!.field, argument)).toBe(reach)
})
