/** `seamark kibana import` against a server that answers as Kibana's documented API does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { parseCommand } from '../../../app/command-line.ts'
import { kibanaImport } from '../../../app/commands/kibana-import.ts'
import { readSavedObjects } from '../../../app/kibana/saved-objects.ts'
import { savedObjects } from '../../../scripts/kibana/saved-objects.ts'
import { type FakeKibana, type KibanaBehaviour, startKibana } from '../../support/kibana.ts'

async function kibana(behaviour: KibanaBehaviour = {}): Promise<FakeKibana> {
  const server = await startKibana(behaviour)
  onTestFinished(() => server.close())
  return server
}

function fileOf(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'seamark-kibana-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'file'), text)
  return join(folder, 'file')
}

/** Runs the command; what it wrote, beside its exit code. */
async function run(url: string, ...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation((text) => out.push(String(text)) > 0)
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((text) => err.push(String(text)) > 0)
  try {
    const code = await kibanaImport.run(parseCommand(kibanaImport, ['--url', url, '--wait', '0', ...options]))
    return { code, out: out.join(''), err: err.join('') }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

const ALL = savedObjects()

test('imports everything and says what was read back, also a second time', async () => {
  const server = await kibana()
  for (let i = 0; i < 2; i++) {
    const { code, out } = await run(server.url)
    expect(code).toBe(0)
    expect(out).toBe(
      `${ALL.length} saved objects imported and read back: 7 dashboards, 3 data views, 4 saved searches\n`,
    )
  }
  expect([...server.stored.keys()].toSorted()).toEqual(ALL.map(({ type, id }) => `default/${type}/${id}`).toSorted())
  expect(server.stored.get('default/dashboard/seamark-overview')).toEqual(
    ALL.find(({ id }) => id === 'seamark-overview'),
  )
})

test('logs in, and goes into the space that is named', async () => {
  const server = await kibana({ login: 'elastic:se:cret' })
  const login = ['--username', 'elastic', '--password-file', fileOf('se:cret\n')]
  expect((await run(server.url, ...login, '--space', 'security')).code).toBe(0)
  expect([...server.stored.keys()].every((key) => key.startsWith('security/'))).toBe(true)
  await expect(run(server.url)).rejects.toMatchObject({ code: 'E_KIBANA_REFUSED', message: /401.*\n.*--username/ })
})

test('data views name the indices of the deployment', async () => {
  const server = await kibana()
  await run(server.url, '--config', fileOf('elasticsearch:\n  url: http://127.0.0.1:9200\n  prefix: acme\n'))
  expect(server.stored.get('default/index-pattern/seamark-alerts')!.attributes.title).toBe('acme-alerts-*')
  expect(readSavedObjects()).toEqual(readSavedObjects('seamark'))
})

test('waits until Kibana is available', async () => {
  const server = await kibana({ unavailableAnswers: 2 })
  expect((await run(server.url, '--wait', '30')).code).toBe(0)
  expect(server.statusRequests()).toBe(3)
})

test('a Kibana that does not become available, and one that is not there, are told apart from a refusal', async () => {
  const server = await kibana({ unavailableAnswers: 1_000 })
  await expect(run(server.url, '--wait', '1')).rejects.toMatchObject({
    code: 'E_KIBANA_UNAVAILABLE',
    message: /is not ready: unavailable/,
  })
  await expect(run('http://127.0.0.1:1')).rejects.toMatchObject({ code: 'E_KIBANA_UNAVAILABLE' })
})

describe('fails', () => {
  test('when Kibana reports success and kept nothing', async () => {
    const server = await kibana({ keeps: () => false })
    await expect(run(server.url)).rejects.toMatchObject({
      code: 'E_KIBANA_IMPORT',
      message: new RegExp(`reported success, and ${ALL.length} of ${ALL.length} saved objects are not there\\n`),
    })
  })

  test('when Kibana reports success and lost one, and names it', async () => {
    const server = await kibana({ keeps: ({ id }) => id !== 'seamark-network' })
    await expect(run(server.url)).rejects.toMatchObject({
      code: 'E_KIBANA_IMPORT',
      message: /and 1 of \d+ saved objects are not there\n {2}dashboard\/seamark-network$/,
    })
  })

  test('when Kibana refuses an object', async () => {
    const errors = [{ type: 'dashboard', id: 'seamark-overview', error: { type: 'conflict' } }]
    const server = await kibana({ importAnswer: { status: 200, body: JSON.stringify({ success: false, errors }) } })
    await expect(run(server.url)).rejects.toMatchObject({
      code: 'E_KIBANA_IMPORT',
      message: 'Kibana did not take all of it\n  dashboard/seamark-overview: conflict',
    })
  })

  test.each([
    [200, '<html>a proxy</html>'],
    [200, 'null'],
    [413, '{"statusCode":413,"message":"Payload content length greater than maximum allowed"}'],
    [302, ''],
  ])('when the import is answered with %i %s', async (status, body) => {
    const server = await kibana({ importAnswer: { status, body } })
    await expect(run(server.url)).rejects.toMatchObject({ code: 'E_KIBANA_REFUSED' })
  })
})

test('objects that Kibana had to rename are found, and told', async () => {
  const server = await kibana({ renamedTo: 'other-' })
  const { code, err } = await run(server.url)
  expect(code).toBe(0)
  expect(err).toContain(`gave ${ALL.length} of them other ids`)
})

test.each([
  ['ftp://kibana', []],
  ['http://user:se-cret@kibana:5601', []],
  ['http://127.0.0.1:5601', ['--space', '../evil']],
  ['http://127.0.0.1:5601', ['--username', 'elastic']],
  ['http://127.0.0.1:5601', ['--wait', '1e9']],
])('refuses %s %j before it asks anybody, and tells no password', async (url, options) => {
  const error = await run(url, ...options).catch((caught: Error) => caught)
  expect(error).toMatchObject({ code: 'E_USAGE' })
  expect((error as Error).message).not.toContain('se-cret')
})
