import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { claimDataDirectory } from '../../../app/data-directory.ts'

const scratch = mkdtempSync(join(tmpdir(), 'seamark-data-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test('is made with its parents, for its owner only, and is free again after its release', () => {
  const path = join(scratch, 'a/b/c')
  const claimed = claimDataDirectory(path)
  expect(statSync(path).mode & 0o777).toBe(0o700)
  expect(() => claimDataDirectory(path)).toThrow(expect.objectContaining({ code: 'E_DATA_DIR_BUSY' }))
  claimed.release()
  claimDataDirectory(path).release()
})

test('a place where nothing can be made is refused at once', () => {
  // Making /proc/x with its parents by Node's own means ran until the memory was full.
  expect(() => claimDataDirectory('/proc/seamark/data')).toThrow(
    expect.objectContaining({ code: 'E_DATA_DIR_UNAVAILABLE' }),
  )
  writeFileSync(join(scratch, 'file'), '')
  for (const path of ['file', 'file/below'])
    expect(() => claimDataDirectory(join(scratch, path))).toThrow(
      expect.objectContaining({ code: 'E_DATA_DIR_UNAVAILABLE' }),
    )
})
