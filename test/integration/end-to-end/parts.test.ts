import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { captureMissing, RunningSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const missing = await captureMissing()
const EXECS_PER_ROUND = 300

describe.skipIf(missing !== null)(`parts of a day${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-parts-'))
  const config = join(scratch, 'seamark.yml')
  writeFileSync(config, 'store: {part_bytes: 1048576}\ndocker: {enabled: false}\n')
  const seamark = new RunningSeamark({ dataDir: join(scratch, 'data'), args: ['--config', config] })
  afterAll(async () => {
    await seamark.remove()
    rmSync(scratch, { recursive: true, force: true })
  })

  test('a full part is followed by the next, and a search sees them as one', { timeout: 120_000 }, async () => {
    await seamark.start()
    const parts = () => readdirSync(join(scratch, 'data/store')).filter((name) => /^\d{4}-.*\.db$/.test(name))
    let execs = 0
    await until(
      'a third part',
      () => {
        const marks = Array.from({ length: EXECS_PER_ROUND }, () => `/bin/true parts-mark-${execs++};`).join(' ')
        execFileSync('sh', ['-c', marks])
        return parts().length >= 3
      },
      90_000,
    )
    const marks = await until('all of them to be stored', async () => {
      const found = await seamark.all('events', 'event.action: execve and process.name: true')
      const args = found.map(({ body }) => (body as { process: { args: string[] } }).process.args[1])
      const own = args.filter((arg) => arg?.startsWith('parts-mark-'))
      return own.length >= execs ? own : null
    })
    expect(new Set(marks).size).toBe(execs)
    expect(marks).toHaveLength(execs)
  })
})
