import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Deployment } from '../support/deployment.ts'
import {
  createContainer,
  dockerMissing,
  removeContainer,
  startContainer,
  testEngine,
  testImage,
} from '../support/docker.ts'
import { elasticsearchMissing } from '../support/elasticsearch.ts'
import { redisMissing } from '../support/redis.ts'
import { captureMissing, runSeamark } from '../support/seamark.ts'
import { until } from '../support/wait.ts'

const missing = redisMissing() ?? elasticsearchMissing() ?? (await captureMissing()) ?? (await dockerMissing())

describe.skipIf(missing !== null)(`a deployment${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  let deployment: Deployment
  beforeAll(async () => {
    deployment = await Deployment.start()
    await deployment.run('ingest')
    await Promise.all([deployment.run('analyzer'), deployment.run('api'), deployment.runHost('web-1')])
  })
  afterAll(() => deployment?.remove())

  /** Runs a shell with a terminal in a container of its own; its name. */
  async function runShell(): Promise<string> {
    const engine = testEngine()
    const image = await testImage(engine)
    const { id, name } = await createContainer(engine, image, { Cmd: ['sh', '-c', 'sleep 1'], Tty: true })
    await startContainer(engine, id)
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    await removeContainer(engine, id)
    return name
  }

  const alertsOf = (container: string) => deployment.all('alerts', `container.name: "${container}"`)

  test('a shell in a container raises an alert with its names, over REST and in Elasticsearch', async () => {
    const name = await runShell()
    const [alert] = await until('the alert', async () => {
      const found = await alertsOf(name)
      return found.length > 0 ? found : null
    })
    expect(alert?.body).toMatchObject({
      rule: { name: 'container.interactive-shell' },
      host: { name: 'web-1' },
      container: { name },
    })
    const indexed = await fetch(`${deployment.elasticsearch.url}/seamark-alerts-*/_count?q=container.name:${name}`)
    expect(((await indexed.json()) as { count: number }).count).toBeGreaterThan(0)
    await until('the events behind it', async () => {
      const events = await deployment.all('events', `container.name: "${name}" and event.action: execve`)
      return events.length > 0
    })
  })

  test('rules with a mistake are refused and change nothing; good ones judge what comes after them', async () => {
    const file = join(deployment.directory, 'pushed.yaml')
    writeFileSync(file, '- rule: broken\n  desc: d\n  condition: evt.typo = open\n  output: o\n  priority: Notice\n')
    const refused = await deployment.command('rules', 'push', '--rules', file)
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('evt.typo')])
    const rule = (name: string) =>
      `- rule: ${name}\n  desc: d\n  condition: evt.type = execve and proc.name = sh and container.id != host\n  output: started\n  priority: Notice\n`
    writeFileSync(file, rule('pushed.shell'))
    const pushed = await deployment.command('rules', 'push', '--rules', file)
    expect([pushed.code, pushed.stderr]).toEqual([0, ''])
    const version = /version (\w+)/.exec(pushed.stdout)?.[1]
    // The host hears of them with its next heartbeat, and captures by them.
    const found = await until(
      'an alert of the pushed rule',
      async () => {
        await runShell()
        return (await deployment.all('alerts', 'rule.name: pushed.shell'))[0]
      },
      40_000,
    )
    expect(found.body.rule).toMatchObject({ ruleset: version })
  })

  test('a host is told to do something, answers, and its answer can be searched', async () => {
    const sent = await deployment.command('command', 'send', 'web-1', 'rescan', '--wait')
    expect([sent.code, sent.stdout]).toEqual([0, expect.stringMatching(/^done: \d+ processes and \d+ containers/)])
    const unknown = await deployment.command('command', 'send', 'web-1', 'explode', '--wait')
    expect([unknown.code, unknown.stdout]).toEqual([1, expect.stringContaining('it knows ping, rescan, probe')])
    const nobody = await deployment.command('command', 'send', 'nobody', 'ping')
    expect([nobody.code, nobody.stderr]).toEqual([2, expect.stringContaining("No host is called 'nobody'")])
    const list = (await deployment.command('command', 'list')).stdout
    expect(list).toMatch(/web-1 {2}rescan .*done: [\s\S]*web-1 {2}explode .*refused: /)
    const [event] = await until('the event', async () => {
      const found = await deployment.all('events', 'seamark.command.kind: rescan')
      return found.length > 0 ? found : null
    })
    expect(event?.body).toMatchObject({ host: { name: 'web-1' }, seamark: { source: 'command' } })
  })

  test('a revoked host is told to enrol again, and its events stay with it', async () => {
    const host = await deployment.runHost('web-2', 'capture: {enabled: false}\ndocker: {enabled: false}\n')
    const list = async () => (await deployment.command('agents', 'list')).stdout
    await until('the host to be seen', async () => (await list()).includes('web-2  seen'), 20_000)
    expect((await deployment.command('agents', 'revoke', 'web-2')).code).toBe(0)
    expect(await list()).toContain('web-2  revoked')
    await until('the host to say so', () => host.errors.some((line) => line.includes('E_INGEST_CREDENTIALS')), 20_000)
    const waiting = async () => {
      const text = await (await fetch(`${host.url}/metrics`)).text()
      return Number(/^seamark_queue_items\{topic="batches"\} (\d+)/m.exec(text)?.[1] ?? 0)
    }
    await until('its batches to wait', async () => (await waiting()) > 2)
    // It goes on, and doctor on that host names what is wrong.
    const ready = await fetch(`${host.url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([
      200,
      {
        status: 'degraded',
        conditions: [{ condition: 'ingest.refusing', why: expect.stringContaining('credentials') }],
      },
    ])
    const { code, stdout } = await runSeamark(['doctor', '--config', join(deployment.directory, 'web-2.yml')], {
      SEAMARK_CENTRAL_URL: deployment.processes.find(({ name }) => name === 'ingest')!.url,
      SEAMARK_DATA_DIR: join(deployment.directory, 'web-2'),
      SEAMARK_HEALTH_PORT: new URL(host.url).port,
    })
    expect([code, stdout]).toEqual([1, expect.stringMatching(/BLIND {2}ingest\.refusing, found by this host/)])
    expect(stdout).toMatch(/why: it does not know this host's key: 401/)
    expect(await host.end('SIGTERM')).toBe(0)
  })
})
