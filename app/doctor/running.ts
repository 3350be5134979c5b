/** What `doctor` learns from a Seamark that runs: whether it is ready, and the conditions that its processes found. */
import type { ShownCondition } from '../../core/health/readiness.ts'
import { AppError } from '../../core/model/errors.ts'
import type { Visibility } from '../../core/model/source.ts'
import type { ApiClient } from '../api-client.ts'
import type { Config } from '../config.ts'

const ANSWER_MS = 5_000

type Blind = Visibility['blind'][number]

/** Through the API. Throws AppError E_API_UNAVAILABLE where nobody answers though `isRequired`. */
export async function runningSeamark(client: ApiClient, isRequired: boolean): Promise<Visibility> {
  const { base } = client
  const status = await client.status()
  if (status.state === 'down') {
    if (isRequired) throw new AppError('E_API_UNAVAILABLE', `No Seamark answers at ${base}`, { retryable: true })
    const note = `no Seamark runs at ${base} (start one: seamark up; or name its --data-dir or --url)`
    return { source: 'api', sees: [], notes: [note], blind: [] }
  }
  const fix = `see ${base}/readyz, and its log`
  const blind: Blind[] = status.state === 'ready' ? [] : [{ what: `the Seamark at ${base}`, why: status.reason, fix }]
  try {
    const { conditions } = await client.get<{ conditions: (ShownCondition & { part: string })[] }>('/api/v1/conditions')
    blind.push(...conditions.map((one) => blindBy(one, one.part)))
  } catch (error) {
    // What it could not read is named by its readiness, where it is of importance.
    if (!(error instanceof AppError)) throw error
    blind.push({ what: `what the parts of the Seamark at ${base} found`, why: error.message, fix })
  }
  return { source: 'api', sees: [`a Seamark answers at ${base}`], blind }
}

/** A host of a deployment, by its address for health. */
export async function runningHost({ health: { host, port } }: Config): Promise<Visibility> {
  const name = host === '0.0.0.0' ? '127.0.0.1' : host
  const base = `http://${name.includes(':') ? `[${name}]` : name}:${port}`
  try {
    const answer = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(ANSWER_MS) })
    const { reason, conditions = [] } = (await answer.json()) as { reason?: string; conditions?: ShownCondition[] }
    const blind: Blind[] = conditions.map((one) => blindBy(one, 'this host'))
    if (!answer.ok) blind.push({ what: 'this host', why: reason ?? `it answers ${answer.status}`, fix: 'see its log' })
    return { source: 'host', sees: [`a Seamark collector answers at ${base}`], blind }
  } catch (error) {
    const { code } = (error as { cause?: NodeJS.ErrnoException }).cause ?? {}
    if (code === 'ECONNREFUSED')
      return { source: 'host', sees: [], notes: [`no Seamark collector runs at ${base}`], blind: [] }
    const why = error instanceof Error ? error.message : String(error)
    return { source: 'host', sees: [], blind: [{ what: `the collector at ${base}`, why, fix: 'see its log' }] }
  }
}

function blindBy({ condition, subject, means, why, fix, since }: ShownCondition, part: string): Blind {
  const about = subject === '' ? condition : `${condition} of ${subject}`
  return { what: `${about}, found by ${part}`, why: `${means}: ${why} (since ${since})`, fix }
}
