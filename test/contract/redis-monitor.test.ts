import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createRedisMonitor } from '../../backends/redis/monitor.ts'
import { Conditions } from '../../core/health/conditions.ts'
import { Metrics } from '../../core/runtime/metrics.ts'
import { redisMissing, startRedis } from '../support/redis.ts'
import { until } from '../support/wait.ts'

const missing = redisMissing()

async function watching(url: string) {
  const metrics = new Metrics()
  const conditions = new Conditions({ metrics })
  const monitor = createRedisMonitor({ url, conditions, metrics, everyMs: 20 })
  await monitor.start()
  onTestFinished(() => monitor.stop(1_000))
  return {
    named: () => conditions.current().map(({ name }) => name),
    reasons: () => conditions.current().map(({ message }) => message),
    metric: async (name: string) =>
      Number(new RegExp(`^${name} (\\S+)`, 'm').exec(await metrics.registry.metrics())?.[1]),
  }
}

describe.skipIf(missing !== null)(`the Redis monitor${missing === null ? '' : ` (skipped: ${missing})`}`, () => {
  test('finds nothing wrong with a server that is set as it should be', async () => {
    const server = await startRedis()
    onTestFinished(() => server.remove())
    const { named, metric } = await watching(server.url)
    expect([named(), await metric('seamark_redis_up')]).toEqual([[], 1])
  })

  test('finds each setting that promises less than the queue does, and that it was mended', async () => {
    const server = await startRedis(['--appendfsync', 'everysec', '--maxmemory-policy', 'allkeys-lru'])
    onTestFinished(() => server.remove())
    const { named, reasons } = await watching(server.url)
    expect(named().sort()).toEqual(['redis.evicting', 'redis.unsafe'])
    expect(reasons().join('\n')).toMatch(/allkeys-lru[\s\S]*everysec/)
    const redis = new Redis(server.url)
    onTestFinished(() => redis.disconnect())
    await redis.config('SET', 'maxmemory-policy', 'noeviction')
    await redis.config('SET', 'appendfsync', 'always')
    await until('all to be well', () => named().length === 0)
    await redis.config('SET', 'appendonly', 'no')
    await until('the missing file', () => reasons()[0]?.includes('no append-only file'))
  })

  test('counts what was thrown away, and sees that it is full', async () => {
    const server = await startRedis(['--maxmemory', '6mb', '--maxmemory-policy', 'allkeys-lru'])
    onTestFinished(() => server.remove())
    const { named, metric } = await watching(server.url)
    const redis = new Redis(server.url)
    onTestFinished(() => redis.disconnect())
    for (let i = 0; i < 100; i++) await redis.set(`key-${i}`, 'x'.repeat(100_000))
    await until('the keys that went', () => named().includes('redis.evicted'))
    expect(await metric('seamark_redis_evicted_keys_total')).toBeGreaterThan(10)
    expect(named()).toContain('redis.full')
    expect(await metric('seamark_redis_max_bytes')).toBe(6 * 1024 ** 2)
  })

  test('starts without a server, says why it is not there, and sees it come and go', async () => {
    const server = await startRedis()
    onTestFinished(() => server.remove())
    await server.kill()
    const { named, reasons, metric } = await watching(server.url)
    expect([named(), reasons()[0]]).toEqual([['redis.unreachable'], expect.stringContaining('ECONNREFUSED')])
    expect(await metric('seamark_redis_up')).toBe(0)
    await server.start()
    await until('it to answer', () => named().length === 0)
    await server.kill()
    await until('it to be missed', () => named().includes('redis.unreachable'))
  })
})
