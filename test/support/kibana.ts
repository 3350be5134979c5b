/**
 * An HTTP server with the part of Kibana's documented API that the import uses: status, import and export of saved
 * objects, spaces, logins, the kbn-xsrf header. It can also misbehave in the ways that Kibana was seen to.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface StoredObject {
  type: string
  id: string
  attributes: { title: string }
  references: { type: string; id: string; name: string }[]
}

export interface KibanaBehaviour {
  /** `user:password`; without it anybody may. */
  login?: string
  /** Answers of /api/status that are 503 before the first that is 200. */
  unavailableAnswers?: number
  /** Says that all was imported, and keeps only what this lets pass. */
  keeps?: (object: StoredObject) => boolean
  /** Stores objects under an id that begins with this, as when another space has them. */
  renamedTo?: string
  /** Answers every import with this. */
  importAnswer?: { status: number; body: string }
}

export interface FakeKibana {
  url: string
  /** `space/type/id` → object. */
  stored: Map<string, StoredObject>
  statusRequests: () => number
  close(): void
}

export async function startKibana(behaviour: KibanaBehaviour = {}): Promise<FakeKibana> {
  const stored = new Map<string, StoredObject>()
  let statusRequests = 0

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => send(response, 500, { message: String(error) }))
  })

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://kibana')
    const login = behaviour.login === undefined ? undefined : `Basic ${Buffer.from(behaviour.login).toString('base64')}`
    if (login !== undefined && request.headers.authorization !== login)
      return send(response, 401, { statusCode: 401, error: 'Unauthorized', message: 'Unauthorized' })
    if (url.pathname === '/api/status') {
      statusRequests += 1
      const isReady = statusRequests > (behaviour.unavailableAnswers ?? 0)
      const level = isReady ? 'available' : 'unavailable'
      return send(response, isReady ? 200 : 503, { status: { overall: { level } } })
    }
    const [, space = 'default', path] = /^(?:\/s\/([^/]+))?(\/api\/.*)$/.exec(url.pathname) ?? []
    if (request.method !== 'POST') return send(response, 404, { statusCode: 404, message: 'Not Found' })
    if (request.headers['kbn-xsrf'] === undefined)
      return send(response, 400, { statusCode: 400, message: 'Request must contain a kbn-xsrf header.' })
    const body = await bodyOf(request)
    if (path === '/api/saved_objects/_import') return importAll(response, space, body, request, url)
    if (path === '/api/saved_objects/_export') return exportAll(response, space, body)
    return send(response, 404, { statusCode: 404, message: 'Not Found' })
  }

  async function importAll(
    response: ServerResponse,
    space: string,
    body: Buffer,
    request: IncomingMessage,
    url: URL,
  ): Promise<void> {
    if (behaviour.importAnswer !== undefined) {
      response.writeHead(behaviour.importAnswer.status).end(behaviour.importAnswer.body)
      return
    }
    const headers = { 'content-type': request.headers['content-type'] ?? '' }
    const file = (await new Response(new Uint8Array(body), { headers }).formData()).get('file') as File
    if (!file.name.endsWith('.ndjson'))
      return send(response, 400, { statusCode: 400, message: `Invalid file extension ${file.name}` })
    const objects = (await file.text())
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as StoredObject)
    const isThere = ({ type, id }: { type: string; id: string }) =>
      stored.has(`${space}/${type}/${id}`) || objects.some((one) => one.type === type && one.id === id)
    const errors = objects.flatMap((object) => {
      const { type, id, attributes } = object
      const references = object.references.filter((one) => !isThere(one))
      if (references.length > 0)
        return [{ type, id, meta: attributes, error: { type: 'missing_references', references } }]
      const isTaken = stored.has(`${space}/${type}/${id}`) && url.searchParams.get('overwrite') !== 'true'
      return isTaken ? [{ type, id, meta: attributes, error: { type: 'conflict' } }] : []
    })
    const good = objects.filter(({ type, id }) => !errors.some((one) => one.type === type && one.id === id))
    const newId = (id: string) => (behaviour.renamedTo === undefined ? id : `${behaviour.renamedTo}${id}`)
    for (const object of good) {
      if (behaviour.keeps?.(object) === false) continue
      const references = object.references.map((one) => ({ ...one, id: newId(one.id) }))
      stored.set(`${space}/${object.type}/${newId(object.id)}`, { ...object, id: newId(object.id), references })
    }
    return send(response, 200, {
      success: errors.length === 0,
      successCount: good.length,
      successResults: good.map(({ type, id }) => ({
        type,
        id,
        meta: {},
        ...(newId(id) === id ? {} : { destinationId: newId(id) }),
      })),
      ...(errors.length === 0 ? {} : { errors }),
    })
  }

  function exportAll(response: ServerResponse, space: string, body: Buffer): void {
    const { objects } = JSON.parse(body.toString()) as { objects: { type: string; id: string }[] }
    const key = ({ type, id }: { type: string; id: string }) => `${space}/${type}/${id}`
    const missing = objects.filter((object) => !stored.has(key(object)))
    if (missing.length > 0) {
      send(response, 400, {
        statusCode: 400,
        error: 'Bad Request',
        message: 'Error fetching objects to export',
        attributes: { objects: missing.map((one) => ({ ...one, error: { statusCode: 404, error: 'Not Found' } })) },
      })
      return
    }
    const found = objects.map((object) => stored.get(key(object))!)
    const missingReferences = found.flatMap(({ references }) => references).filter((one) => !stored.has(key(one)))
    const details = { exportedCount: found.length, missingRefCount: missingReferences.length, missingReferences }
    response.writeHead(200, { 'content-type': 'application/ndjson' })
    response.end([...found, details].map((line) => JSON.stringify(line)).join('\n'))
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stored,
    statusRequests: () => statusRequests,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
