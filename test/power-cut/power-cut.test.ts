/**
 * A machine loses its power at random points while it acknowledges numbered records; at its next boot none of them may
 * be missing, neither from the host's spool nor from the deployment's Redis. SEAMARK_POWER_CUTS sets how often (default
 * 2), SEAMARK_POWER_CUT_SEED when.
 */
import { afterAll, expect, test } from 'vitest'
import { machineMissing } from '../support/little-machine.ts'
import { seeded } from '../support/random.ts'
import { redisMissing } from '../support/redis.ts'
import { until } from '../support/wait.ts'
import { Machine } from './machine.ts'
import { type Round, type Said, WRITERS, type Writer } from './round.ts'

const CUTS = Number(process.env.SEAMARK_POWER_CUTS ?? 2)
const SEED = Number(process.env.SEAMARK_POWER_CUT_SEED ?? Date.now() % 1_000_000)
/** How long it writes before a cut. */
const WRITING_MS = { least: 200, most: 4_000 }
const BOOT_MS = 180_000
/** Rounds do not share numbers: what was not acknowledged may be there all the same. */
const ROUND_NUMBERS = 1_000_000

const missing = machineMissing() ?? redisMissing()

let machine: Machine | undefined
afterAll(() => machine?.remove())

test.skipIf(missing !== null)(
  `what was acknowledged survives ${CUTS} power cuts (seed ${SEED})${missing === null ? '' : ` (skipped: ${missing})`}`,
  async () => {
    const random = seeded(SEED)
    const running = await Machine.build()
    machine = running
    let expected = none()
    const total: Record<string, number> = { acknowledged: 0, unflushed_sectors: 0, lost_sectors: 0, careless_lost: 0 }
    for (let cut = 0; cut <= CUTS; cut++) {
      const round: Round = { expected, first: cut * ROUND_NUMBERS + 1 }
      const checked = new Map<Writer, Said & { kind: 'checked' }>()
      const acknowledged = none()
      let failure: string | null = null
      const booted = running.boot(round, (said) => {
        if (said.kind === 'failed') failure = said.reason
        else if (said.kind === 'checked') checked.set(said.writer, said)
        else acknowledged[said.writer] = [round.first, said.number]
      })
      const reached = (what: string, condition: () => boolean) =>
        until(what, () => failure !== null || condition(), BOOT_MS).catch((error: Error) => {
          throw new Error(`${error.message}\n${booted.console()}`)
        })
      await reached('the check after a boot', () => checked.size === WRITERS.length)
      expect(failure, booted.console()).toBe(null)
      for (const writer of WRITERS) {
        const { missing, damaged, isCheckpointed } = checked.get(writer)!
        if (writer === 'careless') total.careless_lost! += missing.length
        else expect({ cut, writer, missing, damaged, isCheckpointed }).toEqual({ cut, writer, ...INTACT })
      }
      if (cut === CUTS) break
      await reached('every writer to have something acknowledged', () => WRITERS.every((w) => acknowledged[w] !== null))
      await new Promise((resolve) =>
        setTimeout(resolve, WRITING_MS.least + random() * (WRITING_MS.most - WRITING_MS.least)),
      )
      expect(failure, booted.console()).toBe(null)
      // All of the cache, or any part of it.
      const { unflushed, lost } = await booted.cut(cut % 2 === 0 ? 1 : 0.5, random)
      expected = acknowledged
      total.unflushed_sectors! += unflushed
      total.lost_sectors! += lost
      total.acknowledged! += WRITERS.reduce((sum, writer) => sum + countOf(acknowledged[writer]), 0)
    }
    console.log(JSON.stringify({ seed: SEED, cuts: CUTS, ...total }))
    // The cuts were real: they took what had not been synced.
    expect(total.careless_lost).toBeGreaterThan(0)
  },
  BOOT_MS * (CUTS + 1),
)

const INTACT = { missing: [], damaged: [], isCheckpointed: true }

function none(): Record<Writer, readonly [number, number] | null> {
  return { 'spool-1': null, 'spool-2': null, 'redis-1': null, 'redis-2': null, careless: null }
}

function countOf(numbers: readonly [number, number] | null): number {
  return numbers === null ? 0 : numbers[1] - numbers[0] + 1
}
