import { expect, onTestFinished, test } from 'vitest'
import { Thread } from '../../../app/threads/thread.ts'
import { until } from '../../support/wait.ts'

async function stubborn() {
  const failures: string[] = []
  const deaths: string[] = []
  const thread = new Thread({
    name: 'stubborn',
    module: new URL('./children/stubborn-thread.ts', import.meta.url),
    data: {},
    onDeath: (name, error) => deaths.push(`${name}: ${error.message}`),
    onFailure: (name, request, error) => failures.push(`${name} ${request}: ${(error as Error).message}`),
  })
  onTestFinished(() => thread.stop(1_000))
  await thread.start()
  return { thread, failures, deaths }
}

test('rules that a thread refuses are refused to whoever sent them', async () => {
  const { thread, deaths } = await stubborn()
  await expect(thread.reloadRules([{ name: 'r', text: '' }])).rejects.toThrow('not for me')
  expect(deaths).toEqual([])
})

test('metrics that a thread cannot tell are left out, and the failure is heard', async () => {
  const { thread, failures } = await stubborn()
  expect(await thread.metrics()).toEqual([])
  expect(failures).toEqual(['stubborn metrics: cannot measure'])
})

test('a thread that ends by itself, even quietly, is a death, and whoever waits for it hears of it', async () => {
  const { thread, deaths } = await stubborn()
  await expect(thread.reloadRules([])).rejects.toThrow('ended early')
  await until('its death', () => deaths.length > 0)
  expect(deaths).toEqual(['stubborn: the stubborn ended early'])
  await expect(thread.reloadRules([])).rejects.toThrow()
  expect(await thread.metrics()).toEqual([])
})
