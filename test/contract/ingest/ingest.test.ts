import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ACTIVE_RULES, RULES_SPACE } from '../../../core/model/published-rules.ts'
import { newSecretKey } from '../../../core/runtime/secret-key.ts'
import { take } from '../queue.suite.ts'
import { header, post, runIngest, sealed } from './running-ingest.ts'

/** Enrols through the port; the key that the host keeps. */
async function enrolled(running: Awaited<ReturnType<typeof runIngest>>, collector = 'host-1') {
  const made = newSecretKey()
  const agent = await running.agents.enrol(await running.agents.createToken(60_000), collector, made)
  return { agent, key: `${made.id}.${made.secret}` }
}

const postEnrolment = (url: string, body: unknown) =>
  fetch(`${url}/ingest/v1/enrol`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

/** With a key of its own, unless the body brings one. */
const enrol = (url: string, body: object, { id, digest } = newSecretKey()) =>
  postEnrolment(url, Array.isArray(body) ? body : { agent: id, digest, ...body })

describe('enrolment', () => {
  test('gives a key for a token once, and the name to one host', async () => {
    const { url, agents } = await runIngest()
    const token = await agents.createToken(60_000)
    const made = newSecretKey()
    const first = await enrol(url, { token, collector: 'host-1' }, made)
    expect([first.status, await first.json()]).toEqual([201, { agent: made.id, collector: 'host-1' }])
    expect((await post(url, `${made.id}.${made.secret}`, [sealed('host-1', 1)])).status).toBe(200)
    const again = await enrol(url, { token, collector: 'host-2' })
    expect([again.status, ((await again.json()) as { code: string }).code]).toEqual([401, 'E_INGEST_TOKEN'])
    const other = await agents.createToken(60_000)
    const taken = await enrol(url, { token: other, collector: 'host-1' })
    expect([taken.status, ((await taken.json()) as { code: string }).code]).toEqual([409, 'E_INGEST_NAME_TAKEN'])
    expect((await enrol(url, { token: other, collector: 'host-2' })).status).toBe(201)
  })

  test('the same request again gets the same answer; with another key, name or token it gets none', async () => {
    const { url, agents } = await runIngest()
    const [token, other] = [await agents.createToken(60_000), await agents.createToken(60_000)]
    const made = newSecretKey()
    const first = await enrol(url, { token, collector: 'host-1' }, made)
    const again = await Promise.all([1, 2, 3].map(() => enrol(url, { token, collector: 'host-1' }, made)))
    expect([first, ...again].map(({ status }) => status)).toEqual([201, 201, 201, 201])
    const statusOf = async (body: object, key = made) => (await enrol(url, body, key)).status
    expect(await statusOf({ token, collector: 'host-1' }, newSecretKey())).toBe(401)
    expect(await statusOf({ token, collector: 'host-1' }, { ...newSecretKey(), id: made.id })).toBe(401)
    expect(await statusOf({ token, collector: 'host-2' })).toBe(401)
    expect(await statusOf({ token: `${token}x`, collector: 'host-1' })).toBe(401)
    // A token that is good still cannot take over an agent's id.
    expect(await statusOf({ token: other, collector: 'host-2' })).toBe(400)
    expect(await statusOf({ token: other, collector: 'host-2' }, newSecretKey())).toBe(201)
    expect((await agents.list()).map(({ collector }) => collector).sort()).toEqual(['host-1', 'host-2'])
    await agents.revoke('host-1')
    expect(await statusOf({ token, collector: 'host-1' })).toBe(401)
  })

  test('of many who use one token at the same moment, one is enrolled', async () => {
    const { url, agents } = await runIngest()
    const token = await agents.createToken(60_000)
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, i) => enrol(url, { token, collector: `host-${i}` })),
    )
    expect(answers.map(({ status }) => status).filter((status) => status === 201)).toHaveLength(1)
    expect((await agents.list()).length).toBe(1)
  })

  test.each([
    [{ token: 'x', collector: 'a' }, 401],
    [{ token: 'a.b.c', collector: 'a' }, 401],
    [{ token: 'x', collector: '../etc' }, 400],
    [{ token: 'x', collector: '__proto__' }, 400],
    [{ token: 'x' }, 400],
    [{ token: 'x', collector: 'a', admin: true }, 400],
    [{ token: 'x', collector: 'a', agent: '__proto__' }, 400],
    [{ token: 'x', collector: 'a', digest: 'short' }, 400],
    [[], 400],
  ])('refuses %j', async (body, status) => {
    const { url } = await runIngest()
    const answer = await enrol(url, body)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
  })

  test('a token that has expired is none', async () => {
    const { url, agents } = await runIngest()
    const token = await agents.createToken(-1)
    expect((await enrol(url, { token, collector: 'late' })).status).toBe(401)
  })

  test('a revoked agent sends nothing more, and its name is free', async () => {
    let nowMs = Date.now()
    const running = await runIngest({ nowMs: () => nowMs })
    const { key } = await enrolled(running)
    expect((await post(running.url, key, [sealed('host-1', 1)])).status).toBe(200)
    expect(await running.agents.revoke('host-1')).toBe(true)
    expect(await running.agents.revoke('host-1')).toBe(false)
    // By the id of its agent too, and also where an earlier try got no further than half of it.
    const other = (await enrolled(running, 'host-2')).key.split('.')[0]!
    const held = (await running.documents.get('agents', other))!
    await running.documents.put('agents', other, { ...(held.value as object), revokedMs: 1 }, held.version)
    expect(await running.agents.revoke('host-2')).toBe(true)
    expect(await running.agents.revoke(other)).toBe(false)
    await enrolled(running, 'host-2')
    nowMs += 6_000
    expect((await post(running.url, key, [sealed('host-1', 2)])).status).toBe(401)
    await enrolled(running, 'host-1')
    const names = (await running.agents.list()).filter(({ revokedMs }) => revokedMs === null)
    expect(names.map(({ collector }) => collector).sort()).toEqual(['host-1', 'host-2'])
  })
})

describe('batches', () => {
  test('are durable when answered, once, and keep their first stamp', async () => {
    let nowMs = Date.parse('2026-11-22T12:00:00Z')
    const running = await runIngest({ nowMs: () => nowMs })
    const { key } = await enrolled(running)
    const batches = [sealed('host-1', 1), sealed('host-1', 2, { class: 'evidence' })]
    expect(await (await post(running.url, key, batches)).json()).toEqual({ stored: 2 })
    nowMs += 3_000
    expect((await post(running.url, key, batches)).status).toBe(200)
    const got = await take(running.queue, 'batches', 2)
    expect(got.map(({ id, class: cls, envelope }) => [id, cls, envelope?.receivedMs])).toEqual([
      ['host-1/e1/1', 'routine', nowMs - 3_000],
      ['host-1/e1/2', 'evidence', nowMs - 3_000],
    ])
    expect(got.map(({ header: h }) => h?.sequence)).toEqual([1, 2])
    // Whatever times the rows claim, only days around the moment of arrival exist.
    expect(Object.keys(got[0]!.envelope!.parts)).toEqual([
      ...['2026-11-15', '2026-11-16', '2026-11-17', '2026-11-18', '2026-11-19', '2026-11-20', '2026-11-21'],
      ...['2026-11-22', '2026-11-23'],
    ])
  })

  test('carry the active rules of the centre, of which the host is told', async () => {
    const running = await runIngest()
    const { key } = await enrolled(running)
    await running.documents.put(RULES_SPACE, ACTIVE_RULES, { version: 'v7', sinceMs: 1 }, 0)
    await running.documents.put(RULES_SPACE, 'v7', { version: 'v7', files: [] }, 0)
    await expect
      .poll(async () => (await post(running.url, key, [sealed('host-1', 1)])).headers.get('seamark-ruleset'), {
        timeout: 5_000,
      })
      .toBe('v7')
    await post(running.url, key, [sealed('host-1', 2)])
    expect((await take(running.queue, 'batches', 2))[1]?.envelope?.ruleset).toBe('v7')
    const rules = (headers = {}) =>
      fetch(`${running.url}/ingest/v1/rules`, { headers: { authorization: `Bearer ${key}`, ...headers } })
    expect(await (await rules()).json()).toEqual({ version: 'v7', files: [] })
    expect((await rules({ 'if-none-match': '"v7"' })).status).toBe(304)
    expect((await fetch(`${running.url}/ingest/v1/rules`)).status).toBe(401)
  })

  test("of another's name, or damaged, are refused by their position, and none of the message is kept", async () => {
    const running = await runIngest()
    const { key } = await enrolled(running)
    const foreign = await post(running.url, key, [sealed('host-1', 1), sealed('host-2', 1)])
    expect([foreign.status, await foreign.json()]).toEqual([
      403,
      expect.objectContaining({
        code: 'E_INGEST_COLLECTOR',
        errors: [expect.objectContaining({ field: 'batches[1].collector' })],
      }),
    ])
    const damaged = sealed('host-1', 2)
    damaged[damaged.length - 1]! ^= 1
    const corrupt = await post(running.url, key, [sealed('host-1', 1), damaged])
    expect([corrupt.status, await corrupt.json()]).toEqual([
      422,
      expect.objectContaining({ code: 'E_BATCH_CORRUPT', errors: [expect.objectContaining({ field: 'batches[1]' })] }),
    ])
    const bomb = Buffer.from(sealed('host-1', 3))
    bomb.writeUInt32LE(0xffff_ffff, 12)
    expect((await post(running.url, key, [bomb])).status).toBe(422)
    const cut = await fetch(`${running.url}/ingest/v1/batches`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.seamark.batches', authorization: `Bearer ${key}` },
      body: Buffer.from([255, 255, 255, 127, 1]),
    })
    expect(cut.status).toBeGreaterThanOrEqual(400)
    expect((await running.queue.depth('batches')).items).toBe(0)
  })

  test('without a valid key are refused before their body is read', async () => {
    const { url } = await runIngest()
    for (const key of [null, 'nobody', 'a.b', 'x'.repeat(5_000), '__proto__.x']) {
      expect((await post(url, key, [sealed('host-1', 1)])).status).toBe(401)
    }
    // A gigabyte that is announced and never sent: the answer comes at once.
    const asked = request(`${url}/ingest/v1/batches`, {
      method: 'POST',
      headers: { 'content-length': String(2 ** 30), 'content-type': 'application/vnd.seamark.batches' },
    })
    asked.flushHeaders()
    const [answer] = await once(asked, 'response')
    expect(answer.statusCode).toBe(401)
    asked.on('error', () => {})
    asked.destroy()
  })

  test('that are too large, of unknown length or of another type are refused', async () => {
    const running = await runIngest()
    const { key } = await enrolled(running)
    const { hostname, port } = new URL(running.url)
    const socket = connect(Number(port), hostname)
    const ask = (headers: string) =>
      `POST /ingest/v1/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ncontent-type: application/vnd.seamark.batches\r\n${headers}\r\n\r\n`
    socket.write(ask(`content-length: ${2 ** 30}`))
    const [large] = (await once(socket, 'data')) as [Buffer]
    expect(large.toString()).toContain('HTTP/1.1 413')
    socket.destroy()
    const chunked = connect(Number(port), hostname)
    chunked.write(ask('transfer-encoding: chunked'))
    const [unknown] = (await once(chunked, 'data')) as [Buffer]
    expect(unknown.toString()).toContain('HTTP/1.1 411')
    chunked.destroy()
    expect((await post(running.url, key, [sealed('host-1', 1)], { 'content-type': 'text/plain' })).status).toBe(415)
  })

  test('are answered 429 while the queue is full, and 503 while ingest holds too much', async () => {
    const running = await runIngest({ queueOptions: { maxBytes: 20_000 } })
    const { key } = await enrolled(running)
    const fat = (n: number) =>
      sealed('host-1', n, {
        class: 'evidence',
        dropped: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`reason-${i}`, i])),
      })
    const statuses: number[] = []
    for (let n = 1; n < 10; n++) statuses.push((await post(running.url, key, [fat(n)])).status)
    expect(statuses[0]).toBe(200)
    expect(statuses.at(-1)).toBe(429)
    expect((await post(running.url, key, [fat(11)])).headers.get('retry-after')).toBe('2')
    const small = await runIngest({ maxInFlightBytes: 10 })
    const { key: other } = await enrolled(small)
    const busy = await post(small.url, other, [sealed('host-1', 1)])
    expect([busy.status, busy.headers.get('retry-after')]).toEqual([503, '2'])
  })

  test('of clients that leave while their key is looked up are not counted as held', async () => {
    const running = await runIngest({ maxInFlightBytes: 8 * 3_000_000 })
    const { key } = await enrolled(running)
    const get = running.documents.get.bind(running.documents)
    running.documents.get = async (space, id) => {
      if (space === 'agents') await new Promise((resolve) => setTimeout(resolve, 100))
      return get(space, id)
    }
    for (let i = 0; i < 4; i++) {
      const leaving = new AbortController()
      const asked = fetch(`${running.url}/ingest/v1/batches`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.seamark.batches', authorization: `Bearer ${key}` },
        body: Buffer.alloc(2_500_000),
        signal: leaving.signal,
      })
      setTimeout(() => leaving.abort(), 30)
      // Gone, or told that ingest is busy with those before it.
      await asked.then(
        ({ status }) => expect(status).not.toBe(200),
        () => {},
      )
    }
    // As large as the bound allows: there is room again for all of it.
    const full = async () => (await post(running.url, key, [Buffer.alloc(2_900_000)])).status
    await expect.poll(full, { timeout: 5_000 }).toBe(422)
  })

  test('that are announced and not sent take the room of their own host alone, and not for long', async () => {
    const running = await runIngest({ maxInFlightBytes: 80_000, inFlight: { graceMs: 300 } })
    const [hostile, honest] = [await enrolled(running, 'hostile'), await enrolled(running, 'honest')]
    const { hostname, port } = new URL(running.url)
    const announced = () => {
      const socket = connect(Number(port), hostname).on('error', () => {})
      socket.write(
        `POST /ingest/v1/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${hostile.key}\r\n` +
          'content-type: application/vnd.seamark.batches\r\ncontent-length: 9000\r\n\r\n',
      )
      return socket
    }
    const sockets = [announced(), announced(), announced()]
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()))
    const closed = sockets.map((socket) => once(socket, 'close'))
    // One is waited for; its host has no more room, and everybody else has.
    const answers = await Promise.race([1, 2].map((i) => once(sockets[i]!, 'data')))
    expect(String(answers[0])).toContain('503')
    expect((await post(running.url, honest.key, [sealed('honest', 1)])).status).toBe(200)
    await closed[0]
    const own = async () => (await post(running.url, hostile.key, [sealed('hostile', 1)])).status
    await expect.poll(own, { timeout: 5_000 }).toBe(200)
    expect(await running.metrics.registry.metrics()).toContain('refused_requests_total{reason="slow"}')
  })

  test('of many hosts share offers, and each keeps its own id', async () => {
    // Longer than all of them take, on a slow machine too.
    const running = await runIngest({ lingerMs: 1_500 })
    const hosts = await Promise.all(Array.from({ length: 30 }, (_, i) => enrolled(running, `host-${i}`)))
    const answers = await Promise.all(hosts.map(({ key }, i) => post(running.url, key, [sealed(`host-${i}`, 1)])))
    expect(answers.every(({ status }) => status === 200)).toBe(true)
    const metrics = await running.metrics.registry.metrics()
    expect(Number(/^seamark_ingest_offers_total (\d+)/m.exec(metrics)?.[1])).toBeLessThan(10)
    const ids = (await take(running.queue, 'batches', 30)).map(({ id }) => id)
    expect(new Set(ids).size).toBe(30)
    expect(ids).toContain(`${header('host-29', 1).collector}/e1/1`)
  })

  test('show when a host was last seen, and how far its clock is off', async () => {
    const running = await runIngest()
    const { key } = await enrolled(running)
    await post(running.url, key, [sealed('host-1', 1)], { 'seamark-sent-ms': String(Date.now() + 90_000) })
    await expect.poll(async () => (await running.agents.list())[0]?.status?.skewMs ?? 0).toBeGreaterThan(80_000)
  })
})
