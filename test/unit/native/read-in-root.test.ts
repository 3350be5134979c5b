/** A container's files are read as the container sees them, whatever links it has laid out. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadAddon } from '../../../collector/sources/syscalls/addon.ts'
import { readInRoot } from '../../../collector/sources/syscalls/read-in-root.ts'
import { AppError } from '../../../core/model/errors.ts'

const loaded = loadAddon()
const root = mkdtempSync(join(tmpdir(), 'seamark-root-'))

const refusal = async (path: string, from: string | number = root) => {
  const error = await readInRoot(from, path).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(AppError)
  expect((error as AppError).code).toBe('E_CONTAINER_PATH')
  return (error as AppError).message
}

describe.skipIf(loaded.addon === null)('reading inside a root', () => {
  beforeAll(() => {
    mkdirSync(join(root, 'etc'))
    writeFileSync(join(root, 'etc/passwd'), 'inside')
    symlinkSync('/etc/passwd', join(root, 'absolute'))
    symlinkSync('../../../../../../etc/passwd', join(root, 'climbing'))
    symlinkSync('/proc/self/root/etc/passwd', join(root, 'magic'))
    symlinkSync('circle', join(root, 'circle'))
    execFileSync('mkfifo', [join(root, 'fifo')])
  })
  afterAll(() => rmSync(root, { recursive: true, force: true }))

  test('an absolute link and a climbing one end inside', async () => {
    for (const path of ['/etc/passwd', 'etc/passwd', 'absolute', 'climbing', '../../etc/passwd']) {
      expect((await readInRoot(root, path)).bytes.toString(), path).toBe('inside')
    }
  })

  test('magic links are not followed', async () => {
    expect(await refusal('magic')).toMatch(/ENOENT|ELOOP/)
    expect(await refusal('/proc/self/root/etc/passwd', '/')).toMatch(/ELOOP/)
    expect(await refusal('circle')).toMatch(/ELOOP/)
  })

  test('a FIFO does not block and a directory is no file', async () => {
    expect(await refusal('fifo')).toMatch(/EACCES/)
    expect(await refusal('etc')).toMatch(/EISDIR/)
    expect(await refusal('/dev/zero', '/')).toMatch(/EACCES/)
    expect(await refusal('absent')).toMatch(/ENOENT/)
    expect(await refusal('a\0b')).toMatch(/NUL/)
  })

  test('a longer file is cut, and says so', async () => {
    writeFileSync(join(root, 'long'), 'x'.repeat(200_000))
    const cut = await readInRoot(root, 'long', { maxBytes: 100_000 })
    expect([cut.bytes.length, cut.isCut]).toEqual([100_000, true])
    const whole = await readInRoot(root, 'long', { maxBytes: 200_000 })
    expect([whole.bytes.length, whole.isCut]).toEqual([200_000, false])
    expect((await readInRoot(root, 'long', { maxBytes: 0 })).isCut).toBe(true)
  })

  test('a process id stands for its root', async () => {
    expect((await readInRoot(process.pid, '/etc/hostname')).bytes.length).toBeGreaterThan(0)
  })

  test('more than two at a time are refused, retryably', async () => {
    const results = await Promise.allSettled([1, 2, 3].map(() => readInRoot(root, 'long')))
    const failed = results.filter((result) => result.status === 'rejected')
    expect(failed).toHaveLength(1)
    expect((failed[0]!.reason as AppError).retryable).toBe(true)
    expect((await readInRoot(root, 'etc/passwd')).isCut).toBe(false)
  })
})
