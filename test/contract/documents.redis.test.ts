import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, onTestFinished } from 'vitest'
import { createRedisDocuments } from '../../backends/redis/documents.ts'
import { type RedisServer, redisMissing, startRedis } from '../support/redis.ts'
import { documentsSuite } from './documents.suite.ts'

const missing = redisMissing()
let server: RedisServer | undefined
beforeAll(async () => {
  if (missing === null) server = await startRedis()
})
afterAll(() => server?.remove())

describe.skipIf(missing !== null)(`Redis${missing === null ? '' : ` (${missing})`}`, () =>
  documentsSuite('Redis', async () => {
    const prefix = `{${randomUUID()}}`
    return {
      async open() {
        const documents = createRedisDocuments({ url: server!.url, prefix })
        await documents.start()
        onTestFinished(() => documents.stop(1_000))
        return documents
      },
    }
  }),
)
