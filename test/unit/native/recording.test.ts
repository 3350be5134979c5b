/** Recordings: replayed without a kernel they give known rows, and damaged ones are refused at the right byte. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { encodeRecordedFacts, type RecordedFacts } from '../../../collector/host/recorded-facts.ts'
import { loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { readRecording } from '../../../collector/sources/syscalls/recording.ts'
import { type Batch, eventTables, processRow, readCell, readText } from '../../../core/batch/batch.ts'
import { encodeBody } from '../../../core/batch/body.ts'
import { EVENT_TYPE_NAMES } from '../../../core/fields/event-types.ts'
import { AppError } from '../../../core/model/errors.ts'
import type { Emission } from '../../../core/model/source.ts'

const fixture = fileURLToPath(new URL('../../fixtures/recordings/shell-in-a-cgroup.smrec', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'seamark-recording-'))
const loaded = loadAddon()
if (loaded.addon === null) console.warn(`recordings not tested: ${loaded.reason}`)

const whole = readFileSync(fixture)
/** File head, call table, checksum. */
const HEAD_BYTES = 16 + 3 * 512 * 16 + 8

function replay(bytes: Uint8Array): { emissions: Emission[]; error: AppError | null } {
  const path = join(folder, 'case.smrec')
  writeFileSync(path, bytes)
  const emissions: Emission[] = []
  try {
    for (const emission of readRecording(path)) emissions.push(emission)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { emissions, error }
  }
  return { emissions, error: null }
}

function summary(batch: Batch, of: string): string[] {
  return eventTables(batch).flatMap((table) =>
    Array.from({ length: table.rowCount }, (_, row) => {
      const process = processRow(table, row)
      const comm = readText(batch, batch.tables.process!, process, 'comm')
      const type = EVENT_TYPE_NAMES.get(readCell(batch, table, row, 'type') as number)
      const what = ['argv', 'path', 'remoteIp'].map((name) => readCell(batch, table, row, name as 'path')).find(Boolean)
      return `${comm} ${type} ${what ?? ''}`
    }).filter((line) => line.startsWith(`${of} `)),
  )
}

describe.skipIf(loaded.addon === null)('a recording', () => {
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('gives the rows of what happened', () => {
    const { emissions, error } = replay(whole)
    expect(error).toBeNull()
    const lines = (of: string) => emissions.flatMap(({ batch }) => summary(batch, of))
    expect(lines('cat')).toContain('cat execve cat\0/etc/shadow')
    expect(lines('cat')).toContain('cat openat /etc/shadow')
    expect(lines('rm')).toContain('rm unlinkat ')
    expect(lines('visitor').filter((line) => line === 'visitor connect 127.0.0.1')).toHaveLength(2)
    expect(lines('visitor')).toContain('visitor connect ::1')
    expect(lines('visitor')).toContain('visitor procexit ')
    const cgroups = emissions.flatMap(({ batch }) => {
      const table = batch.tables.cgroups
      return Array.from({ length: table?.rowCount ?? 0 }, (_, row) => readText(batch, table!, row, 'cgroupPath'))
    })
    expect(cgroups.filter((path) => path === '/seamark-demo')).toHaveLength(3)
  })

  test('gives the same bytes every time', () => {
    const bodies = () => replay(whole).emissions.map(({ batch }) => Buffer.from(encodeBody(batch)).toString('base64'))
    expect(bodies()).toEqual(bodies())
  })

  describe('with facts about containers', () => {
    const id = 'c'.repeat(64)
    const known: RecordedFacts = {
      containers: [
        {
          id,
          runtime: 'docker',
          name: 'web',
          mounts: [{ source: '/a:b', destination: '/c', mode: '', isWritable: true, propagation: '' }],
          createdNs: 1_767_225_600_000_000_001n,
          pid: 7,
        },
      ],
      cgroups: [{ id: 42, owners: [{ id, runtime: 'docker' }] }],
    }
    const chunk = (content: Uint8Array, length = content.length) => {
      const bytes = Buffer.alloc(24 + Math.ceil(content.length / 8) * 8)
      bytes.write('SMRF')
      bytes.writeUInt32LE(bytes.length - 24, 4)
      bytes.writeUInt32LE(length, 8)
      bytes.set(content, 24)
      bytes.writeUInt32LE(crc32(bytes.subarray(16)), 12)
      return bytes
    }
    const facts = (bytes: Uint8Array) => {
      const path = join(folder, 'facts.smrec')
      writeFileSync(path, bytes)
      const found: RecordedFacts[] = []
      const rows = [...readRecording(path, (more) => found.push(more))]
      return { found, rows: rows.length }
    }

    test('gives them back, between the same events', () => {
      const head = whole.subarray(0, HEAD_BYTES)
      const { found, rows } = facts(
        Buffer.concat([
          head,
          chunk(encodeRecordedFacts(known)),
          whole.subarray(HEAD_BYTES),
          chunk(encodeRecordedFacts(known)),
        ]),
      )
      const { pid: _, ...container } = known.containers[0]!
      expect(found).toEqual([
        { ...known, containers: [container] },
        { ...known, containers: [container] },
      ])
      expect(rows).toBe(replay(whole).emissions.length)
    })

    test.each([
      ['of another version', chunk(Buffer.from('{"version":2,"containers":[],"cgroups":[]}'))],
      ['that are no JSON', chunk(Buffer.from('{"version":1'))],
      ['of another shape', chunk(Buffer.from('{"version":1,"containers":[{"id":5}],"cgroups":[]}'))],
      ['of an impossible length', chunk(encodeRecordedFacts(known), 1)],
      ['of no length', chunk(encodeRecordedFacts(known), 0)],
    ])('%s is refused at their byte', (_, damaged) => {
      const { error } = replay(Buffer.concat([whole, damaged]))
      expect(error).toMatchObject({ code: 'E_RECORDING_CORRUPT' })
      expect(error?.message).toContain(`byte ${whole.length}:`)
    })
  })

  // The checksum does not cover the number of records; a smaller one used to lose events in silence.
  test('whose chunk says fewer events than it holds is refused', () => {
    const altered = Buffer.from(whole)
    altered.writeUInt32LE(altered.readUInt32LE(HEAD_BYTES + 8) - 1, HEAD_BYTES + 8)
    expect(replay(altered).error?.message).toContain(`byte ${HEAD_BYTES}: a chunk holds more events than it says`)
  })

  test('that is cut short gives what came before and names the byte', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: whole.length - 1 }), (length) => {
        const { error } = replay(whole.subarray(0, length))
        // A cut exactly between two chunks cannot be told from an end.
        if (error === null) return
        expect(error.code).toBe('E_RECORDING_CORRUPT')
        const offset = Number(/byte (\d+)/.exec(error.message)![1])
        expect(offset).toBeLessThanOrEqual(length)
      }),
      { numRuns: 300 },
    )
    const { emissions, error } = replay(whole.subarray(0, whole.length - 1))
    expect(error?.code).toBe('E_RECORDING_CORRUPT')
    expect(emissions.length).toBeGreaterThan(0)
  })

  test('with any damaged byte is refused, never misread', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(whole)
        damaged[at]! ^= change
        const { error } = replay(damaged)
        // Four bytes of padding in the file head carry no meaning, and one digit of the magic makes it the older format.
        const isOlderFormat = at === 7 && change === ('2'.charCodeAt(0) ^ '1'.charCodeAt(0))
        if (error === null) expect(isOlderFormat || (at >= HEAD_BYTES - 4 && at < HEAD_BYTES)).toBe(true)
        else expect(error.code).toBe('E_RECORDING_CORRUPT')
      }),
      { numRuns: 500 },
    )
  })

  test('whose events were altered behind right checksums is counted, never fatal', () => {
    let unusable = 0
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), fc.nat(255), (place, value, other) => {
        const altered = Buffer.from(whole)
        const bytes = altered.readUInt32LE(HEAD_BYTES + 4)
        const start = HEAD_BYTES + 24
        altered[start + (place % bytes)] = value
        altered[start + ((place * 31 + other) % bytes)] = other
        const end = start + bytes
        altered.writeUInt32LE(crc32(altered.subarray(HEAD_BYTES + 16, end)), HEAD_BYTES + 12)
        const { emissions, error } = replay(altered)
        if (error !== null) expect(error.code).toBe('E_RECORDING_CORRUPT')
        for (const emission of emissions) unusable += emission.dropped?.unusable ?? 0
      }),
      { numRuns: 1000 },
    )
    expect(unusable).toBeGreaterThan(0)
  })

  test('that is not there is an error with its reason', () => {
    expect(() => [...readRecording('/nonexistent/recording')]).toThrow(/ENOENT/)
  })
})
