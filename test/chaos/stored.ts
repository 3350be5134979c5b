/** What lies in Elasticsearch and in Redis after a run, read from the servers themselves. */
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'

export interface StoredDocument {
  index: string
  id: string
  source: Record<string, unknown>
}

const PAGE = 10_000
const MAX_TRIES = 60
const TRY_AGAIN_MS = 500

/** Every document of a kind, from all its indices. */
export async function storedDocuments(
  url: string,
  kind: 'events' | 'detections' | 'alerts',
  fields: readonly string[],
  prefix = 'seamark',
): Promise<StoredDocument[]> {
  await fetch(`${url}/${prefix}-*/_refresh`, { method: 'POST' })
  const documents: StoredDocument[] = []
  for (let after: unknown[] | undefined; ; ) {
    const page = (await send(`${url}/${prefix}-${kind}-*/_search`, {
      size: PAGE,
      sort: ['seamark_doc.time', 'seamark_doc.id', '_index'],
      _source: fields,
      ...(after === undefined ? {} : { search_after: after }),
    })) as {
      hits: { hits: { _index: string; _id: string; _source: Record<string, unknown>; sort: unknown[] }[] }
    }
    for (const { _index, _id, _source } of page.hits.hits) documents.push({ index: _index, id: _id, source: _source })
    const last = page.hits.hits.at(-1)
    if (last === undefined) return documents
    after = last.sort
  }
}

export async function indexNames(url: string): Promise<string[]> {
  const response = await fetch(`${url}/_cat/indices/seamark-*?h=index&format=json`)
  return ((await response.json()) as { index: string }[]).map(({ index }) => index).sort()
}

/** The value at a path of nested objects. */
export function valueAt(document: Record<string, unknown>, path: string): unknown {
  let value: unknown = document
  for (const name of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[name]
  return value
}

/** Keys of Redis without the bounded ones, and members of the bounded ones that are over their bound. */
export async function leftInRedis(url: string, bounds: readonly (readonly [RegExp, number])[]): Promise<string[]> {
  const redis = new Redis(url)
  try {
    const left: string[] = []
    for (const key of (await redis.keys('*')).sort()) {
      const bound = bounds.find(([pattern]) => pattern.test(key))
      const size = await sizeOf(redis, key)
      if (bound === undefined || size > bound[1]) left.push(`${key} (${size})`)
    }
    return left
  } finally {
    redis.disconnect()
  }
}

async function sizeOf(redis: Redis, key: string): Promise<number> {
  switch (await redis.type(key)) {
    case 'zset':
      return redis.zcard(key)
    case 'hash':
      return redis.hlen(key)
    case 'list':
      return redis.llen(key)
    case 'stream':
      return redis.xlen(key)
    case 'set':
      return redis.scard(key)
    default:
      return 1
  }
}

/** An index that was just made has no shard for a moment, which on a busy machine is long. */
async function send(url: string, body: unknown): Promise<unknown> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    if (response.ok) return response.json()
    const text = await response.text()
    if (response.status !== 503 || tries === MAX_TRIES) throw new Error(`${url}: ${response.status} ${text}`)
    await sleep(TRY_AGAIN_MS)
  }
}
