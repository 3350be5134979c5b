/** What is known of containers from their pods, and of addresses from host names. */
import { expect, test } from 'vitest'
import { factsOfInspect } from '../../../collector/docker/inspect.ts'
import type { ContainerFacts } from '../../../collector/host/container-facts.ts'
import { containerRowOf } from '../../../collector/host/container-row.ts'
import { DomainNames } from '../../../collector/host/domain-names.ts'
import { podLabels, probesOf, sandboxId } from '../../../collector/host/pod-facts.ts'

const CONFIGURATION = 'annotation.kubectl.kubernetes.io/last-applied-configuration'
const configured = (probe: unknown) =>
  JSON.stringify({ spec: { containers: [{ name: 'other' }, { name: 'app', livenessProbe: probe }] } })
const app: ContainerFacts = {
  id: 'b',
  runtime: 'docker',
  labels: ['io.kubernetes.sandbox.id=a', 'io.kubernetes.container.name=app'],
}
const sandbox = (configuration: string): ContainerFacts => ({
  id: 'a',
  runtime: 'docker',
  ip: '10.1.2.3',
  labels: ['io.kubernetes.docker.type=podsandbox', 'app=web', `${CONFIGURATION}=${configuration}`],
})

test('a container in a pod knows its sandbox, whose labels are those of the pod', () => {
  expect([sandboxId(app), sandboxId(sandbox('')), sandboxId({ id: 'c', runtime: 'docker' })]).toEqual([
    'a',
    'a',
    undefined,
  ])
  expect(podLabels(sandbox(''))).toEqual(['app=web'])
  expect(containerRowOf(app, sandbox(''))).toMatchObject({ podLabels: 'app=web', podIp: '10.1.2.3' })
  expect(containerRowOf(app)).not.toHaveProperty('podLabels')
})

test('probes are read from the configuration of the pod, whatever it holds', () => {
  const probe = { exec: { command: ['cat', '/tmp/healthy'] } }
  expect(probesOf(app, sandbox(configured(probe)))).toEqual({ liveness: ['cat', '/tmp/healthy'] })
  for (const strange of [{ httpGet: {} }, { exec: { command: 'x' } }, { exec: { command: [1] } }, null, []]) {
    expect(probesOf(app, sandbox(configured(strange)))).toEqual({})
  }
  for (const text of ['', '{', 'null', '[]', '{"spec":{"containers":{}}}', `"${'x'.repeat(300_000)}"`]) {
    expect(probesOf(app, sandbox(text))).toEqual({})
  }
})

test('an inspection tells the health check', () => {
  const check = (test: string[] | null) =>
    factsOfInspect({ Id: 'a', Config: { Healthcheck: { Test: test } } }).healthcheck
  expect(check(['CMD', 'wget', 'localhost'])).toEqual(['CMD', 'wget', 'localhost'])
  expect([check(['NONE']), check([]), check(null)]).toEqual([undefined, undefined, undefined])
  expect(factsOfInspect({ Id: 'a' }).healthcheck).toBeUndefined()
})

test('names that rules name are looked up one after the other, and again after a minute', async () => {
  let nowMs = 0
  let answers: Record<string, string[]> = { 'a.example': ['10.0.0.1'], 'b.example': ['10.0.0.1', '10.0.0.2'] }
  const questions: string[] = []
  let underWay = 0
  const names = new DomainNames({
    nowMs: () => nowMs,
    lookup: async (name) => {
      questions.push(name)
      expect(++underWay).toBe(1)
      await new Promise((resolve) => setImmediate(resolve))
      underWay--
      const found = answers[name]
      if (found === undefined) throw new Error('ENOTFOUND')
      return found
    },
  })
  const asked = ['a.example', 'b.example', 'c.example']
  await names.use(asked)
  expect(questions).toEqual(asked)
  expect(names.failures).toBe(1)
  expect(names.namesOf('10.0.0.1')).toBe('a.example\0b.example')
  expect(names.namesOf('10.0.0.2')).toBe('b.example')
  expect(names.namesOf('10.0.0.3')).toBeUndefined()

  await names.use(asked)
  nowMs += 30_000
  await names.use(asked)
  expect(questions).toHaveLength(3)

  nowMs += 31_000
  answers = { 'a.example': ['10.0.0.9'] }
  await names.use(asked)
  await expect.poll(() => questions.length).toBe(6)
  await expect.poll(() => names.namesOf('10.0.0.9')).toBe('a.example')
  expect(names.namesOf('10.0.0.1')).toBe('a.example\0b.example')

  await names.use(['a.example'])
  expect(names.namesOf('10.0.0.2')).toBeUndefined()
})

test('an address that no answer has held for long is forgotten', async () => {
  let nowMs = 0
  let address = '10.0.0.1'
  const names = new DomainNames({ nowMs: () => nowMs, lookup: async () => [address] })
  const asked = ['a.example']
  await names.use(asked)
  address = '10.0.0.2'
  for (let minute = 0; minute < 11; minute++) {
    nowMs += 61_000
    await names.use(asked)
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect([names.namesOf('10.0.0.1'), names.namesOf('10.0.0.2')]).toEqual([undefined, 'a.example'])
})

test('other rules do not wait for the names of those before them', async () => {
  const questions: string[] = []
  const names = new DomainNames({
    lookup: async (name) => {
      questions.push(name)
      await new Promise((resolve) => setImmediate(resolve))
      return ['10.0.0.1']
    },
  })
  const before = names.use(Array.from({ length: 50 }, (_, i) => `old-${i}.example`))
  await names.use(['new.example'])
  expect(names.namesOf('10.0.0.1')).toBe('new.example')
  expect(questions.length).toBeLessThan(5)
  await before
})
