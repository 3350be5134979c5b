import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventRows, readCell, readText } from '../../../core/batch/batch.ts'
import { encodeBody, openBody } from '../../../core/batch/body.ts'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import { openBatch, readHeader, sealBatch } from '../../../core/batch/seal.ts'
import { selectRows } from '../../../core/batch/select.ts'
import { splitBatch } from '../../../core/batch/split.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import type { BatchHeader } from '../../../core/model/batch.ts'
import { AppError } from '../../../core/model/errors.ts'

const header: BatchHeader = {
  collector: 'host-1',
  epoch: 'e1',
  sequence: 1,
  lowMs: { syscall: 1 },
  dropped: {},
  plan: 'p',
  edgeRuleset: 'r',
  class: 'routine',
  rows: 0,
}

const byteString = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
const fileRow = fc.record(
  {
    path: byteString,
    rawPath: byteString,
    fd: fc.integer({ min: -1, max: 1000 }),
    ret: fc.double({ noNaN: true }),
    flags: fc.nat(),
    type: fc.nat({ max: 1000 }),
  },
  { requiredKeys: ['type'] },
)

function build(rows: Row[]) {
  const builder = new BatchBuilder(1_700_000_000_000_000_000n)
  const init = builder.add('process', { pid: 1, comm: 'init' })
  const shell = builder.add('process', { pid: 2, comm: 'sh', parent: init })
  builder.add('process', { pid: 3, comm: 'other' })
  for (const row of rows) builder.addEvent('file', builder.baseNs + 5n, { ...row, process: shell })
  return builder.build()
}

const cells = (batch: ReturnType<typeof build>) => {
  const table = batch.tables.file
  return Array.from({ length: table?.rowCount ?? 0 }, (_, i) =>
    (['path', 'rawPath', 'fd', 'ret', 'flags', 'type', 'ordinal'] as const).map((c) => readCell(batch, table!, i, c)),
  )
}

describe('a batch', () => {
  test('comes back from its bytes with every cell, absent ones included', () => {
    fc.assert(
      fc.property(fc.array(fileRow, { maxLength: 20 }), (rows) => {
        const batch = build(rows)
        const { batch: opened, header: read } = openBatch(sealBatch({ ...header, rows: rows.length }, batch).bytes)
        expect(cells(opened)).toEqual(cells(batch))
        expect(read.rows).toBe(rows.length)
        expect(eventRows(opened)).toBe(rows.length)
      }),
    )
  })

  test('cut in two keeps every row, its ordinal, and the ancestry of its process', () => {
    fc.assert(
      fc.property(fc.array(fileRow, { minLength: 1, maxLength: 20 }), fc.nat(), (rows, at) => {
        const batch = build(rows)
        const cut = at % (rows.length + 1)
        const indices = rows.map((_, i) => i)
        const parts = [indices.slice(0, cut), indices.slice(cut)].map((file) => selectRows(batch, { file }))
        expect(parts.flatMap(cells)).toEqual(cells(batch))
        for (const part of parts) {
          const processes = part.tables.process
          if (part.tables.file === undefined) continue
          const own = part.tables.file.columns.process![0] as number
          const parent = processes!.columns.parent![own] as number
          expect([readText(part, processes!, own, 'comm'), readText(part, processes!, parent, 'comm')]).toEqual([
            'sh',
            'init',
          ])
          expect(processes!.rowCount).toBe(2)
        }
      }),
    )
  })

  test('is refused, never misread, when its bytes are random or damaged', () => {
    const whole = sealBatch({ ...header, rows: 2 }, build([{ type: 1, path: '/a' }, { type: 2 }])).bytes
    const refused = (run: () => unknown) => {
      try {
        run()
      } catch (error) {
        expect(error).toBeInstanceOf(AppError)
        expect((error as AppError).code).toBe('E_BATCH_CORRUPT')
        return true
      }
      return false
    }
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => refused(() => openBatch(bytes))))
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(whole)
        damaged[at]! ^= change
        return refused(() => openBatch(damaged))
      }),
    )
    fc.assert(fc.property(fc.nat(whole.length - 1), (length) => refused(() => readHeader(whole.subarray(0, length)))))
  })

  test('whose body was altered behind a right checksum never reads out of bounds', () => {
    const body = encodeBody(
      build([
        { type: 1, path: '/a', rawPath: 'b' },
        { type: 2, fd: 3 },
      ]),
    )
    let opened = 0
    fc.assert(
      fc.property(fc.nat(body.length - 1), fc.nat(255), (at, value) => {
        const damaged = Uint8Array.from(body)
        damaged[at] = value
        try {
          const batch = openBody(damaged)
          opened++
          cells(batch)
          selectRows(batch, { file: eventRows(batch) > 0 ? [0] : [] })
        } catch (error) {
          expect((error as AppError).code).toBe('E_BATCH_CORRUPT')
        }
      }),
      { numRuns: 5000 },
    )
    expect(opened).toBeGreaterThan(0)
  })

  test('with parents that form a circle can still be cut', () => {
    const builder = new BatchBuilder(0n)
    builder.add('process', { pid: 1, parent: 1 })
    builder.add('process', { pid: 2, parent: 0 })
    builder.addEvent('file', 1n, { type: 21, process: 0 })
    expect(selectRows(builder.build(), { file: [0] }).tables.process?.rowCount).toBe(2)
  })
})

test('a batch of more rows than may be opened goes as several, each row once and in order', () => {
  const builder = new BatchBuilder(0n)
  for (let i = 0; i < 70_000; i++) builder.addEvent('call', BigInt(i), { type: EVENT_TYPES.ptrace.code, ret: i })
  const { parts, leftOut } = splitBatch(builder.build(), 16 * 1024 * 1024)
  const opened = parts.map((part) => openBody(encodeBody(part)))
  expect(opened.flatMap(({ tables }) => Array.from(tables.call!.columns.ret as Float64Array))).toEqual(
    Array.from({ length: 70_000 }, (_, i) => i),
  )
  expect([parts.length, leftOut]).toEqual([4, 0])
  expect(() => openBody(encodeBody(builder.build()))).toThrow('more events than a batch may have')
})
