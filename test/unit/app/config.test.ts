import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ENVIRONMENT, readConfig } from '../../../app/config.ts'
import type { AppError } from '../../../core/model/errors.ts'
import { scratchFolder } from '../../support/scratch.ts'

function read(text: string, env: Record<string, string> = {}) {
  const file = join(scratchFolder('config'), 'seamark.yml')
  writeFileSync(file, text)
  return readConfig(file, env)
}

function refusal(text: string): string {
  try {
    read(text)
  } catch (error) {
    expect((error as AppError).code).toBe('E_CONFIG_INVALID')
    return (error as AppError).message
  }
  throw new Error('it was accepted')
}

test('an empty file gives the defaults, frozen', () => {
  const config = read('')
  expect(config).toMatchObject({
    dataDir: '/var/lib/seamark',
    api: { host: '127.0.0.1', port: 7327 },
    rules: { matching: 'all' },
  })
  expect(() => Object.assign(config.api, { port: 1 })).toThrow(TypeError)
})

test('a file overrides defaults, and the environment overrides the file', () => {
  const text = 'data_dir: /srv/seamark\nstore:\n  retention_days: 3\napi:\n  port: 1000\n'
  const config = read(text, { SEAMARK_API_PORT: '2000', SEAMARK_LOG_LEVEL: 'debug' })
  expect(config).toMatchObject({
    dataDir: '/srv/seamark',
    store: { retentionDays: 3 },
    api: { port: 2000 },
    log: { level: 'debug' },
  })
})

test('every mistake is told with its place, all at once', () => {
  const message = refusal('api:\n  prot: 1\nstore:\n  retention_days: none\n')
  expect(message).toMatch(/seamark\.yml:2:3: error: unknown key "api\.prot"/)
  expect(message).toContain('did you mean "api.port"?')
  expect(message).toMatch(/seamark\.yml:4:\d+: error: store\.retention_days/)
})

test('a name in store.keep that is none is told with a near one, or with why nothing captures it', () => {
  const message = refusal('store:\n  keep: [execve, opne, pread64,\n    signaldeliver]\n')
  expect(message.split('\n').map((line) => line.replace(/^.*seamark\.yml:/, ''))).toEqual([
    '2:18: error: store.keep: unknown event type "opne" [E_CONFIG_VALUE]',
    '    hint: did you mean "open"?',
    '2:24: error: store.keep: Seamark does not capture "pread64": the call goes by the name pread [E_CONFIG_VALUE]',
    '    hint: use pread',
    '3:5: error: store.keep: Seamark does not capture "signaldeliver": it is no system call but an event of Falco itself [E_CONFIG_VALUE]',
  ])
})

test('a value that is none of several is told with a near one, or with all of few', () => {
  expect(refusal('log:\n  level: wran\n')).toMatch(
    /log\.level: "wran" is none of its values .*\n {4}hint: did you mean "warn"\?/,
  )
  expect(refusal('rules:\n  matching: 7\n')).toMatch(
    /rules\.matching: 7 is none of its values .*\n {4}hint: all, first/,
  )
  expect(refusal('store:\n  keep: [{a: b}]\n')).toContain('store.keep: this is none of its values')
  expect(refusal(`rules:\n  matching: ${'x'.repeat(5_000)}\n`).length).toBeLessThan(500)
})

test('what is not YAML is refused with its place', () => {
  expect(refusal('api: [1, 2\nx: }')).toMatch(/seamark\.yml:\d+:\d+: error/)
})

test('keys that would reach the prototype are refused like any unknown key', () => {
  expect(refusal('__proto__:\n  polluted: true\n')).toContain('unknown key')
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('every environment variable sets a key that exists', () => {
  for (const [variable, path] of Object.entries(ENVIRONMENT)) {
    const value = path.endsWith('port')
      ? '1234'
      : path.endsWith('bytes')
        ? '1048576'
        : path.endsWith('level')
          ? 'error'
          : path.endsWith('seconds')
            ? '45'
            : 'x'
    const config = read('', { [variable]: value }) as unknown as Record<string, unknown>
    const [head, tail] = path.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()).split('.')
    const section = config[head!] as Record<string, unknown>
    expect(String(tail === undefined ? section : section[tail])).toBe(value)
  }
})
