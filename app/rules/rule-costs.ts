/**
 * What each rule costs by itself: it is compiled alone and judges a stream, and the time that an empty set takes for the
 * same stream is taken off. Together rules share work, so that a set costs less than the sum of its rules.
 */
import { type Batch, eventRows, eventTables, timeNs } from '../../core/batch/batch.ts'
import { compileRules, type Program } from '../../core/ruleset/compiler.ts'
import type { CheckedRules } from './checked-rules.ts'

export interface RuleCost {
  rule: string
  enabled: boolean
  /** Above the empty set: the median over all rounds; below zero where it is lost in the noise. */
  nsPerEvent: number
  /** The lowest and the highest round. */
  lowNs: number
  highNs: number
  matches: number
  /** Null where the stream's time tells nothing: it was made up, or is shorter than a second. */
  alertsPerDay: number | null
}

export interface CostOptions {
  rounds: number
  /** Whether the times of events are those of something that happened. */
  isRecorded: boolean
}

export interface Costs {
  events: number
  /** From the first event to the last. */
  seconds: number
  /** Of the empty set. */
  emptyNsPerEvent: number
  rules: RuleCost[]
}

const DAY_SECONDS = 86_400
const MIN_SECONDS = 1
const MIN_ROUND_EVENTS = 20_000

/** Dearest first. `batches` must hold at least one event. */
export function ruleCosts(
  { rules, pool }: CheckedRules,
  batches: readonly Batch[],
  { rounds, isRecorded }: CostOptions,
): Costs {
  const events = batches.reduce((sum, batch) => sum + eventRows(batch), 0)
  const seconds = secondsOf(batches)
  // The clock of a thread is coarse: a short stream is judged several times in each round.
  const passes = Math.ceil(MIN_ROUND_EVENTS / events)
  const judged = events * passes
  const empty = compileRules(pool, [], 'all')
  judge(empty, batches, passes)
  const emptyRounds: number[] = []
  const costs = rules.map(({ definition, condition, source }): RuleCost => {
    const program = compileRules(pool, [{ condition, source, namesEventTypes: true }], 'all')
    // The first pass is the compiler's of JavaScript, and fills what is remembered of processes.
    const { matches } = judge(program, batches, 1)
    judge(program, batches, passes)
    const found: number[] = []
    for (let round = 0; round < rounds; round++) {
      const base = judge(empty, batches, passes).ns
      emptyRounds.push(base / judged)
      found.push((judge(program, batches, passes).ns - base) / judged)
    }
    found.sort((a, b) => a - b)
    return {
      rule: definition.name,
      enabled: definition.enabled,
      nsPerEvent: median(found),
      lowNs: found[0]!,
      highNs: found.at(-1)!,
      matches,
      alertsPerDay: isRecorded && seconds >= MIN_SECONDS ? (matches * DAY_SECONDS) / seconds : null,
    }
  })
  const emptyNsPerEvent = median(emptyRounds.sort((a, b) => a - b))
  return { events, seconds, emptyNsPerEvent, rules: costs.sort((a, b) => b.nsPerEvent - a.nsPerEvent) }
}

function judge(program: Program, batches: readonly Batch[], passes: number): { ns: number; matches: number } {
  const before = process.threadCpuUsage()
  let matches = 0
  for (let pass = 0; pass < passes; pass++) for (const batch of batches) matches += program.detect(batch).length
  const { user, system } = process.threadCpuUsage(before)
  return { ns: (user + system) * 1000, matches }
}

function secondsOf(batches: readonly Batch[]): number {
  let first: bigint | undefined
  let last = 0n
  for (const batch of batches) {
    for (const table of eventTables(batch)) {
      for (let row = 0; row < table.rowCount; row++) {
        const at = timeNs(batch, table, row)
        if (first === undefined || at < first) first = at
        if (at > last) last = at
      }
    }
  }
  return first === undefined ? 0 : Number(last - first) / 1e9
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}
