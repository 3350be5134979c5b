/** A rule on reads or writes in a whole Seamark: it fires with what was written, and Seamark does not feed on itself. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RunningSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'
import { whyNoCapture } from '../capture/capturing.ts'

const why = whyNoCapture()
if (why !== null) console.warn(`calls by name end to end not tested: ${why}`)

/** The second one holds for what Seamark itself does to tell of the first, if it saw that. */
const RULES = `
- rule: marked
  desc: d
  condition: evt.type in (write, writev) and fd.filename = seamark-marked and evt.buffer contains secret
  output: wrote %evt.buffer to %fd.name size=%evt.arg.size %evt.args
  priority: info
- rule: writes of node
  desc: d
  condition: evt.type in (write, writev, pwrite) and proc.exepath endswith /node
  output: pid=%proc.pid name=%fd.name
  priority: info
`

describe.skipIf(why !== null)('a rule that names a call', () => {
  const folder = mkdtempSync(join(tmpdir(), 'seamark-named-'))
  let seamark: RunningSeamark

  beforeAll(async () => {
    writeFileSync(join(folder, 'rules.yaml'), RULES)
    const args = ['--no-builtin-rules', '--rules', join(folder, 'rules.yaml')]
    seamark = await new RunningSeamark({ args }).start()
  }, 60_000)

  afterAll(async () => {
    await seamark.remove()
    rmSync(folder, { recursive: true, force: true })
  })

  test('fires with the data, the file and the arguments, and is stored as a change of a file', async () => {
    const path = join(folder, 'seamark-marked')
    await once(spawn('/bin/sh', ['-c', `printf secret > ${path}`], { stdio: 'ignore' }), 'exit')
    const { output, output_fields } = await until(
      'the alert',
      () => seamark.alerts.find((alert) => alert.rule === 'marked'),
      20_000,
    )
    expect(output_fields).toMatchObject({ 'evt.buffer': 'secret', 'fd.name': path, 'evt.arg.size': '6' })
    expect(output).toContain(`res=6 fd=1(<f>${path}) size=6`)
    const [stored] = await until(
      'the stored event',
      async () => {
        const found = await seamark.all('events', 'event.action: write and file.name: seamark-marked')
        return found.length > 0 ? found : undefined
      },
      20_000,
    )
    expect(stored!.body).toMatchObject({ event: { category: ['file'], type: ['change'] }, file: { path } })
  })

  test('is not raised by what Seamark writes', async () => {
    await delay(2000)
    const raised = seamark.alerts.filter(({ rule }) => rule === 'writes of node')
    expect(raised.filter(({ output_fields }) => output_fields['proc.pid'] === seamark.pid)).toEqual([])
  })
})
