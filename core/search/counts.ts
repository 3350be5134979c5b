/**
 * Sums of counts as every search store answers them: by start of the interval and values, in one order, bounded.
 */
import { type Fields, leavesOf } from '../language/kql/fields.ts'
import { AppError } from '../model/errors.ts'

export type CountKey = (string | number | null)[]

/** Sums counts by (start of the interval, values). */
export interface Counts {
  add(fromMs: number | undefined, key: CountKey, count: number): void
}

export const MAX_BUCKETS = 50_000

export interface CountBucket {
  fromMs: number | undefined
  key: CountKey
  count: number
}

export function createCounts(): Counts & { buckets(): CountBucket[] } {
  const sums = new Map<string, CountBucket>()
  return {
    add(fromMs, key, count) {
      const name = JSON.stringify([fromMs ?? null, ...key])
      const sum = sums.get(name)
      if (sum !== undefined) sum.count += count
      else if (sums.size < MAX_BUCKETS) sums.set(name, { fromMs, key, count })
      else {
        const message = `more than ${MAX_BUCKETS} counts: use fewer fields, a longer interval or a shorter time range`
        throw new AppError('E_STORE_QUERY', message)
      }
    },
    buckets: () =>
      [...sums.values()].sort(
        (a, b) => (a.fromMs ?? 0) - (b.fromMs ?? 0) || b.count - a.count || compareKeys(a.key, b.key),
      ),
  }
}

/** Every combination of one value of each list. */
export function combinations(lists: readonly (readonly CountKey[number][])[]): CountKey[] {
  return lists.reduce<CountKey[]>((keys, values) => keys.flatMap((key) => values.map((value) => [...key, value])), [[]])
}

/** The keys under which a document counts: one for every combination of its distinct values, null where it has none. */
export function keysOf(body: Readonly<Record<string, unknown>>, by: readonly string[], fields: Fields): CountKey[] {
  return combinations(
    by.map((field) => {
      const type = fields.find(field)?.type
      const numeric = type === 'long' || type === 'double'
      const leaves = leavesOf(body, field).map((leaf) => (numeric && typeof leaf === 'number' ? leaf : String(leaf)))
      return leaves.length === 0 ? [null] : [...new Set(leaves)]
    }),
  )
}

function compareKeys(a: CountKey, b: CountKey): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
  return left < right ? -1 : left > right ? 1 : 0
}
