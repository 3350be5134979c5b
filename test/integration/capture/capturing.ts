/** Runs something under live capture and gives what was seen, as rows that are easy to compare. */
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type CaptureStats, loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { SyscallSource, type SyscallSourceOptions } from '../../../collector/sources/syscalls/syscall-source.ts'
import { SYSCALLS } from '../../../collector/sources/syscalls/syscall-table.ts'
import { type Batch, eventTables, processRow, readCell, type Table } from '../../../core/batch/batch.ts'
import type { ColumnName } from '../../../core/batch/columns.ts'
import { isByName } from '../../../core/fields/calls-by-name.ts'
import { EVENT_TYPE_NAMES } from '../../../core/fields/event-types.ts'
import type { CapturePlan, Emission } from '../../../core/model/source.ts'

/** Cells by column; `event` is the type's name, `table` where the row was, `by` the process. */
export type SeenRow = Partial<Record<ColumnName, number | string | bigint>> & {
  event: string
  table: string
  by: Partial<Record<ColumnName, number | string | bigint>>
}

export interface Captured {
  rows: SeenRow[]
  emissions: Emission[]
  dropped: Record<string, number>
  stats: CaptureStats
}

export const planFor = (eventTypes: string[], changes: Partial<CapturePlan> = {}): CapturePlan => ({
  version: 'test',
  eventTypes,
  scope: 'all',
  environment: false,
  ...changes,
})

/** Those that are captured for every rule; others only where they are named. */
export const EVERY_CALL = Object.keys(SYSCALLS).filter((name) => !isByName(name))

/** Null, or why live capture cannot be tested here. */
export function whyNoCapture(): string | null {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux'
  const loaded = loadAddon()
  return loaded.addon === null ? loaded.reason : null
}

/** Captures while `act` runs and a little longer, so that the last events have arrived. */
export async function capture(
  plan: CapturePlan,
  act: (source: SyscallSource) => unknown,
  options: SyscallSourceOptions = {},
): Promise<Captured> {
  const emissions: Emission[] = []
  const source = new SyscallSource(options)
  const sink = { emit: async (emission: Emission) => emissions.push(emission) > 0 }
  await source.start(sink, null, plan)
  try {
    await act(source)
    await delay(100)
  } finally {
    await source.stop(5000)
  }
  const dropped: Record<string, number> = {}
  for (const emission of emissions) {
    for (const [reason, count] of Object.entries(emission.dropped ?? {})) {
      dropped[reason] = (dropped[reason] ?? 0) + count
    }
  }
  return { rows: emissions.flatMap((emission) => rowsOf(emission.batch)), emissions, dropped, stats: source.stats()! }
}

export function rowsOf(batch: Batch): SeenRow[] {
  return eventTables(batch).flatMap((table) =>
    Array.from({ length: table.rowCount }, (_, row) => {
      const cells = cellsOf(batch, table, row)
      const process = processRow(table, row)
      const by = process < 0 ? {} : cellsOf(batch, batch.tables.process!, process)
      return { ...cells, table: table.name, event: EVENT_TYPE_NAMES.get(cells.type as number) ?? '?', by }
    }),
  )
}

function cellsOf(batch: Batch, table: Table, row: number): Partial<Record<ColumnName, number | string | bigint>> {
  const cells: Partial<Record<ColumnName, number | string | bigint>> = {}
  for (const name of Object.keys(table.columns) as ColumnName[]) {
    const value = readCell(batch, table, row, name)
    if (value !== undefined) cells[name] = value
  }
  return cells
}

let folder: string | null = null

/** A fresh directory below one that `removeFolders` deletes. */
export function freshFolder(): string {
  folder ??= mkdtempSync(join(tmpdir(), 'seamark-capture-'))
  return mkdtempSync(join(folder, 'case-'))
}

export function removeFolders(): void {
  if (folder !== null) rmSync(folder, { recursive: true, force: true })
  folder = null
}

/** The compiled program of `tester.c` or another file beside it, or null without a C compiler. */
export function buildTester(name = 'tester'): string | null {
  if (spawnSync('gcc', ['--version']).status !== 0) return null
  const program = join(freshFolder(), name)
  if (!existsSync(program)) {
    const source = fileURLToPath(new URL(`${name}.c`, import.meta.url))
    // Static: a loader would open files of its own.
    execFileSync('gcc', ['-O1', '-pthread', '-static', source, '-o', program])
  }
  return program
}
