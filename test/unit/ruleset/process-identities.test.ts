import { expect, test } from 'vitest'
import type { Batch } from '../../../core/batch/batch.ts'
import { BatchBuilder, type Row } from '../../../core/batch/builder.ts'
import { COLUMNS } from '../../../core/batch/columns.ts'
import { TABLES } from '../../../core/batch/schema.ts'
import { EVENT_TYPES } from '../../../core/fields/event-types.ts'
import { loadRuleSet } from '../../../core/ruleset/load.ts'
import { MAX_IDENTITIES, ProcessIdentities } from '../../../core/ruleset/process-identities.ts'

const SHIM: Row = { pid: 1, comm: 'containerd-shim', exePath: '/usr/bin/containerd-shim' }

/** A shim in the first row, below it the processes given; each has an event when `hasEvents`. */
function batchOf(processes: readonly Row[], container: Row | null = null, hasEvents = false): Batch {
  const builder = new BatchBuilder(1_700_000_000_000_000_000n)
  const inside = container === null ? {} : { container: builder.add('container', container) }
  const parent = builder.add('process', { ...SHIM, ...inside })
  for (const process of processes) {
    const row = builder.add('process', { parent, ...inside, ...process })
    if (hasEvents) builder.add('call', { time: 1, type: EVENT_TYPES.ptrace.code, process: row, tid: 7, ret: 0 })
  }
  return builder.build()
}

test('equal processes keep their number from batch to batch; others share what is steady of them', () => {
  const identities = new ProcessIdentities()
  const numbersOf = (batch: Batch) => {
    identities.open(batch)
    return [...identities.numbers.subarray(1, batch.tables.process!.rowCount)]
  }
  const web = { comm: 'nginx', exePath: '/usr/sbin/nginx', uid: 33 }
  const image = { imageRepository: 'nginx', privileged: 0 }
  const [a] = numbersOf(batchOf([{ ...web, pid: 7, argv: 'nginx' }], { ...image, containerId: 'aaaa' })) as [number]
  const [b, c, d] = numbersOf(
    batchOf(
      [
        { ...web, pid: 7, argv: 'nginx' },
        { ...web, pid: 8, argv: 'nginx\0-s\0reload' },
        { comm: 'sh', pid: 9, parent: 1 },
      ],
      { ...image, containerId: 'aaaa' },
    ),
  ) as [number, number, number]
  const [e] = numbersOf(batchOf([{ ...web, pid: 7, argv: 'nginx' }], { ...image, containerId: 'bbbb' })) as [number]
  const [f] = numbersOf(batchOf([{ ...web, pid: 7, argv: 'nginx' }])) as [number]
  expect(b).toBe(a)
  expect(new Set([a, c, d, e, f]).size).toBe(5)
  const { programs, lineages, images } = identities
  for (const same of [c, e]) {
    expect([programs[same], lineages[same], images[same]]).toEqual([programs[a], lineages[a], images[a]])
  }
  expect(programs[d]).not.toBe(programs[a])
  expect(lineages[d]).not.toBe(lineages[a])
  expect(images[d]).toBe(images[a])
  expect(images[f]).not.toBe(images[a])
})

test('every column of a process and of its container tells processes apart, and so does every byte of a wide one', () => {
  const values = { u8: 3, u16: 700, u32: 70_000, i32: -7, f64: 2 ** 40 + 1, i64: 2n ** 40n + 1n, str: 'some', ref: 0 }
  const others = {
    ...values,
    f64: 2 ** 40 + 2,
    i64: 2n ** 41n + 1n,
    str: 'some\0',
    u8: 4,
    u16: 956,
    u32: 135_536,
    i32: 7,
  }
  const identities = new ProcessIdentities()
  const numberOf = (process: Row, container: Row) => {
    identities.open(batchOf([process], container))
    return identities.numbers[1]
  }
  const plain = numberOf({}, {})
  for (const table of ['process', 'container'] as const) {
    for (const column of TABLES[table].columns) {
      const { kind } = COLUMNS[column]
      if (kind === 'ref') continue
      const of = (value: number | bigint | string) =>
        table === 'process' ? numberOf({ [column]: value }, {}) : numberOf({}, { [column]: value })
      expect(new Set([plain, of(values[kind]), of(others[kind])]).size, column).toBe(3)
      expect(of(values[kind]), column).toBe(of(values[kind]))
    }
  }
  expect(numberOf({}, {})).toBe(plain)
})

test('a column that is absent in every row is like one that the batch does not carry', () => {
  const identities = new ProcessIdentities()
  const one = batchOf([{ pid: 7, comm: 'sh' }])
  identities.open(one)
  const [first] = identities.numbers.subarray(1)
  // The second row brings the columns.
  identities.open(
    batchOf([
      { pid: 7, comm: 'sh' },
      { uid: 3, cwd: '/', startTime: 4n, capPermitted: 1, exeFlags: 1 },
    ]),
  )
  expect(identities.numbers[1]).toBe(first)
})

test('a parent may stand behind its child', () => {
  const identities = new ProcessIdentities()
  identities.open(
    batchOf([
      { pid: 8, comm: 'child', parent: 2 },
      { pid: 7, comm: 'sh' },
    ]),
  )
  const [child] = identities.numbers.subarray(1)
  identities.open(
    batchOf([
      { pid: 7, comm: 'sh' },
      { pid: 8, comm: 'child', parent: 1 },
    ]),
  )
  expect(identities.numbers[2]).toBe(child)
})

test('the lineage of a process in a circle of parents is its own', () => {
  const identities = new ProcessIdentities()
  identities.open(
    batchOf([
      { comm: 'a', parent: 2 },
      { comm: 'b', parent: 1 },
      { comm: 'a', parent: 1 },
    ]),
  )
  const numbers = [...identities.numbers.subarray(1, 4)]
  expect(new Set(numbers).size).toBe(3)
  const [first, second, sibling] = numbers.map((number) => identities.lineages[number])
  expect(second).not.toBe(first)
  expect(sibling).toBe(second)
})

test('what is remembered is forgotten when there is no more room, and one batch always has room', () => {
  const identities = new ProcessIdentities()
  const some = (from: number, count: number) =>
    batchOf(Array.from({ length: count }, (_, i) => ({ pid: from + i, comm: `c${from + i}` })))
  const isFresh = Array.from({ length: 12 }, (_, i) => identities.open(some(i * 1000, 1000)))
  expect(isFresh.filter(Boolean).length).toBeGreaterThanOrEqual(1)
  expect(isFresh.filter(Boolean).length).toBeLessThan(6)
  expect(identities.capacity).toBe(MAX_IDENTITIES)
  const large = some(0, MAX_IDENTITIES + 1000)
  expect(identities.open(large)).toBe(true)
  const numbers = identities.numbers.subarray(0, large.tables.process!.rowCount)
  expect(new Set(numbers).size).toBe(numbers.length)
  expect(Math.max(...numbers)).toBeLessThan(identities.capacity)
  for (const steady of [identities.programs, identities.lineages, identities.images]) {
    expect(steady.length).toBe(identities.capacity)
    expect(Math.max(...steady)).toBeLessThan(identities.capacity)
  }
})

test('rules judge alike before and after what they remembered of processes is forgotten', () => {
  const text =
    '- {rule: program, desc: d, condition: "evt.type = ptrace and proc.name startswith odd", output: o, priority: info}\n' +
    '- {rule: lineage, desc: d, condition: "evt.type = ptrace and proc.pname = containerd-shim and proc.tty = 0", output: o, priority: info}\n' +
    '- {rule: mixed, desc: d, condition: "evt.type = ptrace and proc.args contains needle and proc.name != odd3", output: o, priority: info}\n'
  const { ruleSet } = loadRuleSet([{ name: 'r.yaml', text }])
  for (let from = 0; from < 4 * MAX_IDENTITIES; from += 2000) {
    const processes = Array.from({ length: 2000 }, (_, i) => ({
      pid: from + i,
      comm: i % 2 === 0 ? `even${i % 8}` : `odd${i % 8}`,
      argv: `x\0${i % 5 === 0 ? 'needle' : 'hay'}\0${from + i}`,
      tty: (from + i) % 3 === 0 ? 0 : 7,
    }))
    const expected = processes.flatMap(({ comm, argv, tty }, i) => [
      ...(comm.startsWith('odd') ? [`${i} 0`] : []),
      ...(tty === 0 ? [`${i} 1`] : []),
      ...(argv.includes('needle') && comm !== 'odd3' ? [`${i} 2`] : []),
    ])
    const found = ruleSet!.detect(batchOf(processes, null, true)).map(({ row, rule }) => `${row} ${rule}`)
    expect(found).toEqual(expected)
  }
})
