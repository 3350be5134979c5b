/** Fields that are read only where a rule asks, in a Seamark with rules that ask, on this host and in a container. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createContainer,
  dockerMissing,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'
import { type PrintedAlert, RunningSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'
import { buildTester, removeFolders, whyNoCapture } from '../capture/capturing.ts'

const noCapture = whyNoCapture()
const noDocker = await dockerMissing()
const tester = noCapture === null ? buildTester() : null
if (noCapture !== null) console.warn(`fields on demand not tested live: ${noCapture}`)

const rules = (port: number, program: string) => `
- rule: shell on a connection
  desc: d
  condition: evt.type = execve and proc.name = ${program} and proc.stdin.type = ipv4
  output: in=%proc.stdin.name out=%proc.stdout.type fds=%proc.fdopencount rss=%proc.vmrss home=%user.homedir cgroups=%thread.cgroups
  priority: info
- rule: hello
  desc: d
  condition: evt.type = recvfrom and proc.name = tester and evt.buffer bcontains 68656c6c6f
  output: data=%evt.buffer dir=%evt.io_dir
  priority: info
- rule: named
  desc: d
  condition: evt.type = connect and fd.sport = ${port} and fd.sip.name = localhost
  output: name=%fd.sip.name
  priority: info
- rule: in a container
  desc: d
  condition: evt.type = execve and container.healthcheck = "true now" and user.homedir = /in/there and proc.name = sleep
  output: check=%container.healthcheck home=%user.homedir lower=%proc.is_exe_lower_layer pidns=%proc.pidns_init_start_ts start=%proc.ppid.ts
  priority: info
- rule: health check
  desc: d
  condition: evt.type = execve and proc.exepath endswith /busybox and proc.args startswith "-c true" and proc.is_container_healthcheck = true
  output: command=%proc.cmdline
  priority: info
`

describe.skipIf(noCapture !== null || tester === null)('a field that a rule asks for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'seamark-fields-'))
  const program = 'smfield'
  let seamark: RunningSeamark
  let server: Server
  let port = 0

  beforeAll(async () => {
    server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as { port: number }).port
    writeFileSync(join(folder, 'rules.yaml'), rules(port, program))
    writeFileSync(join(folder, 'passwd'), 'root:x:0:0:root:/in/there:/bin/sh\n')
    copyFileSync('/bin/sleep', join(folder, program))
    spawnSync('chmod', ['755', join(folder, program)])
    seamark = await new RunningSeamark({ args: ['--rules', join(folder, 'rules.yaml')] }).start()
  }, 60_000)

  afterAll(async () => {
    await seamark.remove()
    server.close()
    rmSync(folder, { recursive: true, force: true })
    removeFolders()
  })

  const alertOf = (rule: string): Promise<PrintedAlert> =>
    until(`the alert of ${rule}`, () => seamark.alerts.find((alert) => alert.rule === rule), 20_000)

  test('tells what the descriptors of a process are, and what it holds', async () => {
    const child = spawn('/bin/bash', ['-c', `exec 0<>/dev/tcp/127.0.0.1/${port}; exec ${join(folder, program)} 20`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    try {
      const { output_fields } = await alertOf('shell on a connection')
      expect(output_fields['proc.stdin.name']).toMatch(new RegExp(`^127\\.0\\.0\\.1:\\d+->127\\.0\\.0\\.1:${port}$`))
      expect(output_fields['proc.stdout.type']).toMatch(/^(?:pipe|unix)$/)
      expect(output_fields['proc.fdopencount']).toBeGreaterThanOrEqual(3)
      expect(output_fields['proc.vmrss']).toBeGreaterThan(100)
      expect(output_fields['user.homedir']).toBe('/root')
      expect(output_fields['thread.cgroups']).toContain('=/')
      expect((await alertOf('named')).output_fields['fd.sip.name']).toBe('localhost')
    } finally {
      child.kill('SIGKILL')
    }
  })

  test('tells what was received', async () => {
    const child = spawn(tester!, ['network'], { cwd: folder, stdio: 'ignore' })
    await once(child, 'exit')
    expect((await alertOf('hello')).output_fields).toMatchObject({ 'evt.buffer': 'hello', 'evt.io_dir': 'read' })
  })

  test.skipIf(noDocker !== null)('tells homes, health check, layer and pid namespace inside a container', async () => {
    const engine = testEngine()
    const image = await testImage(engine)
    const { id } = await createContainer(engine, image, {
      // An inspection takes a moment: what runs later is judged with it.
      Cmd: ['sh', '-c', 'while true; do /bin/sleep 1; done'],
      HostConfig: { Binds: [`${join(folder, 'passwd')}:/etc/passwd:ro`] },
      Healthcheck: { Test: ['CMD-SHELL', 'true now'], Interval: 2_000_000_000 },
    })
    try {
      await startContainer(engine, id)
      const { output_fields } = await alertOf('in a container')
      expect(output_fields).toMatchObject({ 'user.homedir': '/in/there', 'proc.is_exe_lower_layer': true })
      expect((await alertOf('health check')).output_fields['proc.cmdline']).toMatch(/-c true now$/)
      // Its parent is the first process of its namespace.
      expect(output_fields['proc.pidns_init_start_ts']).toBe(output_fields['proc.ppid.ts'])
      expect(output_fields['proc.pidns_init_start_ts']).not.toBeNull()
    } finally {
      await removeContainer(engine, id)
    }
  })
})
