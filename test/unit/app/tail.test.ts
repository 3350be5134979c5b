/** `seamark tail` as a user runs it, against an API that comes and goes. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { until } from '../../support/wait.ts'

const MAIN = join(import.meta.dirname, '../../../app/main.ts')

/** An API that has nothing but a live tail. */
async function api(port: number) {
  const streams = new Set<ServerResponse>()
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    streams.add(response)
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    streams,
    tell: (id: string) => {
      for (const stream of streams)
        stream.write(`event: alert\ndata: ${JSON.stringify({ id, body: { message: id } })}\n\n`)
    },
    end: async (isRude: boolean) => {
      for (const stream of streams) isRude ? stream.destroy() : stream.end()
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

test.each([
  ['is ended', false],
  ['is cut off', true],
])('goes on after the API %s and is back, and says what it did not show', { timeout: 60_000 }, async (_, isRude) => {
  const before = await api(0)
  const child = spawn(process.execPath, [MAIN, 'tail', '--json', '--url', `http://127.0.0.1:${before.port}`])
  onTestFinished(() => void child.kill('SIGKILL'))
  let [out, err] = ['', '']
  child.stdout.on('data', (data) => (out += data))
  child.stderr.on('data', (data) => (err += data))
  await until('the first connection', () => before.streams.size > 0, 30_000)
  before.tell('one')
  await until('the first alert', () => out.includes('one'), 10_000)
  await before.end(isRude)
  await until('the notice', () => err.includes('trying again'), 10_000)
  const after = await api(before.port)
  onTestFinished(() => after.end(true))
  await until('the second connection', () => after.streams.size > 0, 20_000)
  after.tell('two')
  await until('the second alert', () => out.includes('two'), 10_000)
  expect(err).toContain('connected again; what came meanwhile is not shown')
  child.kill('SIGTERM')
  const [code] = await once(child, 'exit')
  expect(code).toBe(0)
})
