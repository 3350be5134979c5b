/**
 * Takes the deployment's rules from ingest: asks when an answer names another version, and every so often. The last set
 * is kept in a file, so that a host that starts while ingest is away watches with the rules it had.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import type { Component } from '../../core/model/component.ts'
import { INGEST_PATHS } from '../../core/model/ingest-protocol.ts'
import type { PublishedRules } from '../../core/model/published-rules.ts'
import { doneOrLate } from '../../core/runtime/deadline.ts'
import type { Logger } from '../../core/runtime/logging.ts'
import { detailOf, type IngestClient } from './ingest-client.ts'

export interface RulesFollowerOptions {
  client: IngestClient
  /** Where the last set is kept. */
  path: string
  /** Puts a set to work; one that throws is told of and not tried again until there is another. */
  apply: (rules: PublishedRules) => Promise<void>
  logger: Logger
  pollMs?: number
}

export class RulesFollower implements Component {
  private readonly options: RulesFollowerOptions
  private timer: NodeJS.Timeout | undefined
  /** In force here, or refused here. */
  private version: string | null = null
  private asking: Promise<void> | null = null

  constructor(options: RulesFollowerOptions) {
    this.options = options
  }

  /** The set this host had when it last ran; null where there is none. */
  static stored(path: string): PublishedRules | null {
    try {
      return JSON.parse(readFileSync(path, 'utf8')) as PublishedRules
    } catch {
      return null
    }
  }

  async start(): Promise<void> {
    this.version = RulesFollower.stored(this.options.path)?.version ?? null
    void this.ask()
    this.timer = setInterval(() => void this.ask(), this.options.pollMs ?? 30_000)
    this.timer.unref()
  }

  /** An answer that is still awaited is not waited for longer than the deadline. */
  async stop(deadlineMs: number): Promise<void> {
    clearInterval(this.timer)
    await doneOrLate(deadlineMs, this.asking)
  }

  /** An answer of ingest named the active version. */
  hear(version: string): void {
    if (version !== this.version) void this.ask()
  }

  /** Never rejects: the rules in force stay so. */
  private ask(): Promise<void> {
    this.asking ??= this.fetch()
      .catch((error: unknown) => this.options.logger.warn({ err: error }, 'The rules of the centre cannot be used'))
      .finally(() => {
        this.asking = null
      })
    return this.asking
  }

  private async fetch(): Promise<void> {
    const { client, path, apply, logger } = this.options
    const headers = this.version === null ? {} : { 'if-none-match': `"${this.version}"` }
    const answer = await client.send({ method: 'GET', path: INGEST_PATHS.rules, headers })
    if (answer.status === 304) return
    if (answer.status !== 200) {
      logger.info({ answer: detailOf(answer) }, 'Ingest has no rules for this host yet')
      return
    }
    const rules = JSON.parse(answer.body.toString('utf8')) as PublishedRules
    this.version = rules.version
    await apply(rules)
    writeFileSync(`${path}.new`, JSON.stringify(rules), { mode: 0o600, flush: true })
    renameSync(`${path}.new`, path)
  }
}
