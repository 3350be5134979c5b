/** A deployment's life: first start, an attack, more analyzers, a crash of one and of Redis, the end. */
import { execFileSync } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest'
import { SECRETS } from '../../app/deployment/passwords.ts'
import { removeContainer, startContainer, testImage } from '../support/docker.ts'
import { runSeamark } from '../support/seamark.ts'
import { until } from '../support/wait.ts'
import { Deployment } from './deployment.ts'

const ONCE = ['files', 'services', 'ready']
const DAEMONS = ['redis', 'elasticsearch', 'ingest', 'analyzer', 'api', 'collector']
/** How many files the load writes, each an event of its own. */
const WRITES = 200

interface Page {
  hits: { id: string; body: Record<string, never> }[]
  next?: string
}

interface Configured {
  services: Record<
    string,
    {
      image: string
      user: string
      mem_limit: string
      security_opt: string[]
      ports?: { host_ip: string }[]
      depends_on?: Record<string, unknown>
    }
  >
}

const deployment = new Deployment()
let image = ''

beforeAll(async () => {
  await deployment.prepare()
  await deployment.compose('down', '--volumes', '--timeout', '5')
  image = await testImage(deployment.engine)
  try {
    await deployment.compose('up', '--detach', '--no-build', 'ready')
  } catch (error) {
    console.error(await deployment.compose('logs', '--tail', '40'))
    throw error
  }
})

afterAll(async () => {
  await deployment.compose('down', '--volumes', '--timeout', '5')
})

/** All events or alerts that match. */
async function all(kind: 'events' | 'alerts', filter: string): Promise<Page['hits']> {
  const hits: Page['hits'] = []
  let cursor: string | undefined
  do {
    const query = new URLSearchParams({ filter, limit: '1000', ...(cursor === undefined ? {} : { cursor }) })
    const page = await deployment.get<Page>(`/api/v1/${kind}?${query}`)
    hits.push(...page.hits)
    cursor = page.next
  } while (cursor !== undefined)
  return hits
}

describe('the first start', () => {
  test('brings everything but Kibana up, healthy, and says where to look', async () => {
    for (const service of DAEMONS) {
      const { State } = await deployment.inspect(await deployment.containerOf(service))
      expect(State.Health?.Status, service).toBe('healthy')
    }
    expect(await deployment.containersOf('kibana', 'kibana-import')).toEqual([])
    const said = await until('the notice', async () => {
      const text = await deployment.compose('logs', '--no-log-prefix', 'ready')
      return text.includes('Seamark is up') && text
    })
    expect(said).toContain(`${deployment.api}/api/v1/alerts`)
  })

  test('confines every container, and keeps within 4 GB', async () => {
    let bytes = 0
    for (const service of [...ONCE, ...DAEMONS]) {
      const { Config, HostConfig } = await deployment.inspect(await deployment.containerOf(service))
      expect(HostConfig.ReadonlyRootfs, service).toBe(true)
      expect(HostConfig.Privileged, service).toBe(false)
      expect(HostConfig.CapDrop, service).toEqual(['ALL'])
      expect(HostConfig.SecurityOpt, service).toContain('no-new-privileges:true')
      expect(HostConfig.LogConfig.Config['max-size'], service).toBe('10m')
      expect(HostConfig.Memory, service).toBeGreaterThan(0)
      for (const [port, bindings] of Object.entries(HostConfig.PortBindings ?? {})) {
        for (const { HostIp } of bindings) expect(HostIp, `${service} ${port}`).toBe('127.0.0.1')
      }
      const isCollector = service === 'collector'
      expect(/^0(:|$)|^root|^$/.test(Config.User), service).toBe(isCollector)
      expect((HostConfig.CapAdd ?? []).length > 0, service).toBe(isCollector)
      if (DAEMONS.includes(service)) bytes += HostConfig.Memory
    }
    expect(bytes).toBeLessThanOrEqual(4 * 1024 ** 3)
  })

  // Its image cannot be had everywhere, so that it is not started; what the file says of it can be read.
  test('would confine Kibana no less', async () => {
    const { services } = JSON.parse(await deployment.compose('config', '--format', 'json')) as Configured
    expect(Object.keys(services).sort()).toEqual([...ONCE, ...DAEMONS, 'kibana', 'kibana-import'].sort())
    for (const name of ['kibana', 'kibana-import']) {
      const service = services[name]!
      expect(service, name).toMatchObject({ read_only: true, cap_drop: ['ALL'] })
      expect(service.security_opt, name).toContain('no-new-privileges:true')
      expect(service.user, name).toMatch(/^[1-9]\d*:/)
      expect(Number(service.mem_limit), name).toBeGreaterThan(0)
      for (const { host_ip } of service.ports ?? []) expect(host_ip, name).toBe('127.0.0.1')
    }
    const waiting = Object.entries(services).filter(([, { depends_on }]) => Object.hasOwn(depends_on ?? {}, 'kibana'))
    expect(waiting.map(([name]) => name)).toEqual(['kibana-import'])
    // One release of both, as Elastic asks for.
    expect(services.kibana!.image.split(':')[1]).toBe(services.elasticsearch!.image.split(':')[1])
  })

  test('shows no password in arguments, environment, labels or logs', async () => {
    const secrets = await deployment.secrets()
    expect(secrets.size).toBe(Object.keys(SECRETS).length)
    const texts: string[] = [await deployment.compose('logs', '--no-color')]
    for (const service of [...ONCE, ...DAEMONS]) {
      texts.push(JSON.stringify(await deployment.inspect(await deployment.containerOf(service))))
    }
    for (const [name, secret] of secrets) {
      expect(secret, name).toMatch(/^[0-9a-f]{64}$/)
      for (const text of texts) expect(text.includes(secret), name).toBe(false)
    }
  })

  test('keeps its secrets when set-up runs again', async () => {
    const before = (await deployment.secrets()).get('redis')
    await deployment.compose('run', '--rm', '--no-deps', '-T', 'files')
    const printed = await deployment.compose('run', '--rm', '--no-deps', '-T', 'files', 'setup', 'password', 'redis')
    expect(printed.trim()).toBe(before)
  })
})

describe('Elasticsearch', () => {
  test('serves nobody without a password, and shows Redis and itself to no port of this machine', async () => {
    expect((await deployment.elasticsearch('GET', '/_cluster/health', null)).status).toBe(401)
    for (const service of ['redis', 'elasticsearch']) {
      const { HostConfig } = await deployment.inspect(await deployment.containerOf(service))
      expect(Object.keys(HostConfig.PortBindings ?? {}), service).toEqual([])
    }
  })

  test('lets the api read and not write', async () => {
    const read = await deployment.elasticsearch('GET', '/seamark-*/_search', 'seamark_api')
    expect(read.status).toBe(200)
    for (const [method, path, body] of [
      ['POST', '/seamark-alerts-000001/_doc/x', { a: 1 }],
      ['DELETE', '/seamark-alerts-000001', undefined],
      ['PUT', '/_index_template/seamark', { index_patterns: ['seamark-*'] }],
      ['GET', '/other/_search', undefined],
    ] as const) {
      expect((await deployment.elasticsearch(method, path, 'seamark_api', body)).status, `${method} ${path}`).toBe(403)
    }
  })

  test('lets the indexer do nothing outside of its indices', async () => {
    for (const [method, path, body] of [
      ['POST', '/other/_doc/x', { a: 1 }],
      ['PUT', '/_cluster/settings', { persistent: { 'search.max_buckets': 1 } }],
      ['POST', '/_security/user/x', { password: 'x'.repeat(20), roles: ['superuser'] }],
    ] as const) {
      const { status } = await deployment.elasticsearch(method, path, 'seamark_indexer', body)
      expect(status, `${method} ${path}`).toBe(403)
    }
  })
})

describe('an attack', () => {
  test('in a container is an alert over REST and in Elasticsearch', async () => {
    const name = `seamark-compose-shell-${process.pid}`
    const body = { Image: image, Cmd: ['sh'], Tty: true, OpenStdin: true, NetworkDisabled: true }
    const { Id } = await deployment.engine.call<{ Id: string }>(`/containers/create?name=${name}`, {
      method: 'POST',
      body,
    })
    try {
      await startContainer(deployment.engine, Id)
      const filter = `rule.name: container.interactive-shell and container.name: ${name}`
      const alert = await until('the alert', async () => (await all('alerts', filter))[0], 30_000)
      const found = await deployment.elasticsearch('POST', '/seamark-alerts-*/_search', 'seamark_api', {
        query: { term: { 'container.name': name } },
      })
      expect(JSON.stringify(found.body)).toContain(alert.id)
    } finally {
      await removeContainer(deployment.engine, Id)
    }
  })

  test('of each kind is seen by `seamark demo`', async () => {
    const { code, stdout, stderr } = await runSeamark(['demo', '--json', '--data-dir', '/nonexistent'], {
      SEAMARK_API_PORT: new URL(deployment.api).port,
    })
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(deployment.api) })
    expect(stdout).toContain('"raised":4')
  })

  test('raises no alarm about the deployment itself', async () => {
    const names = (await all('alerts', '*')).map(({ body }) =>
      String((body as { container?: { name?: string } }).container?.name),
    )
    expect(names.filter((name) => name.startsWith('seamark-test-'))).toEqual([])
  })
})

describe('three analyzers', () => {
  test('lose nothing while one of them and Redis crash', async () => {
    await deployment.compose('up', '--detach', '--no-build', '--no-recreate', '--scale', 'analyzer=3', 'analyzer')
    const analyzers = await deployment.containersOf('analyzer')
    expect(analyzers.length).toBe(3)

    const name = `seamark-compose-load-${process.pid}`
    const script = `i=0; while [ $i -lt ${WRITES} ]; do echo x >/bin/planted-$i; i=$((i+1)); sleep 0.05; done; sleep 30`
    const body = { Image: image, Cmd: ['sh', '-c', script], NetworkDisabled: true }
    const { Id } = await deployment.engine.call<{ Id: string }>(`/containers/create?name=${name}`, {
      method: 'POST',
      body,
    })
    onTestFailed(async () => console.error(await deployment.compose('logs', '--tail', '30', ...DAEMONS.slice(2))))
    try {
      await startContainer(deployment.engine, Id)
      const filter = `container.name: ${name} and file.path: /bin/planted-*`
      await until('the first of the load', async () => (await all('events', filter)).length > 0, 30_000)
      await deployment.crash(analyzers[1]!)
      await deployment.crash(await deployment.containerOf('redis'))

      const paths = await until(
        'all of the load',
        async () => {
          const found = new Set((await all('events', filter)).map(pathOf))
          return found.size >= WRITES && found
        },
        120_000,
      )
      expect([...paths].sort()).toEqual(Array.from({ length: WRITES }, (_, i) => `/bin/planted-${i}`).sort())
      // Each write is one event, whoever judged it and however often.
      const counted = async () => {
        const alerts = await all('alerts', `rule.name: container.write-in-system-directory and container.name: ${name}`)
        return alerts.reduce((sum, { body }) => sum + countOf(body), 0)
      }
      await until('every detection to be counted', async () => (await counted()) >= WRITES, 60_000)
      expect(await counted()).toBe(WRITES)
      expect((await all('events', filter)).length).toBe(WRITES)
    } finally {
      await removeContainer(deployment.engine, Id)
    }
    for (const id of [analyzers[1]!, await deployment.containerOf('redis')]) {
      await until(
        'what crashed to be healthy again',
        async () => (await deployment.inspect(id)).State.Health?.Status === 'healthy',
        60_000,
      )
    }
    expect(await deployment.seamark('ingest', 'deadletters', 'list', '--json')).toBe('')
  })
})

describe('the host', () => {
  test('is enrolled once, and another one can be', async () => {
    expect(await deployment.seamark('ingest', 'agents', 'list')).toContain('docker-host')
    expect(await deployment.compose('run', '--rm', '--no-deps', '-T', 'services')).toContain('enrolled before')
    expect((await deployment.seamark('ingest', 'agents', 'token')).trim()).toMatch(/^[0-9a-f]{16}\.[\w-]{43}$/)
  })
})

describe('the end', () => {
  test('leaves no container and no volume behind', async () => {
    await deployment.compose('down', '--volumes')
    const left = (what: string) =>
      execFileSync('docker', [what, 'ls', '-q', '--filter', 'label=com.docker.compose.project=seamark-test'], {
        encoding: 'utf8',
      })
    expect(left('container') + left('volume') + left('network')).toBe('')
  })
})

function pathOf({ body }: { body: unknown }): string {
  return (body as { file: { path: string } }).file.path
}

function countOf(body: unknown): number {
  return (body as { seamark: { alert: { count: number } } }).seamark.alert.count
}
