import { describe, expect, test } from 'vitest'
import { freePort } from '../support/redis.ts'
import { runSeamark } from '../support/seamark.ts'

describe('without a Redis that answers', () => {
  // A process that neither works nor ends would not be started again by whoever supervises it.
  test.each(['ingest', 'analyzer', 'agents list'])('%s says so and ends', async (command) => {
    const env = {
      SEAMARK_REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
      SEAMARK_ELASTICSEARCH_URL: `http://127.0.0.1:${await freePort()}`,
    }
    const { code, stderr } = await runSeamark(command.split(' '), env)
    expect([code, stderr]).toEqual([expect.toBeOneOf([3, 4]), expect.stringContaining('Redis does not answer')])
  })
})
