/**
 * What a deployment needs in its services before its processes start: the index template in Elasticsearch, rules on
 * Redis, and a token with which the collector beside them enrols. Each is done once; doing it again changes nothing.
 */
import { rmSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Documents } from '../../core/model/documents.ts'
import { AppError } from '../../core/model/errors.ts'
import { backoffMs } from '../../core/runtime/backoff.ts'
import { Agents } from '../../ingest/agents.ts'
import { openElasticsearch } from '../backends.ts'
import type { Config } from '../config.ts'
import { withDocuments } from '../distributed/with-documents.ts'
import { activeRules, publishRules } from '../rules/published-rules.ts'
import { readRuleFiles } from '../rules/rule-files.ts'
import { writeSafely } from './write-safely.ts'

export interface PrepareOptions {
  config: Config
  /** The collector to be enrolled and where its token goes; null for none. */
  enrol: { collector: string; tokenFile: string } | null
  /** How long services may take to answer. */
  waitMs: number
  tell: (line: string) => void
}

const TOKEN_VALID_MS = 24 * 3_600_000

/** Throws AppError: what the last attempt met when the time is over, or at once what waiting does not mend. */
export async function prepareServices({ config, enrol, waitMs, tell }: PrepareOptions): Promise<void> {
  const endMs = performance.now() + waitMs
  await retried(endMs, () => withTemplate(config))
  tell('index template: in place')
  await retried(endMs, () =>
    withDocuments(config, async (documents) => {
      tell(await withRules(documents, config))
      if (enrol !== null) tell(await withToken(documents, enrol))
    }),
  )
}

async function withTemplate(config: Config): Promise<void> {
  const store = openElasticsearch(config)
  try {
    await store.prepare()
  } finally {
    await store.stop(1_000)
  }
}

async function withRules(documents: Documents, config: Config): Promise<string> {
  const active = await activeRules(documents)
  if (active !== null) return `rules: version ${active.version} was published before`
  const { version } = await publishRules(documents, readRuleFiles(config.rules), config)
  return `rules: version ${version} published`
}

async function withToken(documents: Documents, { collector, tokenFile }: NonNullable<PrepareOptions['enrol']>) {
  const agents = new Agents({ documents })
  const known = (await agents.list()).some((agent) => agent.collector === collector && agent.revokedMs === null)
  if (known) {
    rmSync(tokenFile, { force: true })
    return `collector ${collector}: enrolled before`
  }
  writeSafely(tokenFile, `${await agents.createToken(TOKEN_VALID_MS)}\n`, 0o440)
  return `collector ${collector}: may enrol within a day`
}

async function retried(endMs: number, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      const waitMs = backoffMs(attempt, { firstMs: 250, maxMs: 3_000 })
      if (!(error instanceof AppError) || !error.retryable || performance.now() + waitMs > endMs) throw error
      await sleep(waitMs)
    }
  }
}
