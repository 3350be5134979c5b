import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { problemDocument } from '../../../api/problem.ts'
import { ApiClient } from '../../../app/api-client.ts'
import { readConfig } from '../../../app/config.ts'

/** A client of a server that gives every request the same answer. */
async function clientOf(status: number, body: unknown): Promise<ApiClient> {
  const server = createServer((_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return clientAt((server.address() as AddressInfo).port)
}

function clientAt(port: number): ApiClient {
  const config = readConfig(undefined, {})
  return new ApiClient({ ...config, dataDir: '/nonexistent', api: { ...config.api, port } })
}

test('a Seamark that is not ready is not taken for one that is not there', async () => {
  const checks = [
    { name: 'disk', ok: false, reason: '12 bytes left' },
    { name: 'search store', ok: true },
  ]
  const client = await clientOf(503, { status: 'not ready', checks })
  expect(await client.status()).toEqual({ state: 'not ready', reason: 'disk: 12 bytes left' })
  const ready = await clientOf(200, { status: 'ok', checks: [{ name: 'disk', ok: true }] })
  expect(await ready.status()).toEqual({ state: 'ready' })
})

test('nobody, and a server that is no Seamark, are down', async () => {
  expect(await clientAt(1).status()).toEqual({ state: 'down' })
  expect(await (await clientOf(404, 'nothing here')).status()).toEqual({ state: 'down' })
})

test('a mistake in a filter is shown with a caret below its place, however long the filter is', async () => {
  const filter = `${'a: 1 and '.repeat(50)}\u001b[2Jprocess.nmae: sh`
  const at = filter.indexOf('process')
  const client = await clientOf(
    400,
    problemDocument(400, 'E_API_QUERY', 'unknown field', [{ field: 'filter', message: 'unknown', position: at }]),
  )
  const error = await client.get('/x', { filter }).catch((caught: Error) => caught)
  const [, text, caret] = (error as Error).message.split('\n')
  expect(text!.slice(caret!.indexOf('^'))).toBe('process.nmae: sh')
  expect(text).not.toContain('\u001b')
  expect(text!.length).toBeLessThan(100)
})

test("what the API refuses keeps the API's code; a stranger's refusal gets ours", async () => {
  const busy = await clientOf(503, problemDocument(503, 'E_API_BUSY', '64 clients follow already.'))
  await expect(busy.get('/x')).rejects.toMatchObject({ code: 'E_API_BUSY', retryable: true })
  const hostile = await clientOf(400, { code: '__proto__', detail: 'no' })
  await expect(hostile.get('/x')).rejects.toMatchObject({ code: 'E_API_REQUEST', message: 'no' })
})
