/** Chunks reach the sink in order, are held while it is full, and nothing is lost without a count. */
import { describe, expect, test } from 'vitest'
import type { Losses, NativeChunk } from '../../../collector/sources/syscalls/addon.ts'
import { ChunkPump } from '../../../collector/sources/syscalls/chunk-pump.ts'
import { emptyBatch } from '../../../core/batch/batch.ts'
import { encodeBody } from '../../../core/batch/body.ts'
import type { Emission } from '../../../core/model/source.ts'

const NONE: Losses = { processRing: 0, bulkRing: 0, overBudget: 0, gaps: 0, unusable: 0 }

function chunk(lowMs: number, losses: Partial<Losses> = {}, rows = 0): NativeChunk {
  return { body: Uint8Array.from(encodeBody(emptyBatch())).buffer, rows, lowMs, losses: { ...NONE, ...losses } }
}

function pumpInto(emit: (emission: Emission) => Promise<boolean>) {
  const errors: unknown[] = []
  const counts = { released: 0 }
  const release = () => void counts.released++
  const pump = new ChunkPump({ sink: { emit }, release, onError: (error) => errors.push(error) })
  return { pump, errors, counts }
}

describe('the pump', () => {
  test('keeps the order and gives each chunk back once it is taken', async () => {
    const seen: number[] = []
    let refusals = 2
    const { pump, counts } = pumpInto(async ({ lowMs }) => {
      if (refusals-- > 0) return false
      seen.push(lowMs)
      return true
    })
    for (const lowMs of [1, 2, 3]) pump.push(chunk(lowMs))
    expect(counts.released).toBe(0)
    await pump.drain(5000)
    expect(seen).toEqual([1, 2, 3])
    expect(counts.released).toBe(3)
  })

  test('names every loss, and gaps only where a full ring does not explain them', async () => {
    const seen: (Record<string, number> | undefined)[] = []
    const { pump } = pumpInto(async ({ dropped }) => seen.push(dropped) > 0)
    pump.push(chunk(1, { bulkRing: 10, processRing: 2, overBudget: 3 }))
    pump.push(chunk(2, { gaps: 12 }))
    pump.push(chunk(3, { gaps: 4, unusable: 1 }))
    pump.push(chunk(4))
    await pump.drain(5000)
    expect(seen).toEqual([
      { ring_full_process: 2, ring_full_bulk: 10, budget: 3 },
      undefined,
      { sequence_gap: 4, unusable: 1 },
      undefined,
    ])
  })

  test('counts the rows of a chunk for which the sink failed, and goes on', async () => {
    const seen: (Record<string, number> | undefined)[] = []
    let failures = 1
    const { pump, errors, counts } = pumpInto(async ({ dropped }) => {
      if (failures-- > 0) throw new Error('disk')
      return seen.push(dropped) > 0
    })
    pump.push(chunk(1, {}, 7))
    pump.push(chunk(2))
    await pump.drain(5000)
    expect(errors).toHaveLength(1)
    expect(seen).toEqual([{ sink_failed: 7 }])
    expect(counts.released).toBe(2)
  })

  test('gives up at the deadline when the sink stays full', async () => {
    const { pump, counts } = pumpInto(async () => false)
    pump.push(chunk(1))
    pump.push(chunk(2))
    const before = Date.now()
    await pump.drain(50)
    expect(Date.now() - before).toBeLessThan(2000)
    expect(counts.released).toBe(2)
  })
})
