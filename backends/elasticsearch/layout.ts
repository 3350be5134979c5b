/**
 * Names of indices: one per kind, UTC day of storage and numbered part, so that an `_id` is unique in its index and
 * retention drops whole indices; one for alerts, which change and so belong to no day.
 */
import type { Doc, DocKind } from '../../core/model/search-store.ts'

export interface DayIndex {
  name: string
  /** `2026-11-22`. */
  day: string
  part: number
}

export function indexOf(prefix: string, { kind, day, part }: Pick<Doc, 'kind' | 'day' | 'part'>): string {
  if (kind === 'alert') return alertsIndex(prefix)
  return `${prefix}-${kind}s-${day.replaceAll('-', '.')}-${String(part).padStart(3, '0')}`
}

export function alertsIndex(prefix: string): string {
  return `${prefix}-alerts-000001`
}

/** What a search of a kind reads. */
export function searchPattern(prefix: string, kind: DocKind): string {
  return `${prefix}-${kind}s-*`
}

/** Null for an index that is none of ours. */
export function parseDayIndex(prefix: string, name: string): DayIndex | null {
  if (!name.startsWith(`${prefix}-`)) return null
  const found = /^(?:events|detections)-(\d{4})\.(\d{2})\.(\d{2})-(\d{3,})$/.exec(name.slice(prefix.length + 1))
  if (found === null) return null
  const [, year, month, date, part] = found
  return { name, day: `${year}-${month}-${date}`, part: Number(part) }
}
