/** Folders that tests may fill. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A new folder of this test, which goes with what is in it when the test is over. */
export function scratchFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `seamark-${name}-`))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
