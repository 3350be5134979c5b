import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Engine } from '../../../collector/docker/engine.ts'
import {
  createContainer,
  dockerMissing,
  execInContainer,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../../support/docker.ts'
import { captureMissing, RunningSeamark, runSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const missing = (await dockerMissing()) ?? (await captureMissing())
/** A second is the promise; the machine that runs the tests may be a slow one. */
const SOON_MS = 10_000
const MAIN = fileURLToPath(new URL('../../../app/main.ts', import.meta.url))

interface AlertDetail {
  id: string
  body: {
    user: { name: string }
    container: { name: string; image: { name: string } }
    process: { name: string; command_line: string; parent: { name: string } }
    rule: { name: string }
    seamark: { alert: { count: number; detections: string[] } }
  }
  evidence: { id: string; body: { event: { action: string }; process: { command_line: string } } }[]
  missing: string[]
  ancestry: { pid: number; name: string }[]
}

const ruleNamed = (name: string, condition: string) =>
  `- rule: ${name}\n  desc: for a test\n  condition: ${condition}\n  output: ${name} %proc.cmdline\n  priority: Notice\n`

describe.skipIf(missing !== null)(`seamark up${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-up-'))
  const containers: string[] = []
  const running: RunningSeamark[] = []
  const children: ChildProcess[] = []
  let engine: Engine
  let image: string

  /** A Seamark that is gone after the test. */
  const launch = async (...options: ConstructorParameters<typeof RunningSeamark>) => {
    const seamark = new RunningSeamark(...options)
    running.push(seamark)
    return seamark.start()
  }
  /** A shell with a terminal, as `docker run -dt IMAGE sh` starts it. */
  const shell = async (spec: Record<string, unknown> = {}) => {
    const made = await createContainer(engine, image, { Cmd: ['sh'], Tty: true, OpenStdin: true, ...spec })
    containers.push(made.id)
    await startContainer(engine, made.id)
    return made
  }
  const follow = (seamark: RunningSeamark, ...args: string[]) => {
    const child = spawn(process.execPath, [MAIN, 'tail', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, SEAMARK_API_PORT: new URL(seamark.address).port },
    })
    children.push(child)
    const lines: string[] = []
    createInterface({ input: child.stdout! }).on('line', (line) => lines.push(line))
    return lines
  }

  beforeAll(async () => {
    engine = testEngine()
    image = await testImage(engine)
  })
  afterEach(async () => {
    for (const child of children.splice(0)) child.kill('SIGKILL')
    for (const id of containers.splice(0)) await removeContainer(engine, id)
    for (const seamark of running.splice(0)) await seamark.remove()
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  test('raises one alert for a shell in a container: on stdout, over REST with evidence and ancestry, in the tail', async () => {
    const seamark = await launch()
    const tailed = follow(seamark, '--json')
    // The tail says nothing when it is connected; its client has to be there before the shell is.
    await delay(2_000)
    const startedMs = Date.now()
    const { id, name } = await shell()

    const printed = await until('the alert on stdout', () =>
      seamark.alerts.find((alert) => alert.output_fields['container.name'] === name),
    )
    expect(Date.now() - startedMs).toBeLessThan(SOON_MS)
    expect(printed).toMatchObject({
      hostname: expect.any(String),
      rule: 'container.interactive-shell',
      priority: 'Notice',
      source: 'syscall',
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/),
      output_fields: { 'user.name': 'root', 'proc.cmdline': 'sh', 'container.id': id.slice(0, 12) },
    })

    const hits = await until('the alert over REST', async () => {
      const found = await seamark.all('alerts', `container.name: "${name}"`)
      return found.length > 0 ? found : null
    })
    expect(hits).toHaveLength(1)
    const detail = await until('its evidence', async () => {
      const found = await seamark.get<AlertDetail>(`/api/v1/alerts/${hits[0]!.id}`)
      return found.missing.length === 0 ? found : null
    })
    expect(detail.body).toMatchObject({
      user: { name: 'root' },
      container: { name, image: { name: image } },
      process: { name: 'sh', command_line: 'sh', parent: { name: expect.stringMatching(/^(runc|containerd-shim)/) } },
      seamark: { alert: { count: 1, detections: [printed.id] } },
    })
    expect(detail.evidence).toHaveLength(1)
    expect(detail.evidence[0]!.body).toMatchObject({ event: { action: 'execve' }, process: { command_line: 'sh' } })
    expect(detail.ancestry.map((process) => process.name)).toContain('containerd-shim')

    const followed = await until('the alert in the tail', () => tailed.find((line) => line.includes(name)))
    expect(JSON.parse(followed)).toMatchObject({ id: detail.id, rule: { name: 'container.interactive-shell' } })
    await delay(500)
    expect(seamark.alerts.filter((alert) => alert.output_fields['container.name'] === name)).toHaveLength(1)
  })

  test('SIGTERM drains within the deadline: everything that was printed is in the store after a restart', async () => {
    const dataDir = mkdtempSync(join(scratch, 'drain-'))
    const seamark = await launch({ dataDir })
    const { id, name } = await shell({ Tty: false })
    for (let i = 0; i < 20; i++) await execInContainer(engine, id, ['/bin/touch', `/bin/drain-${i}`])
    await until('the last write to be seen', () =>
      seamark.alerts.some(({ output }) => output.includes('/bin/drain-19')),
    )
    const printed = seamark.alerts.filter((alert) => alert.output_fields['container.name'] === name)
    const beganMs = Date.now()
    expect(await seamark.end('SIGTERM')).toBe(0)
    expect(Date.now() - beganMs).toBeLessThan(10_000 + 5_000)

    const again = await launch({ dataDir })
    const detections = new Set(
      (await again.all('alerts', `container.name: "${name}"`)).flatMap(
        ({ body }) => (body as unknown as AlertDetail['body']).seamark.alert.detections,
      ),
    )
    for (const { id: detection } of printed) expect(detections).toContain(detection)
    const events = await again.all('events', `container.name: "${name}" and event.action: execve`)
    const commands = events.map(({ body }) => (body as unknown as AlertDetail['body']).process.command_line)
    for (let i = 0; i < 20; i++) {
      expect(commands.some((command) => command.endsWith(` /bin/drain-${i}`))).toBe(true)
    }
  })

  test('SIGHUP keeps the old rules when the new ones have mistakes, and says each with its place', async () => {
    const path = join(scratch, 'reload.yaml')
    writeFileSync(
      path,
      ruleNamed('first', 'spawned and proc.name = sleep and container.id != host').replace(
        'spawned',
        'evt.type = execve',
      ),
    )
    const seamark = await launch({ args: ['--no-builtin-rules', '--rules', path] })
    const { id } = await shell({ Tty: false })
    const ruleAfter = async (seconds: string) => {
      await execInContainer(engine, id, ['sleep', seconds])
      const found = await until('the rule', () => seamark.alerts.find(({ output }) => output.endsWith(` ${seconds}`)))
      return found.rule
    }
    expect(await ruleAfter('0.1')).toBe('first')

    writeFileSync(
      path,
      `${ruleNamed('broken', 'evt.type = execve and proc.nam = sleep')}${ruleNamed('worse', 'evt.type = execve and (proc.name = sleep')}`,
    )
    process.kill(seamark.pid, 'SIGHUP')
    await until('the refusal', () => seamark.errors.some((line) => line.includes('the previous rules stay active')))
    const told = seamark.errors.join('\n')
    expect(told).toMatch(new RegExp(`${path}:3:\\d+.*proc\\.nam`))
    expect(told).toMatch(new RegExp(`${path}:8:\\d+`))
    expect(await ruleAfter('0.2')).toBe('first')

    writeFileSync(path, ruleNamed('second', 'evt.type = execve and proc.name = sleep and container.id != host'))
    process.kill(seamark.pid, 'SIGHUP')
    await until('the new rules', () => seamark.errors.some((line) => line.includes('rules read again: 1 rule')))
    await until(
      'the new rule in force',
      async () => (await ruleAfter(`0.3${Math.floor(Math.random() * 1e6)}`)) === 'second',
    )
    expect(await seamark.metric('seamark_rules_reloads_total{result="refused"}')).toBe(1)
    expect(await seamark.metric('seamark_rules_reloads_total{result="accepted"}')).toBe(1)
  })

  test('a second one on the same data directory is refused with E_DATA_DIR_BUSY', async () => {
    const seamark = await launch()
    const second = await runSeamark(['up', '--port', '0', '--data-dir', seamark.dataDir])
    expect(second).toMatchObject({ code: 3, stdout: '' })
    expect(second.stderr).toContain(seamark.dataDir)
    expect(second.stderr).toContain('[E_DATA_DIR_BUSY]')
    expect(second.stderr.trimEnd().split('\n')).toHaveLength(1)
    expect(await (await fetch(`${seamark.address}/readyz`)).json()).toMatchObject({ status: expect.any(String) })
  })

  test('a taken port is told in one line, and the data directory is free again', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await until('the holder', () => holder.listening)
    const { port } = holder.address() as { port: number }
    const dataDir = mkdtempSync(join(scratch, 'port-'))
    const refused = await runSeamark(['up', '--port', String(port), '--data-dir', dataDir])
    expect(refused).toMatchObject({ code: 3, stdout: '' })
    expect(refused.stderr).toContain(`127.0.0.1:${port}`)
    expect(refused.stderr).toContain('--port')
    expect(refused.stderr).toContain('[E_API_UNAVAILABLE]')
    expect(refused.stderr.trimEnd().split('\n')).toHaveLength(1)
    holder.close()
    expect(await runSeamark(['up', '--port', '65536', '--data-dir', dataDir])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("up to 65535, not '65536'"),
    })
    expect(await (await launch({ dataDir })).end('SIGTERM')).toBe(0)
  })

  test('a request under a foreign host name is refused', async () => {
    const seamark = await launch()
    const { hostname, port } = new URL(seamark.address)
    const answered = Promise.withResolvers<number>()
    request({ hostname, port, path: '/api/v1/alerts', headers: { host: 'evil.example' } }, (response) => {
      response.resume()
      answered.resolve(response.statusCode ?? 0)
    }).end()
    expect(await answered.promise).toBe(421)
  })

  test('arguments that an attacker chose cannot break a line of what is printed', async () => {
    const seamark = await launch({ format: 'line' })
    const tailed = follow(seamark, '--events')
    await delay(2_000)
    const evil = 'EVIL\nforged 12:00:00 line\r\u001b[31m\u001b]0;title\u0007\u202egpj.exe\u2066\u0085\u2028END'
    const { name } = await shell({ Cmd: ['sh', '-c', 'read line', evil] })
    const alert = await until('the alert', () => seamark.lines.find((line) => line.includes(name)))
    const queried = await until('the event', async () => {
      const { stdout } = await seamark.command('query', `container.name: "${name}" and event.action: execve`)
      return stdout.includes('EVIL') ? stdout : null
    })
    await until('the event in the tail', () => tailed.some((line) => line.includes('EVIL')))
    const asked = await seamark.command('query', '--alerts', `container.name: "${name}"`)
    const [event] = await seamark.all('events', `container.name: "${name}" and event.action: execve`)
    const explained = await seamark.command('rules', 'explain', 'container.interactive-shell', '--event', event!.id)
    expect(explained.stdout).toContain(`(stored event ${event!.id})`)
    expect(explained.stdout).toContain('[evt.type is "execve"]')

    const lines = [...seamark.lines, ...tailed, ...queried.split('\n'), ...asked.stdout.split('\n')]
    expect(lines.filter((line) => line.startsWith('forged'))).toEqual([])
    expect(lines.filter((line) => /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/.test(line))).toEqual([])
    expect(alert).toContain('EVIL\\nforged 12:00:00 line\\r\\x1b[31m')
    expect(alert).toContain('\\u202egpj.exe\\u2066')
    for (const line of [...queried.split('\n'), ...asked.stdout.split('\n')].filter((text) => text.includes('EVIL')))
      expect(line).toContain('END')
  })
})
