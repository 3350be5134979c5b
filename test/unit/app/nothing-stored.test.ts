/** What commands say of a data directory in which no Seamark has been: they make nothing there. */
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { storageVisibility } from '../../../app/doctor/this-machine.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { runSeamark } from '../../support/seamark.ts'

test.each([
  [['deadletters', 'list']],
  [['deadletters', 'list', '--json']],
  [['deadletters', 'show', 'x']],
  [['deadletters', 'replay', '--all']],
  [['deadletters', 'remove', '--all']],
  [['command', 'list']],
  [['command', 'list', '--json']],
])('%j says that nothing is there, and makes nothing', async (argv) => {
  const folder = scratchFolder('nothing-stored')
  const dataDir = join(folder, 'none')
  const { code, stdout, stderr } = await runSeamark([...argv, '--data-dir', dataDir])
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(stderr).toContain(`no Seamark has stored anything in ${dataDir}`)
  expect(stderr).toContain('[E_DATA_DIR_UNAVAILABLE]')
  expect(existsSync(dataDir)).toBe(false)
  mkdirSync(dataDir)
  expect((await runSeamark([...argv, '--data-dir', dataDir])).code).toBe(3)
  expect(readdirSync(dataDir)).toEqual([])
})

test('doctor says of a directory that is not there that it will be made', () => {
  const folder = scratchFolder('nothing-stored')
  const dataDir = join(folder, 'none', 'below')
  expect(storageVisibility({ dataDir }).sees).toEqual([
    expect.stringMatching(/none\/below, which is not there yet and will be made \([\d.]+ GiB free\)$/),
  ])
  expect(storageVisibility({ dataDir: folder }).sees).toEqual([expect.stringMatching(/^\S+ \([\d.]+ GiB free\)$/)])
})
