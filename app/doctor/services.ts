/** What `doctor` finds in Redis and Elasticsearch themselves, whether or not a Seamark runs. */
import { inspectElasticsearch } from '../../backends/elasticsearch/inspect.ts'
import { inspectRedis, redisConditions } from '../../backends/redis/state.ts'
import { CONDITIONS } from '../../core/health/conditions.ts'
import type { Visibility } from '../../core/model/source.ts'
import { withinTime } from '../../core/runtime/deadline.ts'
import { elasticsearchConfig, redisConfig } from '../backends.ts'
import type { Config } from '../config.ts'

/** A service that hangs is no better than one that is away. */
const ANSWER_MS = 5_000

async function asked<T>(ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController()
  try {
    return await withinTime(ANSWER_MS, ask(over.signal))
  } finally {
    over.abort()
  }
}

export async function redisVisibility(config: Config): Promise<Visibility> {
  try {
    const state = await asked((signal) => inspectRedis(redisConfig(config), signal))
    const blind = redisConditions(state).flatMap(([name, problem]) =>
      problem === null ? [] : [{ what: `${name}: ${CONDITIONS[name].means}`, why: problem, fix: CONDITIONS[name].fix }],
    )
    const used = `${(state.usedBytes / 1024 ** 2).toFixed(1)} MiB used`
    return { source: 'redis', sees: [`Redis ${state.version}, ${used}, policy ${state.policy}`], blind }
  } catch (error) {
    const { means, fix } = CONDITIONS['redis.unreachable']
    const what = `redis.unreachable: ${means}`
    return { source: 'redis', sees: [], blind: [{ what, why: (error as Error).message, fix }] }
  }
}

export async function elasticsearchVisibility(config: Config): Promise<Visibility> {
  const { means, fix } = CONDITIONS['store.failing']
  const what = `store.failing: ${means}`
  try {
    const { sees, problems } = await asked((signal) => inspectElasticsearch(elasticsearchConfig(config), signal))
    const blind = problems.map(({ why, fix: ownFix }) => ({ what, why, fix: ownFix ?? fix }))
    return { source: 'elasticsearch', sees, blind }
  } catch (error) {
    return { source: 'elasticsearch', sees: [], blind: [{ what, why: (error as Error).message, fix }] }
  }
}
