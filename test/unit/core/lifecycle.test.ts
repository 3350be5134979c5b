import { expect, test } from 'vitest'
import type { Component } from '../../../core/model/component.ts'
import { Lifecycle } from '../../../core/runtime/lifecycle.ts'

function told(log: string[], name: string, fails: 'start' | 'stop' | null = null): Component {
  return {
    async start() {
      log.push(`start ${name}`)
      if (fails === 'start') throw new Error(`${name} cannot start`)
    },
    async stop() {
      log.push(`stop ${name}`)
      if (fails === 'stop') throw new Error(`${name} cannot stop`)
    },
  }
}

test('one that fails to start is stopped too, before those that had started', async () => {
  // A connection that goes on trying in the background once kept a failed process alive: neither working nor ending.
  const log: string[] = []
  const lifecycle = new Lifecycle(() => {})
    .add('a', told(log, 'a'))
    .add('b', told(log, 'b', 'start'))
    .add('c', told(log, 'c'))
  await expect(lifecycle.start()).rejects.toThrow('b cannot start')
  expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
})

test('one that fails to stop is told of and keeps no other from stopping', async () => {
  const log: string[] = []
  const failed: string[] = []
  const lifecycle = new Lifecycle((name) => failed.push(name)).add('a', told(log, 'a')).add('b', told(log, 'b', 'stop'))
  await lifecycle.start()
  await lifecycle.stop(1_000)
  await lifecycle.stop(1_000)
  expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a'])
  expect(failed).toEqual(['b'])
})
