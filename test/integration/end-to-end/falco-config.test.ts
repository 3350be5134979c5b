import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  createContainer,
  dockerMissing,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'
import { captureMissing, RunningSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const missing = (await captureMissing()) ?? (await dockerMissing())

describe.skipIf(missing !== null)(`in the place of Falco${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const directory = mkdtempSync(join(tmpdir(), 'seamark-falco-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('its configuration gives its rules, its lines, to its places', async () => {
    const file = (name: string) => join(directory, name)
    const rule = (name: string) => `
- rule: ${name}
  desc: d
  condition: evt.type = execve and container.id != host and proc.name = sh
  output: shell %proc.cmdline in %container.name
  priority: NOTICE
`
    writeFileSync(file('rules.yaml'), `${rule('Second first')}${rule('First of both')}${rule('Never')}`)
    writeFileSync(
      file('falco.yaml'),
      `
rules_files: [${file('rules.yaml')}]
rules: [{disable: {rule: Second*}}]
file_output: {enabled: true, filename: ${file('alerts.txt')}}
program_output: {enabled: true, program: 'cat >> ${file('program.txt')}'}
grpc: {enabled: true}
`,
    )
    const seamark = new RunningSeamark({ format: 'line', args: ['--falco-config', file('falco.yaml')] })
    await seamark.start()
    try {
      expect(seamark.errors.join('\n')).toMatch(/falco\.yaml:6:1: warning: grpc has no meaning here/)
      const engine = testEngine()
      const image = await testImage(engine)
      const { id, name } = await createContainer(engine, image, { Cmd: ['sh', '-c', 'sleep 1'] })
      await startContainer(engine, id)
      const line = await until('the alert', () => seamark.lines.find((one) => one.includes(name)))
      // The first rule that matches, and that one alone.
      expect(line).toMatch(new RegExp(`^\\d\\d:\\d\\d:\\d\\d\\.\\d{9}: Notice shell sh -c sleep 1 in ${name}$`))
      for (const place of ['alerts.txt', 'program.txt']) {
        const told = () => (existsSync(file(place)) ? readFileSync(file(place), 'utf8') : '')
        await until(`it in ${place}`, () => told().includes(name))
        expect(told()).toBe(`${line}\n`)
      }
      await removeContainer(engine, id)
    } finally {
      expect(await seamark.end('SIGTERM')).toBe(0)
    }
  })
})
