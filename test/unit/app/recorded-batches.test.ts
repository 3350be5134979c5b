/** Times of processes in a replay are those of the machine that recorded them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { afterAll, describe, expect, test } from 'vitest'
import { recordedBatches } from '../../../app/roles/recorded-batches.ts'
import { loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { eventTables, readNumber } from '../../../core/batch/batch.ts'
import { Cursor } from '../../../core/fields/cursor.ts'
import { findField } from '../../../core/fields/index.ts'
import { readerOf } from '../../../core/fields/reader.ts'

const fixture = fileURLToPath(new URL('../../fixtures/recordings/shell-in-a-cgroup.smrec', import.meta.url))
const loaded = loadAddon()
if (loaded.addon === null) console.warn(`times in recordings not tested: ${loaded.reason}`)

const folder = mkdtempSync(join(tmpdir(), 'seamark-recorded-'))
/** File head, call table, checksum. */
const HEAD_BYTES = 16 + 3 * 512 * 16 + 8
const whole = readFileSync(fixture)
/** Wall clock minus boot clock, of its first chunk. */
const OFFSET = whole.readBigInt64LE(HEAD_BYTES + 16)
/** Numbers of this size in a double. */
const PRECISION_NS = 1024

/** The same recording with other offsets in the heads of its chunks. */
function withOffsets(of: (index: number) => bigint): string {
  const bytes = Buffer.from(whole)
  for (let at = HEAD_BYTES, index = 0; at < bytes.length; index++) {
    const end = at + 24 + bytes.readUInt32LE(at + 4)
    bytes.writeBigInt64LE(of(index), at + 16)
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 16, end)), at + 12)
    at = end
  }
  const path = join(folder, 'other.smrec')
  writeFileSync(path, bytes)
  return path
}

interface Seen {
  /** Start of the process since boot, ns. */
  startNs: number
  timeNs: bigint
  startTime: unknown
  duration: unknown
}

const reader = (name: string) => readerOf(findField(name, null)!.field, null)

async function eventsOf(path: string): Promise<Seen[]> {
  const seen: Seen[] = []
  const cursor = new Cursor()
  const startTime = reader('proc.pid.ts')
  const duration = reader('proc.duration')
  for await (const batch of recordedBatches(path)) {
    cursor.open(batch)
    for (const table of eventTables(batch)) {
      for (let row = 0; row < table.rowCount; row++) {
        cursor.moveTo(table, row)
        const startNs = cursor.process < 0 ? undefined : readNumber(batch.tables.process!, cursor.process, 'startNs')
        if (startNs === undefined) continue
        seen.push({ startNs, timeNs: cursor.timeNs, startTime: startTime(cursor), duration: duration(cursor) })
      }
    }
  }
  return seen
}

describe.skipIf(loaded.addon === null)('a process of a recording', () => {
  afterAll(() => rmSync(folder, { recursive: true }))

  test.each([
    ['as it was made', OFFSET],
    ['made a year earlier', OFFSET - 31_536_000_000_000_000n],
  ])('%s started when it did, and ran as long as it did', async (_, offset) => {
    const seen = await eventsOf(withOffsets(() => offset))
    expect(seen.length).toBeGreaterThan(20)
    for (const { startNs, timeNs, startTime, duration } of seen) {
      expect(Math.abs(Number((startTime as bigint) - offset) - startNs)).toBeLessThan(PRECISION_NS)
      const ranNs = Number(timeNs - offset) - startNs
      expect(Math.abs((duration as number) - Math.max(0, ranNs))).toBeLessThan(PRECISION_NS)
    }
  })

  test('has no start and no duration where the recording does not tell', async () => {
    const seen = await eventsOf(withOffsets(() => 0n))
    expect(seen.length).toBeGreaterThan(20)
    for (const { startTime, duration } of seen) expect([startTime, duration]).toEqual([undefined, undefined])
  })
})
