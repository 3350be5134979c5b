/** Which files there are: one per UTC day and part, and one for alerts, which change and so belong to no day. */
import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'

export interface PartFile {
  path: string
  day: string
  part: number
}

const NAME = /^(\d{4}-\d{2}-\d{2})\.(\d{3,})\.db$/

export function partPath(directory: string, day: string, part: number): string {
  return join(directory, `${day}.${String(part).padStart(3, '0')}.db`)
}

export function alertsPath(directory: string): string {
  return join(directory, 'alerts.db')
}

/** Oldest first. */
export function listParts(directory: string): PartFile[] {
  const parts: PartFile[] = []
  for (const name of existsSync(directory) ? readdirSync(directory) : []) {
    const [, day, part] = NAME.exec(name) ?? []
    if (day !== undefined) parts.push({ path: join(directory, name), day, part: Number(part) })
  }
  return parts.sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : a.part - b.part))
}

/** With the write-ahead log, which can be as large as what it precedes. */
export function fileBytes(path: string): number {
  return ['', '-wal'].reduce((sum, suffix) => sum + (statSync(path + suffix, { throwIfNoEntry: false })?.size ?? 0), 0)
}

export function unlinkDatabase(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true })
}

/** The part that new rows of a day belong to: the last one, or the next once that holds `maxPartBytes`. */
export function currentPart(directory: string, day: string, maxPartBytes: number): number {
  const last = listParts(directory)
    .filter((part) => part.day === day)
    .at(-1)
  if (last === undefined) return 0
  return fileBytes(last.path) >= maxPartBytes ? last.part + 1 : last.part
}
