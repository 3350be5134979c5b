/** SIGHUP and changed rule files, to a program that watches nothing, so that no privileges are needed. */
import { existsSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { scratchFolder } from '../../support/scratch.ts'
import { RunningSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

const rule = (name: string) => `
- rule: ${name}
  desc: test
  condition: evt.type = openat and fd.name = /secret
  output: opened
  priority: warning
`

test('SIGHUP during the start is honoured after it, of several quick ones none is lost, and changed files need none', async () => {
  const folder = scratchFolder('hup')
  const rules = join(folder, 'rules.yaml')
  const config = join(folder, 'seamark.yml')
  writeFileSync(rules, rule('one'))
  writeFileSync(config, 'capture: {enabled: false}\ndocker: {enabled: false}\n')
  const seamark = new RunningSeamark({
    dataDir: join(folder, 'data'),
    args: ['--config', config, '--no-builtin-rules', '--rules', rules],
  })
  onTestFinished(() => seamark.remove())
  const starting = seamark.start()
  // The lock is taken at the beginning of the start; three threads come after it.
  await until('the data directory', () => existsSync(join(folder, 'data/lock.db')), 20_000)
  process.kill(seamark.pid, 'SIGHUP')
  await starting
  const told = () => seamark.errors.filter((line) => line.includes('rules read again'))
  await until('the reload', () => told().length === 1)
  for (const names of [
    ['one', 'two'],
    ['one', 'two', 'three'],
  ]) {
    writeFileSync(rules, names.map(rule).join(''))
    process.kill(seamark.pid, 'SIGHUP')
  }
  await until('the last rules', () => told().at(-1)?.includes('3 rules'))
  expect(await seamark.metric('seamark_rules_loaded')).toBe(3)
  // Without a signal: the file is replaced by a new one, as editors do it.
  const next = join(folder, 'next.yaml')
  writeFileSync(next, ['one', 'two', 'three', 'four'].map(rule).join(''))
  renameSync(next, rules)
  await until('the rules of the changed file', () => told().at(-1)?.includes('4 rules'))
  writeFileSync(rules, '- rule: broken\n')
  await until('the refusal', () => seamark.errors.some((line) => line.includes('the previous rules stay active')))
  expect(await seamark.metric('seamark_rules_loaded')).toBe(4)
  expect(await seamark.end()).toBe(0)
}, 30_000)
