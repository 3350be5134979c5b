/** What must be true of stored documents that carry numbers: each once, and alerts that count what there is. */
import { numberIn } from './numbered-events.ts'
import { type StoredDocument, valueAt } from './stored.ts'

/** Numbers that an explanation of a failure names at most. */
const SHOWN = 20

/** Of the expected numbers those that no document has, and of all numbers those that several have. */
export function audit(
  documents: readonly StoredDocument[],
  expected: readonly number[],
): { missing: number[]; doubled: number[] } {
  const times = new Map<number, number>()
  for (const { source } of documents) {
    const number = numberIn(valueAt(source, 'file.path') as string | undefined)
    if (number !== null) times.set(number, (times.get(number) ?? 0) + 1)
  }
  return {
    missing: expected.filter((number) => !times.has(number)).slice(0, SHOWN),
    doubled: [...times].flatMap(([number, count]) => (count > 1 ? [number] : [])).slice(0, SHOWN),
  }
}

/** Alerts whose count is not that of the detections which name them, and detections that name no alert there is. */
export function miscounted(alerts: readonly StoredDocument[], detections: readonly StoredDocument[]): string[] {
  const counts = new Map<string, number>()
  for (const { source } of detections) {
    const id = String(valueAt(source, 'seamark.alert.id'))
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const wrong = alerts.flatMap(({ id, source }) => {
    const [said, is] = [valueAt(source, 'seamark.alert.count'), counts.get(id) ?? 0]
    return said === is ? [] : [`${id} says ${said}, has ${is}`]
  })
  const known = new Set(alerts.map(({ id }) => id))
  return [...wrong, ...[...counts.keys()].filter((id) => !known.has(id)).map((id) => `${id} is missing`)]
}

/** Both included. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}
