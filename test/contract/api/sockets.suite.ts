/** What needs a socket: the live tail, and requests that are none; runs on each pair of store and feed. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { feedItem } from '../feed.suite.ts'
import { eventually } from '../queue.suite.ts'
import { event, NOON } from '../search-store.suite.ts'
import { type CreateBackends, runningApi } from './running-api.ts'

/** Follows the tail; `messages` fills as they come. */
async function follow(address: string, query = '') {
  const abort = new AbortController()
  onTestFinished(() => abort.abort())
  const response = await fetch(`${address}/api/v1/tail${query}`, { signal: abort.signal })
  const messages: string[] = []
  const ended = (async () => {
    const decoder = new TextDecoder()
    let pending = ''
    for await (const chunk of response.body!) {
      pending += decoder.decode(chunk, { stream: true })
      const parts = pending.split('\n\n')
      pending = parts.pop()!
      messages.push(...parts)
    }
  })().catch(() => {})
  return { response, messages, abort, ended }
}

/** Sends bytes as they are and returns what comes back until the server closes. */
async function exchange(address: string, request: string): Promise<string> {
  const { hostname, port } = new URL(address)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (data) => (answer += data))
  socket.on('error', () => {})
  socket.write(request)
  await once(socket, 'close')
  return answer
}

export function socketsSuite(name: string, create: CreateBackends): void {
  describe(`the API on ${name} and a socket`, () => {
    test('listens on loopback only and answers', async () => {
      const { api, store } = await runningApi(create)
      await api.start()
      expect(api.address()).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      await store.write([event('a', NOON)])
      const response = await fetch(`${api.address()}/api/v1/events`)
      expect(((await response.json()) as { hits: unknown[] }).hits).toHaveLength(1)
      await api.stop(1_000)
      await api.stop(1_000)
    })

    test('follows what is published: filtered, by kind, with heartbeats', async () => {
      const { api, publisher } = await runningApi(create, { heartbeatMs: 20 })
      await api.start()
      const tail = await follow(api.address(), '?kinds=event&filter=process.name:bash')
      expect(tail.response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      await eventually(() => publisher.hasSubscribers('event'))
      publisher.publish([feedItem('1'), feedItem('2', 'bash'), { ...feedItem('3', 'bash'), kind: 'alert' }])
      await eventually(() => tail.messages.some((text) => text.startsWith('event:')))
      await eventually(() => tail.messages.includes(': alive'))
      const [message, ...others] = tail.messages.filter((text) => text.startsWith('event:'))
      expect(others).toEqual([])
      const [, data] = message!.split('\ndata: ')
      expect(message).toMatch(/^event: event\n/)
      expect(JSON.parse(data!)).toEqual({
        kind: 'event',
        id: '2',
        time: '1970-01-01T00:00:00.001Z',
        body: { process: { name: 'bash' } },
      })
    })

    test('tells a slow client how many it missed, and never waits for it', async () => {
      const { api, publisher } = await runningApi(create)
      await api.start()
      const { hostname, port } = new URL(api.address())
      const socket = connect(Number(port), hostname)
      onTestFinished(() => void socket.destroy())
      let text = ''
      socket.on('data', (data) => (text += data))
      socket.write('GET /api/v1/tail?kinds=event HTTP/1.1\r\nHost: localhost\r\n\r\n')
      await eventually(() => text.includes(': connected'))
      await eventually(() => publisher.hasSubscribers('event'))
      socket.pause()
      const big = { ...feedItem('big'), body: { message: 'x'.repeat(100_000) } }
      for (let i = 0; i < 400; i++) {
        publisher.publish([big])
        await new Promise((resolve) => setImmediate(resolve))
      }
      socket.resume()
      // Told in one go or in several, by how far the publisher's messages have come.
      const missed = () =>
        [...text.matchAll(/event: missed\ndata: \{"missed":(\d+)\}/g)].reduce(
          (sum, [, count]) => sum + Number(count),
          0,
        )
      const seen = () => text.split('"id":"big"').length - 1
      await eventually(() => seen() + missed() >= 400)
      expect(seen() + missed()).toBe(400)
      expect(missed()).toBeGreaterThan(0)
    })

    test('bounds the number of followers, and frees a place when one leaves', async () => {
      const { api } = await runningApi(create, { maxTails: 2 })
      await api.start()
      const first = await follow(api.address())
      await follow(api.address())
      const refused = await fetch(`${api.address()}/api/v1/tail`)
      const { code } = (await refused.json()) as { code: string }
      expect([refused.status, code]).toEqual([503, 'E_API_BUSY'])
      first.abort.abort()
      await eventually(async () => {
        const again = await follow(api.address())
        return again.response.status === 200
      })
    })

    test('a follower that could not be served takes no place', async () => {
      let broken = true
      const { feed } = await runningApi(create)
      const failing: typeof feed = {
        ...feed,
        subscribe: (...args) => {
          if (broken) throw new TypeError('no such feed')
          return feed.subscribe(...args)
        },
      }
      const { api } = await runningApi(create, { feed: failing, maxTails: 1 })
      await api.start()
      for (let i = 0; i < 3; i++) expect((await fetch(`${api.address()}/api/v1/tail`)).status).toBe(500)
      broken = false
      expect((await follow(api.address())).response.status).toBe(200)
    })

    test('who follows alerts is not told of missed events', async () => {
      const { api, publisher } = await runningApi(create)
      await api.start()
      const tail = await follow(api.address(), '?kinds=alert,detection')
      await eventually(() => publisher.hasSubscribers('alert'))
      publisher.publish(Array.from({ length: 1_000 }, (_, i) => feedItem(`${i}`)))
      publisher.publish([
        { ...feedItem('d'), kind: 'detection' },
        { ...feedItem('a'), kind: 'alert' },
      ])
      await eventually(() => tail.messages.length >= 3)
      expect(tail.messages.slice(1).map((text) => text.split('\n')[0])).toEqual(['event: detection', 'event: alert'])
    })

    test('stopping ends the followers in time', async () => {
      const { api } = await runningApi(create)
      await api.start()
      const tail = await follow(api.address())
      // Longer than the test may take: it ends because they are ended, not because the deadline passes.
      await api.stop(600_000)
      await tail.ended
    })

    test('refuses a foreign host, headers that are too large, and what is not HTTP', async () => {
      const { api } = await runningApi(create)
      await api.start()
      const foreign = await exchange(
        api.address(),
        'GET /healthz HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n',
      )
      expect(foreign).toMatch(/^HTTP\/1\.1 421 /)
      const none = await exchange(api.address(), 'GET /healthz HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n')
      expect(none).toMatch(/^HTTP\/1\.1 421 /)
      const large = await exchange(
        api.address(),
        `GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
      )
      expect(large).toMatch(/^HTTP\/1\.1 431 /)
      expect(JSON.parse(large.split('\r\n\r\n')[1]!)).toMatchObject({ status: 431, code: 'E_API_TOO_LARGE' })
      const garbage = await exchange(api.address(), '\u0000\u0001nonsense\r\n\r\n')
      expect(garbage).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json/s)
      expect((await fetch(`${api.address()}/healthz`)).status).toBe(200)
    })

    test('says so when its port is taken', async () => {
      const { api } = await runningApi(create)
      await api.start()
      const second = await runningApi(create, { port: Number(new URL(api.address()).port) })
      await expect(second.api.start()).rejects.toMatchObject({ code: 'E_API_UNAVAILABLE' })
    })
  })
}
