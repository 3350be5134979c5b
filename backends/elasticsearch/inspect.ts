/** Asks an Elasticsearch how it fares, for people who look for what is wrong. Changes nothing. */
import {
  type Answer,
  connect,
  DEFAULT_PREFIX,
  type ElasticsearchConfig,
  isForbidden,
  reasonOf,
  request,
} from './connection.ts'

export interface ElasticsearchFindings {
  sees: string[]
  problems: { why: string; fix?: string }[]
}

interface Health {
  status: 'green' | 'yellow' | 'red'
  number_of_nodes: number
}

type Settings = Record<string, { settings?: { index?: { blocks?: Record<string, string> } } }>

interface Pools {
  nodes: Record<string, { name: string; thread_pool: { write: { queue: number; rejected: number } } }>
}

/** Throws AppError E_STORE_STORAGE where it does not answer, or not before the signal aborts. */
export async function inspectElasticsearch(
  config: ElasticsearchConfig,
  signal?: AbortSignal,
): Promise<ElasticsearchFindings> {
  const { prefix = DEFAULT_PREFIX } = config
  const client = connect(config)
  const found: ElasticsearchFindings = { sees: [], problems: [] }
  try {
    // What the user of the configuration may not read is said, and is no fault; that nobody answers is one.
    const mayFail = async <T>(path: string, query: Record<string, boolean>, read: (body: T) => void) => {
      const asked = request<T>(client, { method: 'GET', path, query, ...(signal === undefined ? {} : { signal }) })
      const answer: Answer<T> | Error = await asked.catch((error: Error) => error)
      if (answer instanceof Error && !isForbidden(answer)) throw answer
      if (answer instanceof Error) found.sees.push(`${path} cannot be read: ${answer.message}`)
      else if (answer.status < 300) read(answer.body)
      else found.sees.push(`${path} cannot be read: ${reasonOf(answer.body as object)}`)
    }
    await mayFail<Health>('/_cluster/health', {}, ({ status, number_of_nodes: nodes }) => {
      found.sees.push(`Elasticsearch is ${status}, ${nodes} nodes`)
      if (status === 'red') found.problems.push({ why: 'the cluster is red: some shard has no copy that serves' })
    })
    await mayFail<Settings>(`/${prefix}-*/_settings/index.blocks.*`, { allow_no_indices: true }, (indices) => {
      for (const [index, { settings }] of Object.entries(indices)) {
        const blocks = Object.entries(settings?.index?.blocks ?? {}).filter(([, value]) => value === 'true')
        for (const [block] of blocks)
          found.problems.push({
            why: `index ${index} has the block ${block}`,
            fix: `free disk if it is short, then: PUT /${index}/_settings {"index.blocks.${block}": null}`,
          })
      }
    })
    await mayFail<Pools>('/_nodes/stats/thread_pool', {}, ({ nodes }) => {
      for (const { name, thread_pool: pool } of Object.values(nodes))
        found.sees.push(`node ${name}: ${pool.write.queue} writes wait, ${pool.write.rejected} were rejected (429)`)
    })
    return found
  } finally {
    await client.close()
  }
}
