/** What a person is told who misspells something; run as a person runs it. */
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exposureWarning } from '../../../app/api-address.ts'
import { ApiClient } from '../../../app/api-client.ts'
import { readConfig } from '../../../app/config.ts'
import { scratchFolder } from '../../support/scratch.ts'
import { RunningSeamark, runSeamark } from '../../support/seamark.ts'

test.each([
  [['udp'], "There is no command 'udp'; did you mean 'up'?"],
  [['rules', 'chekc', 'x.yaml'], "There is no command 'rules chekc'; did you mean 'rules check'?"],
  [['rule'], "There is no command 'rule'"],
  [['up', '--prot', '1'], "Unknown option '--prot'; did you mean --port?"],
  [['up', '--xyzzy'], "Unknown option '--xyzzy'\n"],
])('%j is answered with what was probably meant', async (args, told) => {
  const { code, stderr } = await runSeamark(args)
  expect(code).toBe(2)
  expect(stderr.replace(' [E_USAGE]', '')).toContain(told)
})

const RULES = `
- list: shell_binaries
  items: [sh]
- macro: in_container
  condition: (container.id != host)
- rule: one
  desc: d
  condition: evt.type = execve and CONDITION and proc.name in (shell_binaries)
  output: o
  priority: notice
`

describe('seamark rules check', () => {
  const check = (condition: string) => {
    const file = join(scratchFolder('check'), 'r.yaml')
    writeFileSync(file, RULES.replace('CONDITION', condition))
    return runSeamark(['rules', 'check', file])
  }

  test('counts one rule as one', async () => {
    expect(await check('in_container')).toMatchObject({ code: 0, stdout: 'ok: 1 rule, 0 warnings\n' })
  })

  test('names the nearest macro and the nearest list', async () => {
    const macro = await check('in_contaner')
    expect(macro.stdout).toMatch(/undefined macro "in_contaner"[\s\S]*hint: did you mean "in_container"\?/)
    expect(macro.stdout).toContain('refused: 1 error, ')
    const list = await check('in_container and not proc.pname in (shell_binarys, sh, my_tool)')
    expect(list.stdout).toMatch(/"shell_binarys" is no list[\s\S]*hint: did you mean the list "shell_binaries"\?/)
    expect(list.stdout).toContain('ok: 1 rule, 1 warning\n')
  })
})

test('a taken port is told with the ways to choose another', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => holder.once('listening', resolve))
  const { port } = holder.address() as { port: number }
  const folder = scratchFolder('port')
  const config = join(folder, 'seamark.yml')
  writeFileSync(config, 'capture: {enabled: false}\ndocker: {enabled: false}\n')
  const args = ['up', '--config', config, '--data-dir', join(folder, 'data')]
  const taken = await runSeamark([...args, '--port', String(port)])
  holder.close()
  expect(taken).toMatchObject({ code: 3, stdout: '' })
  expect(taken.stderr).toContain('--port, SEAMARK_API_PORT or api.port')
  const foreign = await runSeamark([...args, '--port', '0'], { SEAMARK_API_HOST: '192.0.2.1' })
  expect(foreign.stderr).toContain('SEAMARK_API_HOST or api.host')
}, 120_000)

test('an address that others reach is warned of at start, and only such a one', async () => {
  const folder = scratchFolder('host')
  const config = join(folder, 'seamark.yml')
  writeFileSync(config, 'capture: {enabled: false}\ndocker: {enabled: false}\n')
  // Every address of 127.0.0.0/8 is the machine's own, but only as itself: the wildcard listens to the world.
  for (const [host, isWarned] of [
    ['0.0.0.0', true],
    ['127.0.0.2', false],
  ] as const) {
    const seamark = new RunningSeamark({ args: ['--config', config], env: { SEAMARK_API_HOST: host } })
    await seamark.start()
    await seamark.get('/healthz')
    await seamark.end()
    expect(seamark.errors.some((line) => line.includes('no log-in yet'))).toBe(isWarned)
    await seamark.remove()
  }
  const hosts = ['localhost', '::1', '127.1.2.3', '::', '192.0.2.1', '127.example', 'localhost.example']
  expect(hosts.filter((host) => exposureWarning(host, 'http://x:1').length > 0)).toEqual([
    '::',
    '192.0.2.1',
    '127.example',
    'localhost.example',
  ])
}, 120_000)

test.each(['ftp://x', 'x', 'http://', 'http://h/path', 'http://u:p@h', 'http://h?q'])('--url %s is refused', (url) => {
  expect(() => new ApiClient(readConfig(undefined, {}), url)).toThrow('--url takes an address')
})

test('--url goes before the address of the data directory', () => {
  expect(new ApiClient(readConfig(undefined, {}), 'https://seamark.example:7327/').base).toBe(
    'https://seamark.example:7327',
  )
})
