/** What set-up writes for the services of a deployment, and what it leaves alone. */
import { pbkdf2Sync } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { USERS } from '../../../app/deployment/elasticsearch-users.ts'
import { openSecrets, readSecretOf, SECRETS } from '../../../app/deployment/passwords.ts'
import { writeServiceFiles } from '../../../app/deployment/service-files.ts'
import { AppError } from '../../../core/model/errors.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'seamark-setup-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const write = () => writeServiceFiles({ directory, prefix: 'seamark', redisMaxBytes: 1024 ** 2 })
const read = (path: string) => readFileSync(join(directory, path), 'utf8')
const files = () =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) =>
    statSync(join(directory, path)).isFile(),
  )

describe('the files of a deployment', () => {
  test('hold no secret twice, and no two deployments share one', () => {
    write()
    const secrets = Object.values(openSecrets(join(directory, 'state')))
    expect(new Set(secrets).size).toBe(Object.keys(SECRETS).length)
    for (const secret of secrets) expect(secret).toMatch(/^[0-9a-f]{64}$/)
    const other = mkdtempSync(join(tmpdir(), 'seamark-setup-'))
    try {
      const others = new Set<string>(Object.values(openSecrets(other)))
      expect(secrets.filter((secret) => others.has(secret))).toEqual([])
    } finally {
      rmSync(other, { recursive: true })
    }
  })

  test('stay the same, byte for byte, when set-up runs again', () => {
    write()
    const before = files().map((path) => [path, read(path), statSync(join(directory, path)).mtimeMs])
    expect(before.length).toBeGreaterThan(15)
    write()
    expect(files().map((path) => [path, read(path), statSync(join(directory, path)).mtimeMs])).toEqual(before)
  })

  test('are for nobody outside of the group, and the secrets themselves for their owner alone', () => {
    write()
    for (const path of files()) {
      const mode = statSync(join(directory, path)).mode & 0o777
      expect(mode, path).toBe(path.startsWith('state/') ? 0o600 : 0o440)
    }
  })

  test('give each service its own secrets and no other', () => {
    write()
    const secrets = openSecrets(join(directory, 'state'))
    const held = (service: string) =>
      Object.entries(secrets)
        .filter(([, secret]) =>
          readdirSync(join(directory, service)).some((name) => holds(read(`${service}/${name}`), secret)),
        )
        .map(([name]) => name)
    expect(held('ingest')).toEqual(['redis'])
    expect(held('redis')).toEqual(['redis'])
    expect(held('analyzer')).toEqual(['redis', 'elasticsearch-indexer'])
    expect(held('api')).toEqual(['redis', 'elasticsearch-api'])
    expect(held('elasticsearch')).toEqual(['elasticsearch-health'])
    expect(held('kibana')).toEqual(['elasticsearch-kibana', 'kibana-encryption-key'])
    expect(held('kibana-import')).toEqual(['kibana-operator'])
  })

  test('a damaged secret is not replaced in silence', () => {
    write()
    writeFileSync(join(directory, 'state/redis'), 'short\n')
    expect(write).toThrow(AppError)
    expect(write).toThrow(/state\/redis is damaged/)
  })
})

describe('the users of Elasticsearch', () => {
  test('have the passwords of the set-up, hashed as Elasticsearch verifies them', () => {
    write()
    const secrets = openSecrets(join(directory, 'state'))
    const lines = read('elasticsearch/users').trimEnd().split('\n')
    expect(lines.length).toBe(Object.keys(USERS).length)
    for (const line of lines) {
      const [, user, iterations, salt, hash] = /^(\w+):\{PBKDF2\}(\d+)\$([^$]+)\$([^$]+)$/.exec(line)!
      const password = secrets[USERS[user!]!.secret]
      const expected = pbkdf2Sync(password, Buffer.from(salt!, 'base64'), Number(iterations), 32, 'sha512')
      expect(hash, user).toBe(expected.toString('base64'))
    }
  })

  test('get a new hash when their password changed, and only they', () => {
    write()
    const before = read('elasticsearch/users').split('\n')
    rmSync(join(directory, 'state/elasticsearch-api'))
    write()
    const after = read('elasticsearch/users').split('\n')
    expect(after.filter((line, i) => line !== before[i]).map((line) => line.split(':')[0])).toEqual(['seamark_api'])
  })

  test('have roles that the file of roles describes, or that are Elasticsearch’s own', () => {
    write()
    const described = Object.keys(parse(read('elasticsearch/roles.yml')) as object)
    const own = ['kibana_system', 'kibana_admin', 'superuser']
    for (const line of read('elasticsearch/users_roles').trimEnd().split('\n')) {
      expect([...described, ...own]).toContain(line.split(':')[0])
    }
  })
})

/** As text, or inside the credentials of a request. */
function holds(text: string, secret: string): boolean {
  const basic = /Basic (\S+)/.exec(text)?.[1]
  return text.includes(secret) || (basic !== undefined && Buffer.from(basic, 'base64').toString().includes(secret))
}

test('a secret that was never made is not made by asking for it', () => {
  const state = join(directory, 'state')
  expect(readSecretOf(state, 'redis')).toBeNull()
  expect(readdirSync(directory)).toEqual([])
  const { redis } = openSecrets(state)
  expect(readSecretOf(state, 'redis')).toBe(redis)
})
