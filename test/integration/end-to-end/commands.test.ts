import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RunningSeamark, runSeamark } from '../../support/seamark.ts'
import { until } from '../../support/wait.ts'

describe('one Seamark on one machine', () => {
  const scratch = mkdtempSync(join(tmpdir(), 'seamark-commands-'))
  const config = join(scratch, 'seamark.yml')
  const rules = join(scratch, 'answered.yaml')
  let seamark: RunningSeamark
  beforeAll(async () => {
    writeFileSync(config, 'collector: {id: web-1}\ncapture: {enabled: false}\ndocker: {socket: /nowhere/docker.sock}\n')
    writeFileSync(
      rules,
      '- rule: answered\n  desc: a command was answered\n  source: command\n  condition: command.kind = ping and command.outcome = done\n  output: answered %command.id %command.message\n  priority: Notice\n',
    )
    seamark = await new RunningSeamark({ args: ['--config', config, '--rules', rules] }).start()
  })
  afterAll(async () => {
    await seamark.remove()
    rmSync(scratch, { recursive: true, force: true })
  })

  const command = (...args: string[]) => seamark.command(...args, '--config', config)

  test('takes commands as a host of many does, and rules see the answers', async () => {
    const { code, stdout, stderr } = await command('command', 'send', 'web-1', 'ping', '--wait')
    expect([code, stdout, stderr]).toEqual([0, expect.stringMatching(/^done: Seamark \S+ has run for \d+ s\n$/), ''])
    const alert = await until('the alert', () => seamark.alerts.find(({ rule }) => rule === 'answered'))
    const [given] = (await command('command', 'list', '--json')).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; result: { outcome: string } })
    expect([given?.result.outcome, alert.output]).toEqual(['done', expect.stringContaining(given!.id)])
    await until(
      'the event',
      async () => (await seamark.all('events', `seamark.command.id: "${given!.id}"`)).length === 1,
    )
    const other = await command('command', 'send', 'web-2', 'ping')
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("No host is called 'web-2'")])
    const broken = await command('command', 'send', 'web-1', 'ping', '--args', '{')
    expect([broken.code, broken.stderr]).toEqual([2, expect.stringContaining('--args takes JSON')])
  })

  test('is ready and says that it is degraded while it is blind, and doctor names why and how to mend it', async () => {
    const ready = await until('the condition', async () => {
      const answer = await seamark.get<{ status: string; conditions: { condition: string }[] }>('/readyz')
      return answer.status === 'degraded' ? answer : null
    })
    expect(ready.conditions).toMatchObject([
      { condition: 'source.blind', subject: 'docker-events', part: 'collector@web-1' },
    ])
    expect(await seamark.metric('seamark_conditions{condition="source.blind"}')).toBe(1)
    const { code, stdout } = await runSeamark(['doctor', '--url', seamark.address])
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/BLIND {2}source\.blind of docker-events, found by collector@web-1/),
    ])
    expect((await runSeamark(['doctor', '--url', 'http://127.0.0.1:1'])).code).toBe(3)
    // What it is for has events of its own, and no second ones.
    const told = await seamark.all('events', 'seamark.health.kind: source.blind*')
    expect(told).toHaveLength(1)
  })
})
